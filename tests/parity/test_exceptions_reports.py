"""Exceptions that nothing catches: reports to the exception handler, log records and warnings."""

from __future__ import annotations

import gc
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.parity.harness import Stage, attempt, describe


def test_a_callback_that_raises_is_reported_and_the_loop_continues(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    def failing() -> None:
        raise ValueError("in a callback")

    async def main() -> None:
        loop = aio.get_running_loop()
        loop.call_soon(failing)
        loop.call_soon(log, "the next callback")
        await aio.sleep(0)

    stage.run(main)
    log(stage.logged())

    line = "ERROR Exception in callback failing() at test_exceptions_reports.py:…"
    assert log == ["the next callback", [f"{line} [ValueError: in a callback]"]]


def test_the_exception_handler_receives_the_loop_and_a_context_with_three_keys(
    stage: Stage,
) -> None:
    aio, log = stage.aio, stage.log

    def failing() -> None:
        raise ValueError("in a callback")

    def handler(loop: Any, context: dict[str, Any]) -> None:
        log(sorted(context), loop is aio.get_running_loop())
        log(describe(context["exception"]), context["handle"] is handles[0])

    handles: list[Any] = []

    async def main() -> None:
        loop = aio.get_running_loop()
        loop.set_exception_handler(handler)
        log(loop.get_exception_handler() is handler)
        handles.append(loop.call_soon(failing))
        await aio.sleep(0)
        loop.set_exception_handler(None)
        log(loop.get_exception_handler())

    assert stage.run(main) == [
        True,
        (["exception", "handle", "message"], True),
        ("ValueError: in a callback", True),
        None,
    ]


def test_an_exception_handler_that_raises_is_reported_itself(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    def handler(_: Any, context: dict[str, Any]) -> None:
        log("handling", describe(context["exception"]))
        raise KeyError("in the handler")

    async def main() -> None:
        loop = aio.get_running_loop()
        loop.set_exception_handler(handler)
        loop.call_soon(lambda: 1 / 0)
        loop.call_soon(log, "the loop continues")
        await aio.sleep(0)

    stage.run(main)
    log(stage.logged())

    assert log == [
        ("handling", "ZeroDivisionError: division by zero"),
        "the loop continues",
        ["ERROR Unhandled error in exception handler [KeyError: 'in the handler']"],
    ]


def test_a_program_can_call_the_exception_handler_itself(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        loop = aio.get_running_loop()
        loop.call_exception_handler({"message": "to the log", "detail": 1})
        loop.set_exception_handler(stage.report)
        loop.call_exception_handler({"message": "to the handler"})
        loop.default_exception_handler({"message": "to the log despite the handler"})

    stage.run(main)
    log(stage.logged())

    assert log == [
        ("report", "to the handler", None),
        ["ERROR to the log", "ERROR to the log despite the handler"],
    ]


def test_a_done_callback_that_raises_does_not_prevent_the_others(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    def failing(_: Any) -> None:
        raise ValueError("in a done callback")

    async def main() -> None:
        future = aio.Future()
        future.add_done_callback(failing)
        future.add_done_callback(lambda _: log("the next one"))
        future.set_result(None)
        await aio.sleep(0)
        log([line.rpartition("[")[2] for line in stage.logged()])

    assert stage.run(main) == ["the next one", ["ValueError: in a done callback]"]]


def test_an_exception_that_is_never_retrieved_is_reported_when_the_future_is_freed(
    stage: Stage,
) -> None:
    aio, log = stage.aio, stage.log

    async def failing() -> None:
        raise ValueError("never retrieved")

    async def main() -> None:
        loop = aio.get_running_loop()
        loop.set_exception_handler(stage.report)
        task = aio.create_task(failing())
        await aio.sleep(0)
        log("the task is done", task.done())
        del task
        stage.collect()
        log("the task is freed")
        future = aio.Future()
        future.set_exception(KeyError("never retrieved"))
        del future
        stage.collect()

    assert stage.run(main) == [
        ("the task is done", True),
        ("report", "Task exception was never retrieved", "ValueError: never retrieved"),
        "the task is freed",
        ("report", "Future exception was never retrieved", "KeyError: 'never retrieved'"),
    ]


def test_an_exception_that_was_retrieved_is_not_reported(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        read, raised, observed, cancelled = (aio.Future() for _ in range(4))
        for future in (read, raised, observed):
            future.set_exception(ValueError("known"))
        cancelled.cancel()
        log(describe(read.exception()))
        log(attempt(raised.result))
        observed.add_done_callback(lambda f: log("observed", f.exception() is not None))
        await aio.sleep(0)
        del read, raised, observed, cancelled, future
        stage.collect()
        log(stage.logged())

    assert stage.run(main) == [
        "ValueError: known",
        "raised ValueError: known",
        ("observed", True),
        [],
    ]


def test_a_callback_that_does_not_read_the_exception_does_not_retrieve_it(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        future = aio.Future()
        future.add_done_callback(lambda f: log("done", f.done()))
        future.set_exception(ValueError("never retrieved"))
        await aio.sleep(0)
        del future
        stage.collect()
        log(stage.logged())

    assert stage.run(main) == [
        ("done", True),
        ["ERROR Future exception was never retrieved [ValueError: never retrieved]"],
    ]


def test_a_pending_task_that_is_freed_is_reported(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def work(future: Any) -> None:
        try:
            await future
        finally:
            log("the coroutine is closed")

    async def main() -> None:
        loop = aio.get_running_loop()
        loop.set_exception_handler(lambda _, context: log(sorted(context), context["message"]))
        task = aio.create_task(work(aio.Future()))
        await aio.sleep(0)
        log("no other reference to the task")
        del task
        stage.collect()

    stage.run(main)
    log[1:] = sorted(log[1:], key=str)  # the garbage collector decides which of the two comes first

    assert log == [
        "no other reference to the task",
        (["message", "task"], "Task was destroyed but it is pending!"),
        "the coroutine is closed",
    ]


def test_a_pending_task_of_a_closed_loop_is_reported(stage: Stage) -> None:
    log, loop = stage.log, stage.new_loop()
    task = loop.create_task(stage.aio.sleep(5))
    loop.call_soon(loop.stop)
    loop.run_forever()
    loop.close()
    log("closed", task.done(), stage.logged())
    del task
    stage.collect()
    log(stage.logged())

    assert log == [("closed", False, []), ["ERROR Task was destroyed but it is pending!"]]


def test_a_coroutine_that_is_never_awaited_warns(stage: Stage) -> None:
    log = stage.log

    async def forgotten() -> None:
        pass

    async def main() -> None:
        with stage.warnings_logged():
            forgotten()  # type: ignore[unused-coroutine]
            stage.collect()
        log("over")

    assert stage.run(main) == [
        ("warning", "RuntimeWarning", "coroutine 'forgotten' was never awaited"),
        "over",
    ]


def test_in_debug_mode_a_slow_callback_is_reported(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        loop = aio.get_running_loop()
        log(loop.slow_callback_duration)
        loop.call_soon(stage.clock.advance, 0.5)
        loop.call_soon(stage.clock.advance, 0.05)
        await aio.sleep(1)
        loop.slow_callback_duration = 0.01
        loop.call_soon(stage.clock.advance, 0.02)
        await aio.sleep(1)

    stage.run(main, debug=True)
    for line in stage.logged():
        log(line.partition(" <")[0], line.rpartition("took")[2])

    assert log == [
        0.1,
        ("WARNING Executing", " 0.500 seconds"),
        ("WARNING Executing", " 0.020 seconds"),
    ]


def test_in_debug_mode_a_slow_step_of_a_task_is_reported(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def slow() -> None:
        stage.clock.advance(2)

    async def main() -> None:
        await aio.create_task(slow(), name="slow one")

    stage.run(main, debug=True)
    (line,) = stage.logged()
    log(line.startswith("WARNING Executing <Task finished name='slow one'"))
    log(line.rpartition("took")[2])

    assert log == [True, " 2.000 seconds"]


def test_without_debug_mode_slow_callbacks_are_not_reported(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        aio.get_running_loop().call_soon(stage.clock.advance, 50)
        await aio.sleep(1)

    stage.run(main)
    log(stage.logged())

    assert log == [[]]


def test_in_debug_mode_a_call_from_another_thread_raises(stage: Stage) -> None:
    aio, log = stage.aio, stage.log
    message = "Non-thread-safe operation invoked on an event loop other than the current one"

    async def main() -> None:
        loop = aio.get_running_loop()

        def in_a_thread() -> None:
            for function, *arguments in (
                (loop.call_soon, print),
                (loop.call_later, 1, print),
                (loop.call_at, 1, print),
            ):
                log(attempt(function, *arguments) == f"raised RuntimeError: {message}")

        await loop.run_in_executor(None, in_a_thread)

    assert stage.run(main, debug=True) == [True, True, True]


def test_in_debug_mode_completing_a_future_in_another_thread_raises(stage: Stage) -> None:
    """If something waits for it: only then is anything scheduled."""
    aio, log = stage.aio, stage.log
    refused = "raised RuntimeError: Non-thread-safe operation invoked on an event loop other than"
    refused += " the current one"

    async def wait(future: Any) -> None:
        await future

    async def main() -> None:
        alone, with_callback, awaited = (loop.create_future() for _ in range(3))
        with_callback.add_done_callback(print)
        task = loop.create_task(wait(awaited))
        await aio.sleep(0)

        def in_a_thread() -> None:
            for future in (alone, with_callback, awaited):
                log(attempt(future.set_result, None))

        await loop.run_in_executor(None, in_a_thread)
        log(task.done())

    loop = stage.new_loop()
    loop.set_debug(True)
    # Nothing can wake the task any more.
    loop.set_exception_handler(lambda _, context: log(context["message"]))
    loop.run_until_complete(main())
    loop.close()
    stage.collect()

    lost = "Task was destroyed but it is pending!"
    assert log == ["returned None", refused, refused, False, lost]


def test_in_debug_mode_creating_a_task_in_another_thread_raises(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        loop = aio.get_running_loop()
        coro = aio.sleep(0)
        loop.set_exception_handler(lambda _, context: log(context["message"]))
        result = await loop.run_in_executor(None, attempt, loop.create_task, coro)
        log(result.startswith("raised RuntimeError: Non-thread-safe operation"))
        coro.close()

    assert True in stage.run(main, debug=True)


def test_in_debug_mode_a_coroutine_function_as_callback_raises(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def coroutine_function() -> None:
        pass

    async def main() -> None:
        loop = aio.get_running_loop()
        log(attempt(loop.call_soon, coroutine_function))
        log(attempt(loop.call_later, 1, 3))
        log(attempt(loop.call_soon, "text"))

    assert stage.run(main, debug=True) == [
        "raised TypeError: coroutines cannot be used with call_soon()",
        "raised TypeError: a callable object was expected by call_at(), got 3",
        "raised TypeError: a callable object was expected by call_soon(), got 'text'",
    ]


def test_in_debug_mode_reports_contain_where_an_object_was_created(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def failing() -> None:
        raise ValueError("never retrieved")

    async def main() -> None:
        loop = aio.get_running_loop()
        loop.set_exception_handler(lambda _, context: log(sorted(context)))
        task = aio.create_task(failing())
        await aio.sleep(0)
        del task
        stage.collect()
        loop.call_soon(lambda: 1 / 0)
        await aio.sleep(0)
        future = loop.create_future()
        future.add_done_callback(lambda _: 1 / 0)
        future.set_result(None)
        await aio.sleep(0)

    assert stage.run(main, debug=True) == [
        ["exception", "future", "message", "source_traceback"],
        ["exception", "handle", "message", "source_traceback"],
        ["exception", "handle", "message", "source_traceback"],
    ]


def test_the_loop_closes_an_asynchronous_generator_that_is_freed(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def numbers() -> AsyncIterator[int]:
        try:
            yield 1
            yield 2
        finally:
            await aio.sleep(1)
            log("closed", stage.now)

    async def main() -> None:
        async for number in numbers():
            log(number)
            break
        gc.collect()
        log("freed", stage.now)
        await aio.sleep(5)

    assert stage.run(main) == [1, ("freed", 0.0), ("closed", 1.0)]


def test_shutdown_asyncgens_closes_generators_that_were_started(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def numbers(name: str) -> AsyncIterator[str]:
        try:
            yield name
        finally:
            log(name, "is closed")

    async def main() -> None:
        started, not_started = numbers("started"), numbers("not started")
        log(await anext(started))
        await aio.get_running_loop().shutdown_asyncgens()
        log("all are closed")
        log([name async for name in not_started], [name async for name in started])

    with stage.warnings_logged():
        stage.run(main)

    generator = "asynchronous generator <async_generator object numbers at 0x…>"
    warning = "was scheduled after loop.shutdown_asyncgens() call"
    assert log == [
        "started",
        ("started", "is closed"),
        "all are closed",
        ("warning", "ResourceWarning", f"{generator} {warning}"),
        ("not started", "is closed"),
        (["not started"], []),
    ]


def test_an_asynchronous_generator_that_raises_while_closing_is_reported(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def numbers() -> AsyncIterator[int]:
        try:
            yield 1
        finally:
            raise ValueError("in the clean-up")

    async def main() -> None:
        loop = aio.get_running_loop()
        loop.set_exception_handler(stage.report)
        generator = numbers()
        log(await anext(generator))
        await loop.shutdown_asyncgens()

    message = "an error occurred during closing of asynchronous generator"
    assert stage.run(main) == [
        1,
        (
            "report",
            f"{message} <async_generator object numbers at 0x…>",
            "ValueError: in the clean-up",
        ),
    ]


@pytest.mark.parametrize("final", [KeyboardInterrupt, SystemExit])
def test_keyboard_interrupt_and_system_exit_in_a_callback_leave_the_loop(
    stage: Stage, final: type[BaseException]
) -> None:
    log, loop = stage.log, stage.new_loop()

    def failing() -> None:
        raise final("enough")

    loop.call_soon(failing)
    loop.call_soon(log, "the next callback")
    with pytest.raises(final, match="enough"):
        loop.run_forever()
    log("left", loop.is_running(), stage.logged())
    loop.call_soon(loop.stop)
    loop.run_forever()

    assert log == [("left", False, []), "the next callback"]


def test_an_exception_handler_may_raise_system_exit(stage: Stage) -> None:
    log, loop = stage.log, stage.new_loop()

    def handler(_: Any, context: dict[str, Any]) -> None:
        raise SystemExit(f"because of {describe(context['exception'])}")

    loop.set_exception_handler(handler)
    loop.call_soon(lambda: 1 / 0)
    log(attempt(loop.run_forever), stage.logged())

    assert log == [("raised SystemExit: because of ZeroDivisionError: division by zero", [])]


def test_other_base_exceptions_in_a_callback_are_reported(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    class CustomBaseException(BaseException):
        pass

    def failing() -> None:
        raise CustomBaseException("custom")

    async def main() -> None:
        aio.get_running_loop().set_exception_handler(stage.report)
        aio.get_running_loop().call_soon(failing)
        await aio.sleep(0)
        log("the loop continues")

    assert stage.run(main) == [
        (
            "report",
            "Exception in callback failing() at test_exceptions_reports.py:…",
            "CustomBaseException: custom",
        ),
        "the loop continues",
    ]


def test_an_exception_of_the_main_coroutine_is_raised_and_not_reported(stage: Stage) -> None:
    aio, log, loop = stage.aio, stage.log, stage.new_loop()

    async def main() -> None:
        await aio.sleep(1)
        raise ValueError("from main")

    log(attempt(loop.run_until_complete, main()))
    stage.collect()
    log(stage.logged())

    assert log == ["raised ValueError: from main", []]
