"""Threads: to_thread, executors, and run_coroutine_threadsafe."""

from __future__ import annotations

import concurrent.futures
import contextvars
import functools
import socket
import sys
import threading
from typing import Any

import pytest

from tests.parity.harness import (
    Stage,
    attempt,
    attempt_await,
    describe,
    older_asyncio_differs,
    outcome,
)


def test_to_thread_calls_a_function_in_another_thread(stage: Stage) -> None:
    aio, log = stage.aio, stage.log
    variable = contextvars.ContextVar("variable", default="unset")

    def work(*args: object, **kwargs: object) -> threading.Thread:
        log(args, kwargs, variable.get())
        variable.set("in the thread")
        return threading.current_thread()

    async def main() -> None:
        variable.set("in the loop")
        thread = await aio.to_thread(work, 1, 2, key="word")
        log(thread is threading.current_thread(), variable.get())

    assert stage.run(main) == [((1, 2), {"key": "word"}, "in the loop"), (False, "in the loop")]


def test_an_exception_of_the_function_is_raised_where_it_is_awaited(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        log(await attempt_await(aio.to_thread(int, "not a number")))
        failing = aio.get_running_loop().run_in_executor(None, {}.__getitem__, "no key")
        log(await attempt_await(failing), outcome(failing))

    assert stage.run(main) == [
        "raised ValueError: invalid literal for int() with base 10: 'not a number'",
        ("raised KeyError: 'no key'", "raised KeyError: 'no key'"),
    ]


def test_the_loop_continues_while_a_thread_works(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        loop, called = aio.get_running_loop(), threading.Event()
        loop.call_soon(log, "the loop runs")
        loop.call_soon(called.set)
        log(await aio.to_thread(called.wait))

    assert stage.run(main) == ["the loop runs", True]


def test_cancelling_the_waiter_does_not_stop_the_thread(stage: Stage) -> None:
    aio, log = stage.aio, stage.log
    started, proceed, finished = threading.Event(), threading.Event(), threading.Event()

    def work() -> None:
        started.set()
        proceed.wait()
        finished.set()

    async def main() -> None:
        waiting = aio.create_task(aio.to_thread(work))
        await aio.to_thread(started.wait)
        waiting.cancel()
        log(await attempt_await(waiting), finished.is_set())
        proceed.set()
        log(await aio.to_thread(finished.wait))

    assert stage.run(main) == [("raised CancelledError", False), True]


def test_a_call_that_has_not_started_is_cancelled(stage: Stage) -> None:
    aio, log = stage.aio, stage.log
    started, proceed = threading.Event(), threading.Event()

    def work() -> str:
        started.set()
        proceed.wait()
        return "the first"

    async def main() -> None:
        loop = aio.get_running_loop()
        with concurrent.futures.ThreadPoolExecutor(max_workers=1) as pool:
            first = loop.run_in_executor(pool, work)
            second = loop.run_in_executor(pool, log, "never called")
            await aio.to_thread(started.wait)
            second.cancel()
            await aio.wait([second])
            proceed.set()
            log(await first, outcome(second))
            log(await loop.run_in_executor(pool, str, "the third"))

    assert stage.run(main, real=True) == [("the first", "cancelled"), "the third"]


def test_run_in_executor_uses_the_given_executor_or_the_default_one(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    def thread_name() -> str:
        return threading.current_thread().name.partition("_")[0]

    async def main() -> None:
        loop = aio.get_running_loop()
        with concurrent.futures.ThreadPoolExecutor(thread_name_prefix="own") as own:
            log(await loop.run_in_executor(own, thread_name))
        default = concurrent.futures.ThreadPoolExecutor(thread_name_prefix="default")
        log(loop.set_default_executor(default))
        log(await loop.run_in_executor(None, thread_name), await aio.to_thread(thread_name))
        await loop.shutdown_default_executor()
        log(attempt(default.submit, print).partition(":")[0])

    assert stage.run(main, real=True) == [
        "own",
        None,
        ("default", "default"),
        "raised RuntimeError",
    ]


def test_a_default_executor_must_be_a_thread_pool(stage: Stage) -> None:
    log, loop = stage.log, stage.new_loop()
    log(attempt(loop.set_default_executor, concurrent.futures.Executor()))
    log(attempt(loop.set_default_executor, None))

    assert log == ["raised TypeError: executor must be ThreadPoolExecutor instance"] * 2


def test_shutdown_default_executor_works_without_an_executor(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        loop = aio.get_running_loop()
        log(await loop.shutdown_default_executor(), await loop.shutdown_default_executor())
        log(attempt(loop.run_in_executor, None, print))

    assert stage.run(main, real=True) == [
        (None, None),
        "raised RuntimeError: Executor shutdown has been called",
    ]


def test_a_thread_that_does_not_finish_in_time_is_abandoned(stage: Stage) -> None:
    aio, log = stage.aio, stage.log
    if aio.__name__ == "asyncio" and sys.version_info < (3, 13):
        pytest.skip("asyncio before 3.13 has no timeout here and waits forever")
    proceed, before = threading.Event(), set(threading.enumerate())

    async def main() -> None:
        loop = aio.get_running_loop()
        waiting = loop.run_in_executor(None, proceed.wait)
        try:
            with stage.warnings_logged():
                await loop.shutdown_default_executor(timeout=0)
            log(outcome(waiting))
        finally:
            proceed.set()
        log(await waiting)
        for thread in set(threading.enumerate()) - before:
            thread.join()

    assert stage.run(main, real=True) == [
        (
            "warning",
            "RuntimeWarning",
            "The executor did not finishing joining its threads within 0 seconds.",
        ),
        "pending",
        True,
    ]


def test_run_waits_for_its_threads(stage: Stage) -> None:
    aio, log = stage.aio, stage.log
    proceed = threading.Event()

    def work() -> None:
        proceed.wait()
        log("the thread is done")

    async def main() -> None:
        aio.get_running_loop().run_in_executor(None, work)
        aio.get_running_loop().call_soon(proceed.set)
        log("main is done")

    stage.run(main, real=True)
    log("run is done")
    assert stage.log == ["main is done", "the thread is done", "run is done"]


def test_a_thread_can_run_coroutines_on_the_loop(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def work(fails: bool) -> str:
        await aio.sleep(0)
        if fails:
            raise ValueError("failed")
        return "done"

    def thread(loop: Any) -> None:
        for fails in (False, True):
            log(attempt(aio.run_coroutine_threadsafe(work(fails), loop).result))

    async def main() -> None:
        await aio.to_thread(thread, aio.get_running_loop())

    assert stage.run(main) == ["returned 'done'", "raised ValueError: failed"]


def test_a_thread_can_cancel_a_coroutine_that_it_started(stage: Stage) -> None:
    aio, log = stage.aio, stage.log
    started = threading.Event()

    async def work() -> None:
        started.set()
        try:
            await aio.get_running_loop().create_future()
        finally:
            log("the clean-up")

    def thread(loop: Any) -> None:
        future = aio.run_coroutine_threadsafe(work(), loop)
        started.wait()
        log(future.cancel())
        log(attempt(future.result))

    async def main() -> None:
        await aio.to_thread(thread, aio.get_running_loop())
        await aio.sleep(0)

    assert sorted(map(str, stage.run(main))) == ["True", "raised CancelledError", "the clean-up"]


def test_a_coroutine_that_raises_cancelled_error_is_cancelled_for_its_thread(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def work() -> None:
        raise aio.CancelledError

    def thread(loop: Any) -> None:
        future = aio.run_coroutine_threadsafe(work(), loop)
        try:
            future.result()
        except concurrent.futures.CancelledError as error:
            log(describe(error), future.cancelled())

    async def main() -> None:
        await aio.to_thread(thread, aio.get_running_loop())

    assert stage.run(main) == [("CancelledError", True)]


def test_run_coroutine_threadsafe_accepts_only_coroutines(stage: Stage) -> None:
    aio, log, loop = stage.aio, stage.log, stage.new_loop()
    log(attempt(aio.run_coroutine_threadsafe, print, loop))
    log(attempt(aio.run_coroutine_threadsafe, loop.create_future(), loop))

    assert log == ["raised TypeError: A coroutine object is required"] * 2


def test_if_the_task_factory_raises_so_does_the_future_of_the_thread(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def work() -> None:
        log("never runs")

    def fail(loop: Any, coro: Any, **_: Any) -> Any:
        coro.close()
        raise ValueError("no task")

    def thread(loop: Any) -> None:
        log(attempt(aio.run_coroutine_threadsafe(work(), loop).result))

    async def main() -> None:
        loop = aio.get_running_loop()
        loop.set_exception_handler(lambda _, context: log("report", repr(context["exception"])))
        answer = loop.run_in_executor(None, thread, loop)
        loop.set_task_factory(fail)
        await answer
        loop.set_task_factory(None)

    assert sorted(map(str, stage.run(main))) == [
        """('report', "ValueError('no task')")""",
        "raised ValueError: no task",
    ]


def test_callbacks_from_threads_run_in_order(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        loop = aio.get_running_loop()
        seen: list[int] = []

        def thread() -> None:
            for number in range(1000):
                loop.call_soon_threadsafe(seen.append, number)

        await aio.to_thread(thread)
        await aio.sleep(0)  # the thread may have ended before to_thread() waited for it
        log(seen == list(range(1000)))

    assert stage.run(main) == [True]


def test_a_closed_loop_accepts_nothing_from_threads(stage: Stage) -> None:
    aio, log, loop = stage.aio, stage.log, stage.new_loop()

    async def work() -> None:
        log("never runs")

    loop.close()
    coro = work()
    log(attempt(loop.call_soon_threadsafe, print))
    log(attempt(aio.run_coroutine_threadsafe, coro, loop))
    coro.close()

    assert log == ["raised RuntimeError: Event loop is closed"] * 2


def test_getaddrinfo_and_getnameinfo_run_in_a_thread(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        loop = aio.get_running_loop()
        lookup = functools.partial(loop.getaddrinfo, type=socket.SOCK_STREAM)
        log(await lookup("127.0.0.1", 80))
        log(await attempt_await(lookup("127.0.0.1", "no such service")))
        numeric = socket.NI_NUMERICHOST | socket.NI_NUMERICSERV
        log(await loop.getnameinfo(("127.0.0.1", 80), numeric))

    steps: list[Any] = list(stage.run(main, real=True))
    assert steps[0] == socket.getaddrinfo("127.0.0.1", 80, type=socket.SOCK_STREAM)
    assert steps[1].startswith("raised gaierror: ")
    assert steps[2:] == [("127.0.0.1", "80")]


@older_asyncio_differs("3.14.3", "gh-105836: the coroutine runs up to its first await")
def test_a_coroutine_that_its_thread_cancels_before_it_starts_never_runs(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def work() -> None:
        log("this is never recorded")

    async def main() -> None:
        future = aio.run_coroutine_threadsafe(work(), aio.get_running_loop())
        future.cancel()
        await aio.sleep(1)
        log(future.cancelled(), len(aio.all_tasks()))

    assert stage.run(main) == [(True, 1)]


since_3_14_handles = older_asyncio_differs("3.14", "gh-128340: such a handle has no lock")


@since_3_14_handles
def test_a_thread_that_cancels_a_running_callback_waits_for_its_end(stage: Stage) -> None:
    aio, log = stage.aio, stage.log
    started, may_end = threading.Event(), threading.Event()

    def callback() -> None:
        started.set()
        may_end.wait()
        log("the callback ends")

    async def main() -> None:
        loop = aio.get_running_loop()

        def use_handle() -> None:
            handle = loop.call_soon_threadsafe(callback)
            started.wait()
            # Another thread, because this one is blocked from here on.
            threading.Timer(0.05, may_end.set).start()
            log("cancelled?", handle.cancelled())
            handle.cancel()
            log("cancelled?", handle.cancelled())

        await aio.to_thread(use_handle)

    assert stage.run(main, real=True) == [
        "the callback ends",
        ("cancelled?", False),
        ("cancelled?", True),
    ]


def test_a_callback_of_another_thread_may_cancel_its_own_handle(stage: Stage) -> None:
    aio, log = stage.aio, stage.log
    handles: list[Any] = []

    async def main() -> None:
        loop, ended = aio.get_running_loop(), aio.Event()

        def callback() -> None:
            handles[0].cancel()
            log("the callback goes on", handles[0].cancelled())
            ended.set()

        handles.append(loop.call_soon_threadsafe(callback))
        await ended.wait()

    assert stage.run(main) == [("the callback goes on", True)]
