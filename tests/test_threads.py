"""Threads: results and calls between threads and the loop, and invalid calls."""

from __future__ import annotations

import concurrent.futures
import threading
from typing import Any

import pytest

import miniloop
from miniloop import threads
from tests.virtual import VirtualLoop, play, virtual_loop


class CountingLoop(VirtualLoop):
    """Records the callbacks that other threads schedule."""

    def __init__(self) -> None:
        super().__init__()
        self.from_threads: list[str] = []

    def call_soon_threadsafe(self, callback: Any, *args: Any, context: Any = None) -> Any:
        self.from_threads.append(getattr(callback, "__name__", repr(callback)))
        return super().call_soon_threadsafe(callback, *args, context=context)


# The executor


def test_the_default_executor_is_created_lazily_and_its_threads_have_the_packages_name() -> None:
    loop: Any = miniloop.SelectorEventLoop()
    steps: list[object] = [loop._default_executor]
    name = loop.run_until_complete(
        loop.run_in_executor(None, lambda: threading.current_thread().name)
    )
    steps += [type(loop._default_executor).__name__, name]
    loop.run_until_complete(loop.shutdown_default_executor())
    with pytest.raises(RuntimeError, match=r"^Executor shutdown has been called$"):
        loop.run_in_executor(None, print)
    loop.close()
    assert steps == [None, "ThreadPoolExecutor", "miniloop_0"]


def test_closing_the_loop_shuts_down_the_executor() -> None:
    loop: Any = miniloop.SelectorEventLoop()
    loop.run_until_complete(loop.run_in_executor(None, lambda: None))
    executor = loop._default_executor
    loop.close()
    assert loop._default_executor is None
    with pytest.raises(RuntimeError, match="cannot schedule new futures after shutdown"):
        executor.submit(print)
    executor.shutdown(wait=True)


@pytest.mark.parametrize("wrong", [None, 5, concurrent.futures.Executor()])
def test_the_default_executor_must_be_a_threadpoolexecutor(wrong: Any) -> None:
    with virtual_loop() as loop:
        with pytest.raises(TypeError, match=r"^executor must be ThreadPoolExecutor instance$"):
            loop.set_default_executor(wrong)


def test_an_exception_in_shutdown_is_raised_where_it_is_awaited() -> None:
    class Broken(concurrent.futures.ThreadPoolExecutor):
        def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
            super().shutdown(wait, cancel_futures=cancel_futures)
            if wait:
                raise OSError("cannot be joined")

    loop: Any = miniloop.SelectorEventLoop()
    loop.set_default_executor(Broken())
    with pytest.raises(OSError, match="cannot be joined"):
        loop.run_until_complete(loop.shutdown_default_executor())
    loop.close()


def test_an_exception_in_a_thread_is_raised_by_the_await() -> None:
    async def story() -> list[str]:
        steps = []
        for function, args in ((divmod, (1, 0)), (5, ())):
            try:
                await miniloop.to_thread(function, *args)  # type: ignore[arg-type]
            except (ArithmeticError, TypeError) as error:
                steps.append(type(error).__name__)
        return steps

    assert play(story) == ["ZeroDivisionError", "TypeError"]


def test_the_result_of_a_thread_arrives_through_call_soon_threadsafe() -> None:
    loop = CountingLoop()
    assert loop.run_until_complete(loop.run_in_executor(None, lambda: "answer")) == "answer"
    assert loop.from_threads == ["_copy_end"]
    loop.close()


def test_a_result_that_arrives_after_the_loop_was_closed_is_dropped() -> None:
    outside: concurrent.futures.Future[int] = concurrent.futures.Future()
    with virtual_loop() as loop:
        inside = miniloop.wrap_future(outside, loop=loop)
    outside.set_result(1)
    assert not inside.done()


# Linked futures


def test_only_a_concurrent_future_can_be_wrapped() -> None:
    with virtual_loop() as loop:
        with pytest.raises(AssertionError, match=r"^concurrent.futures.Future is expected, got 5$"):
            miniloop.wrap_future(5, loop=loop)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["CancelledError", "InvalidStateError"])
def test_concurrent_exceptions_are_converted_to_those_of_the_package(name: str) -> None:
    theirs, ours = getattr(concurrent.futures, name)("why"), getattr(miniloop, name)
    translated = threads._translate(theirs)
    assert (type(translated), translated.args) == (ours, ("why",))
    other = KeyError("why")
    assert threads._translate(other) is other


def test_cancelling_the_wait_cancels_work_that_has_not_started() -> None:
    with virtual_loop() as loop:
        outside: concurrent.futures.Future[int] = concurrent.futures.Future()
        inside = miniloop.wrap_future(outside, loop=loop)
        inside.cancel()
        loop.run_turns()
        assert (inside.cancelled(), outside.cancelled()) == (True, True)


def test_wrapping_a_future_of_the_package_returns_it() -> None:
    with virtual_loop() as loop:
        future = loop.create_future()
        assert miniloop.wrap_future(future) is future


# From a thread into the loop


def test_a_thread_gets_the_result_or_the_exception_of_a_coroutine() -> None:
    steps: list[object] = []

    async def work(name: str) -> str:
        assert miniloop.get_running_loop() is loop
        if name == "bad":
            raise KeyError(name)
        return name

    def from_outside() -> None:
        steps.append(miniloop.run_coroutine_threadsafe(work("good"), loop).result(30))
        failed = miniloop.run_coroutine_threadsafe(work("bad"), loop).exception(30)
        steps.append(repr(failed))

    loop = CountingLoop()
    loop.run_until_complete(loop.run_in_executor(None, from_outside))
    loop.close()
    assert steps == ["good", "KeyError('bad')"]
    assert loop.from_threads[:2] == ["start", "start"]


def test_if_the_task_cannot_be_created_the_exception_is_reported_and_reaches_the_thread() -> None:
    def broken_factory(loop: Any, coro: Any, **options: Any) -> Any:
        coro.close()
        raise LookupError("no task today")

    with virtual_loop() as loop:
        loop.set_task_factory(broken_factory)
        outside: Any = miniloop.run_coroutine_threadsafe(miniloop.sleep(0), loop)
        loop.run_turns()
        assert repr(outside.exception(0)) == "LookupError('no task today')"
        assert [error for _, error in loop.told] == ["LookupError('no task today')"]


def test_run_coroutine_threadsafe_accepts_only_coroutines() -> None:
    with virtual_loop() as loop:
        some: list[Any] = [5, miniloop.sleep, loop.create_future()]
        for wrong in some:
            with pytest.raises(TypeError, match=r"^A coroutine object is required$"):
                miniloop.run_coroutine_threadsafe(wrong, loop)
