"""Reports of unhandled exceptions, and exceptions in the handler itself."""

from __future__ import annotations

import gc
from contextvars import ContextVar
from typing import Any

import pytest

import miniloop
from tests.virtual import VirtualLoop, logged, virtual_loop


def broken_handler(loop: Any, context: dict[str, Any]) -> None:
    raise LookupError("in the handler")


def test_a_handler_is_called_instead_of_logging() -> None:
    steps: list[object] = []
    with virtual_loop() as loop, logged() as lines:
        loop.set_exception_handler(lambda told_by, context: steps.append((told_by, context)))
        loop.call_exception_handler({"message": "to the handler"})
        loop.set_exception_handler(None)
        loop.call_exception_handler({"message": "to the log", "detail": 1})
        assert loop.get_exception_handler() is None
    assert steps == [(loop, {"message": "to the handler"})]
    assert lines == ["ERROR to the log\ndetail: 1"]


@pytest.mark.parametrize("wrong", [5, "handler", []])
def test_a_handler_must_be_callable(wrong: Any) -> None:
    with virtual_loop() as loop:
        before = loop.get_exception_handler()
        with pytest.raises(TypeError, match=r"^A callable object or None is expected, got "):
            loop.set_exception_handler(wrong)
        assert loop.get_exception_handler() is before


def test_an_exception_in_the_handler_is_logged_with_the_original_report() -> None:
    with virtual_loop() as loop, logged() as lines:
        loop.set_exception_handler(broken_handler)
        loop.call_exception_handler({"message": "the first trouble"})
    assert lines == [
        "ERROR Unhandled error in exception handler\ncontext: {'message': 'the first trouble'}"
    ]


def test_if_the_default_handler_fails_too_both_exceptions_are_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Broken(VirtualLoop):
        def default_exception_handler(self, context: dict[str, Any]) -> None:
            raise LookupError("in the default handler")

    loop = Broken()
    with logged() as lines:
        loop.set_exception_handler(None)
        loop.call_exception_handler({"message": "trouble"})
        loop.set_exception_handler(broken_handler)
        loop.call_exception_handler({"message": "trouble"})
    loop.close()
    default, custom = "Exception in default exception handler", "in custom exception handler"
    assert lines == [
        f"ERROR {default}",
        f"ERROR {default} while handling an unexpected error {custom}",
    ]
    failures = [record.exc_info[1] for record in caplog.records if record.exc_info]
    assert [repr(failure and failure.__context__) for failure in failures] == [
        "None",
        "LookupError('in the handler')",
    ]


def test_an_exception_in_the_handler_keeps_no_object_alive() -> None:
    class Quiet(VirtualLoop):
        def default_exception_handler(self, context: dict[str, Any]) -> None:
            """Log nothing, because pytest would keep the log records."""

    loop = Quiet()
    loop.set_exception_handler(broken_handler)
    gc.collect()
    loop.call_exception_handler({"message": "trouble"})
    assert gc.collect() == 0
    loop.close()


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt])
def test_systemexit_and_keyboardinterrupt_propagate_from_both_handlers(
    error: type[BaseException],
) -> None:
    def end(*_: object) -> None:
        raise error

    class Ending(VirtualLoop):
        def default_exception_handler(self, context: dict[str, Any]) -> None:
            end()

    with virtual_loop() as loop:
        loop.set_exception_handler(end)
        with pytest.raises(error):
            loop.call_exception_handler({})
    loop = Ending()
    loop.set_exception_handler(None)
    with pytest.raises(error):
        loop.call_exception_handler({})
    loop.close()


def test_the_handler_runs_in_the_context_of_the_task_or_handle() -> None:
    color = ContextVar("color", default="none")
    steps: list[object] = []

    async def fail() -> None:
        color.set("of the task")
        raise KeyError

    def fail_soon() -> None:
        color.set("of the handle")
        raise KeyError

    with virtual_loop() as loop:
        loop.set_exception_handler(lambda _, context: steps.append(color.get()))
        loop.call_soon(fail_soon)
        task = loop.create_task(fail())
        loop.run_turns()
        loop.call_exception_handler({"message": "of a task", "task": task})
        loop.call_exception_handler({"message": "of nothing"})
        task.exception()
    assert steps == ["of the handle", "of the task", "none"]


def test_any_dictionary_can_be_reported() -> None:
    with virtual_loop() as loop, logged() as lines:
        loop.set_exception_handler(None)
        loop.call_exception_handler({})
        loop.call_exception_handler({"message": "a future", "future": miniloop.Future(loop=loop)})
    assert lines == [
        "ERROR Unhandled exception in event loop",
        "ERROR a future\nfuture: <Future pending>",
    ]
