"""Handles, and the answer to "which loop?"."""

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
from miniloop import events
from tests.virtual import virtual_loop


def callback(*args: object) -> None:
    """Something to be called."""


CALLBACK_LINE = callback.__code__.co_firstlineno


def shown(handle: miniloop.Handle) -> str:
    """The repr, with the test's own file as `here`."""
    return repr(handle).replace(__file__, "here")


# Handles


def test_a_handle_shows_its_callback_and_whether_it_was_cancelled() -> None:
    with virtual_loop() as loop:
        handle = loop.call_soon(callback, "secret")
        steps = [shown(handle)]
        handle.cancel()
        steps.append(shown(handle))
    assert steps == [f"<Handle callback() at here:{CALLBACK_LINE}>", "<Handle cancelled>"]


def test_in_debug_mode_a_handle_shows_arguments_and_origin_and_keeps_its_name() -> None:
    with virtual_loop(debug=True) as loop:
        handle = loop.call_soon(callback, 1)
        handle_line = handle._source_traceback[-1].lineno
        steps = [shown(handle)]
        handle.cancel()
        steps.append(shown(handle))
    called = f"callback(1) at here:{CALLBACK_LINE} created at here:{handle_line}"
    assert steps == [f"<Handle {called}>", f"<Handle cancelled {called}>"]


def test_a_timer_shows_when_it_is_due() -> None:
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


def test_a_cancelled_handle_frees_what_the_callback_holds() -> None:
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


def test_a_cancelled_handle_does_nothing_however_often_it_is_cancelled() -> None:
    steps: list[object] = []
    with virtual_loop() as loop:
        first, second = loop.call_soon(steps.append, 1), loop.call_soon(steps.append, 2)
        first.cancel()
        first.cancel()
        loop.run_turns()
        second.cancel()
        steps += [first.cancelled(), second.cancelled()]
    assert steps == [2, True, True]


def test_a_handle_has_the_context_it_was_given_or_a_copy() -> None:
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


def test_what_a_callback_raises_is_reported_with_its_handle() -> None:
    with virtual_loop() as loop:
        handle = loop.call_soon(divmod, 1, 0)
        loop.run_turns()
        (report,) = loop.reports
    assert report["message"] == "Exception in callback divmod()"
    assert report["handle"] is handle
    assert type(report["exception"]) is ZeroDivisionError
    assert "source_traceback" not in report


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt])
def test_what_ends_programs_passes_through_a_handle(error: type[BaseException]) -> None:
    def end() -> None:
        raise error("now")

    with virtual_loop() as loop:
        loop.call_soon(end)
        with pytest.raises(error, match="now"):
            loop.run_forever()
        assert loop.told == []
        assert not loop.is_running()


# The running loop, and the current one


@pytest.fixture
def thread_without_loops(monkeypatch: pytest.MonkeyPatch) -> None:
    """The main thread as in a program that has just begun."""
    monkeypatch.setattr(events, "_thread", events._ThreadState())
    monkeypatch.setattr(events, "_policy", miniloop.DefaultEventLoopPolicy())


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


def test_a_loop_runs_in_one_thread_only() -> None:
    async def main() -> list[object]:
        here = miniloop.get_running_loop()
        return [here is loop, in_a_thread(miniloop.get_running_loop)]

    with virtual_loop() as loop:
        steps = loop.run_until_complete(main())
    assert steps == [True, "RuntimeError: no running event loop"]
    with pytest.raises(RuntimeError, match=r"^no running event loop$"):
        miniloop.get_running_loop()


@pytest.mark.usefixtures("thread_without_loops")
def test_the_main_thread_is_given_a_loop_with_a_warning_and_once() -> None:
    with pytest.warns(DeprecationWarning, match="There is no current event loop") as caught:
        loop = miniloop.get_event_loop()
    assert caught[0].filename == __file__
    assert miniloop.get_event_loop() is loop
    assert not loop.is_running()
    loop.close()


@pytest.mark.usefixtures("thread_without_loops")
def test_whoever_has_set_a_loop_once_is_given_none_any_more() -> None:
    with virtual_loop() as loop:
        miniloop.set_event_loop(loop)
        steps = [miniloop.get_event_loop() is loop]
        miniloop.set_event_loop(None)
        with pytest.raises(RuntimeError) as refused:
            miniloop.get_event_loop()
    assert steps == [True]
    assert str(refused.value) == "There is no current event loop in thread 'MainThread'."


def test_another_thread_is_given_no_loop() -> None:
    refusal = "RuntimeError: There is no current event loop in thread 'worker'."
    assert in_a_thread(miniloop.get_event_loop) == refusal


@pytest.mark.usefixtures("thread_without_loops")
def test_each_thread_has_a_current_loop_of_its_own() -> None:
    def set_and_get() -> bool:
        miniloop.set_event_loop(theirs)
        return miniloop.get_event_loop() is theirs

    with virtual_loop() as ours, virtual_loop() as theirs:
        miniloop.set_event_loop(ours)
        assert in_a_thread(set_and_get)
        assert miniloop.get_event_loop() is ours


@pytest.mark.usefixtures("thread_without_loops")
def test_while_a_loop_runs_it_is_the_current_one_whatever_was_set() -> None:
    async def main() -> bool:
        miniloop.set_event_loop(other)
        return miniloop.get_event_loop() is loop

    with virtual_loop() as loop, virtual_loop() as other:
        assert loop.run_until_complete(main())
        assert miniloop.get_event_loop() is other


@pytest.mark.parametrize(("wrong", "kind"), [(5, "int"), ("loop", "str")])
def test_only_a_loop_can_be_the_current_one(wrong: object, kind: str) -> None:
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
    print("the parent goes on:", aio.get_running_loop() is loop)

aio.run(main())
"""


def test_a_child_of_fork_runs_no_loop_and_can_have_a_new_one() -> None:
    command = [sys.executable, "-W", "error", "-c", AFTER_FORK]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.stderr == ""
    assert done.stdout.splitlines() == [
        "no running event loop; a new one works",
        "the parent goes on: True",
    ]
