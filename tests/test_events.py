"""Handles, the running loop and the current loop."""

from __future__ import annotations

import subprocess
import sys
import threading
import weakref
from collections.abc import Callable
from contextvars import ContextVar, copy_context
from typing import Any

import pytest

import miniloop
from miniloop import events, policies
from tests.virtual import virtual_loop


def callback(*args: object) -> None:
    """A callback that does nothing."""


CALLBACK_LINE = callback.__code__.co_firstlineno


def shown(handle: miniloop.Handle) -> str:
    """Return the repr, with the path of this file replaced by `here`."""
    return repr(handle).replace(__file__, "here")


# Handles


def test_the_repr_of_a_handle_shows_its_callback_or_that_it_was_cancelled() -> None:
    with virtual_loop() as loop:
        handle = loop.call_soon(callback, "secret")
        steps = [shown(handle)]
        handle.cancel()
        steps.append(shown(handle))
    assert steps == [f"<Handle callback() at here:{CALLBACK_LINE}>", "<Handle cancelled>"]


def test_in_debug_mode_the_repr_also_shows_arguments_and_origin_even_when_cancelled() -> None:
    with virtual_loop(debug=True) as loop:
        handle = loop.call_soon(callback, 1)
        handle_line = handle._source_traceback[-1].lineno
        steps = [shown(handle)]
        handle.cancel()
        steps.append(shown(handle))
    called = f"callback(1) at here:{CALLBACK_LINE} created at here:{handle_line}"
    assert steps == [f"<Handle {called}>", f"<Handle cancelled {called}>"]


def test_the_repr_of_a_timer_shows_when_it_is_due() -> None:
    with virtual_loop() as loop:
        timer = loop.call_at(12.5, callback)
        steps = [shown(timer)]
        timer.cancel()
        steps.append(shown(timer))
        loop.set_debug(True)
        timer = loop.call_at(12.5, callback)
        timer.cancel()
        steps.append(shown(timer).partition(" created")[0])
    name = f"callback() at here:{CALLBACK_LINE}"
    assert steps == [
        f"<TimerHandle when=12.5 {name}>",
        "<TimerHandle cancelled when=12.5>",
        f"<TimerHandle cancelled when=12.5 {name}",
    ]
    assert timer.when() == 12.5


def test_cancelling_a_handle_frees_its_callback_and_arguments() -> None:
    class Heavy:
        def method(self, other: Heavy) -> None: ...

    with virtual_loop() as loop:
        mine, argument = Heavy(), Heavy()
        gone = [weakref.ref(mine), weakref.ref(argument)]
        handle = loop.call_later(60, mine.method, argument)
        del mine, argument
        steps = [[ref() is None for ref in gone]]
        handle.cancel()
        steps.append([ref() is None for ref in gone])
    assert steps == [[False, False], [True, True]]


def test_a_handle_can_be_cancelled_repeatedly_and_does_not_run() -> None:
    steps: list[object] = []
    with virtual_loop() as loop:
        first, second = loop.call_soon(steps.append, 1), loop.call_soon(steps.append, 2)
        first.cancel()
        first.cancel()
        loop.run_turns()
        second.cancel()
        steps += [first.cancelled(), second.cancelled()]
    assert steps == [2, True, True]


def test_a_handle_runs_in_the_given_context_or_in_a_copy_of_the_current_one() -> None:
    color = ContextVar("color", default="none")
    given = copy_context()
    given.run(color.set, "given")
    steps: list[str] = []
    with virtual_loop() as loop:
        handles = [
            loop.call_soon(lambda: steps.append(color.get())),
            loop.call_soon(lambda: steps.append(color.get()), context=given),
        ]
        color.set("later")
        loop.run_turns()
    assert steps == ["none", "given"]
    assert handles[1].get_context() is given
    assert handles[0].get_context().get(color) is None


def test_an_exception_in_a_callback_is_reported_with_its_handle() -> None:
    with virtual_loop() as loop:
        handle = loop.call_soon(divmod, 1, 0)
        loop.run_turns()
        (report,) = loop.reports
    assert report["message"] == "Exception in callback divmod()"
    assert report["handle"] is handle
    assert type(report["exception"]) is ZeroDivisionError
    assert "source_traceback" not in report


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt])
def test_systemexit_and_keyboardinterrupt_propagate_from_a_callback(
    error: type[BaseException],
) -> None:
    def end() -> None:
        raise error("now")

    with virtual_loop() as loop:
        loop.call_soon(end)
        with pytest.raises(error, match="now"):
            loop.run_forever()
        assert loop.told == []
        assert not loop.is_running()


# The running loop and the current loop


@pytest.fixture
def thread_without_loops(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reset the main thread to the state of a program that has just started."""
    monkeypatch.setattr(events, "_thread", events._ThreadState())
    monkeypatch.setattr(events, "_event_loop_policy", policies.DefaultEventLoopPolicy())


def in_a_thread(function: Callable[[], Any]) -> Any:
    results: list[Any] = []

    def work() -> None:
        try:
            results.append(function())
        except RuntimeError as error:
            results.append(f"RuntimeError: {error}")

    thread = threading.Thread(target=work, name="worker")
    thread.start()
    thread.join()
    return results[0]


def test_a_loop_runs_in_only_one_thread() -> None:
    async def main() -> list[object]:
        here = miniloop.get_running_loop()
        return [here is loop, in_a_thread(miniloop.get_running_loop)]

    with virtual_loop() as loop:
        steps = loop.run_until_complete(main())
    assert steps == [True, "RuntimeError: no running event loop"]
    with pytest.raises(RuntimeError, match=r"^no running event loop$"):
        miniloop.get_running_loop()


@pytest.mark.usefixtures("thread_without_loops")
@pytest.mark.skipif(sys.version_info >= (3, 14), reason="raises since 3.14")
def test_get_event_loop_creates_one_loop_in_the_main_thread_with_a_warning() -> None:
    with pytest.warns(DeprecationWarning, match="There is no current event loop") as caught:
        loop = miniloop.get_event_loop()
    assert caught[0].filename == __file__
    assert miniloop.get_event_loop() is loop
    assert not loop.is_running()
    loop.close()


@pytest.mark.usefixtures("thread_without_loops")
def test_get_event_loop_raises_in_the_main_thread_after_set_event_loop() -> None:
    with virtual_loop() as loop:
        miniloop.set_event_loop(loop)
        steps = [miniloop.get_event_loop() is loop]
        miniloop.set_event_loop(None)
        with pytest.raises(RuntimeError) as refused:
            miniloop.get_event_loop()
    assert steps == [True]
    assert str(refused.value) == "There is no current event loop in thread 'MainThread'."


@pytest.mark.usefixtures("thread_without_loops")
@pytest.mark.skipif(sys.version_info < (3, 14), reason="makes a loop before 3.14")
def test_get_event_loop_raises_in_the_main_thread_if_none_was_set() -> None:
    with pytest.raises(RuntimeError, match="There is no current event loop in thread 'MainThread'"):
        miniloop.get_event_loop()


def test_get_event_loop_raises_in_another_thread() -> None:
    refusal = "RuntimeError: There is no current event loop in thread 'worker'."
    assert in_a_thread(miniloop.get_event_loop) == refusal


@pytest.mark.usefixtures("thread_without_loops")
def test_each_thread_has_its_own_current_loop() -> None:
    def set_and_get() -> bool:
        miniloop.set_event_loop(theirs)
        return miniloop.get_event_loop() is theirs

    with virtual_loop() as ours, virtual_loop() as theirs:
        miniloop.set_event_loop(ours)
        assert in_a_thread(set_and_get)
        assert miniloop.get_event_loop() is ours


@pytest.mark.usefixtures("thread_without_loops")
def test_a_running_loop_is_the_current_loop_even_if_another_was_set() -> None:
    async def main() -> bool:
        miniloop.set_event_loop(other)
        return miniloop.get_event_loop() is loop

    with virtual_loop() as loop, virtual_loop() as other:
        assert loop.run_until_complete(main())
        assert miniloop.get_event_loop() is other


@pytest.mark.parametrize(("wrong", "kind"), [(5, "int"), ("loop", "str")])
def test_only_a_loop_can_be_set_as_the_current_loop(wrong: object, kind: str) -> None:
    with pytest.raises(TypeError) as refused:
        miniloop.set_event_loop(wrong)
    message = f"loop must be an instance of AbstractEventLoop or None, not '{kind}'"
    assert str(refused.value) == message


AFTER_FORK = """
import os, miniloop as aio

async def main():
    loop, seen = aio.get_running_loop(), []
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        try:
            aio.get_running_loop()
            said = b"the parent's loop is still there"
        except RuntimeError as error:
            said = str(error).encode()
        new = aio.new_event_loop()
        said += b"; " + new.run_until_complete(aio.sleep(0, "a new one works")).encode()
        new.close()
        os.write(writing, said)
        os._exit(0)
    os.waitpid(child, 0)
    print(os.read(reading, 100).decode())
    os.close(reading), os.close(writing)
    print("the parent's loop still runs:", aio.get_running_loop() is loop)

aio.run(main())
"""


def test_after_fork_the_child_has_no_running_loop_and_can_create_one() -> None:
    command = [sys.executable, "-W", "error", "-c", AFTER_FORK]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.stderr == ""
    assert done.stdout.splitlines() == [
        "no running event loop; a new one works",
        "the parent's loop still runs: True",
    ]
