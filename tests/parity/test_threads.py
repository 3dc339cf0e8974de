"""Threads beside the loop: to_thread, executors, and coroutines handed in from outside."""

from __future__ import annotations

import concurrent.futures
import contextvars
import functools
import socket
import sys
import threading
from typing import Any

import pytest

from tests.parity.harness import Stage, attempt, attempt_await, describe, outcome


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


def test_what_a_function_raises_in_its_thread_is_raised_to_who_awaits_it(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        log(await attempt_await(aio.to_thread(int, "no number")))
        failing = aio.get_running_loop().run_in_executor(None, {}.__getitem__, "no key")
        log(await attempt_await(failing), outcome(failing))

    assert stage.run(main) == [
        "raised ValueError: invalid literal for int() with base 10: 'no number'",
        ("raised KeyError: 'no key'", "raised KeyError: 'no key'"),
    ]


def test_the_loop_goes_on_while_a_thread_works(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        loop, told = aio.get_running_loop(), threading.Event()
        loop.call_soon(log, "the loop runs")
        loop.call_soon(told.set)
        log(await aio.to_thread(told.wait))

    assert stage.run(main) == ["the loop runs", True]


def test_cancelling_who_waits_does_not_stop_the_thread(stage: Stage) -> None:
    aio, log = stage.aio, stage.log
    begun, go_on, over = threading.Event(), threading.Event(), threading.Event()

    def work() -> None:
        begun.set()
        go_on.wait()
        over.set()

    async def main() -> None:
        waiting = aio.create_task(aio.to_thread(work))
        await aio.to_thread(begun.wait)
        waiting.cancel()
        log(await attempt_await(waiting), over.is_set())
        go_on.set()
        log(await aio.to_thread(over.wait))

    assert stage.run(main) == [("raised CancelledError", False), True]


def test_a_call_that_has_not_begun_is_cancelled_for_good(stage: Stage) -> None:
    aio, log = stage.aio, stage.log
    begun, go_on = threading.Event(), threading.Event()

    def work() -> str:
        begun.set()
        go_on.wait()
        return "the first"

    async def main() -> None:
        loop = aio.get_running_loop()
        with concurrent.futures.ThreadPoolExecutor(max_workers=1) as pool:
            first = loop.run_in_executor(pool, work)
            second = loop.run_in_executor(pool, log, "never called")
            await aio.to_thread(begun.wait)
            second.cancel()
            await aio.wait([second])
            go_on.set()
            log(await first, outcome(second))
            log(await loop.run_in_executor(pool, str, "the third"))

    assert stage.run(main, real=True) == [("the first", "cancelled"), "the third"]


def test_an_executor_of_its_own_or_a_default_one(stage: Stage) -> None:
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


def test_a_default_executor_has_to_be_one_of_threads(stage: Stage) -> None:
    log, loop = stage.log, stage.new_loop()
    log(attempt(loop.set_default_executor, concurrent.futures.Executor()))
    log(attempt(loop.set_default_executor, None))

    assert log == ["raised TypeError: executor must be ThreadPoolExecutor instance"] * 2


def test_an_executor_that_does_not_exist_need_not_be_shut_down(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        loop = aio.get_running_loop()
        log(await loop.shutdown_default_executor(), await loop.shutdown_default_executor())
        log(attempt(loop.run_in_executor, None, print))

    assert stage.run(main, real=True) == [
        (None, None),
        "raised RuntimeError: Executor shutdown has been called",
    ]


def test_a_thread_that_does_not_end_in_time_is_left_to_itself(stage: Stage) -> None:
    aio, log = stage.aio, stage.log
    if aio.__name__ == "asyncio" and sys.version_info < (3, 13):
        pytest.skip("asyncio before 3.13 waits for the thread without a limit: for ever")
    go_on, before = threading.Event(), set(threading.enumerate())

    async def main() -> None:
        loop = aio.get_running_loop()
        waiting = loop.run_in_executor(None, go_on.wait)
        try:
            with stage.warnings_logged():
                await loop.shutdown_default_executor(timeout=0)
            log(outcome(waiting))
        finally:
            go_on.set()
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


def test_run_waits_for_the_threads_it_leaves(stage: Stage) -> None:
    aio, log = stage.aio, stage.log
    go_on = threading.Event()

    def work() -> None:
        go_on.wait()
        log("the thread is over")

    async def main() -> None:
        aio.get_running_loop().run_in_executor(None, work)
        aio.get_running_loop().call_soon(go_on.set)
        log("main is over")

    stage.run(main, real=True)
    log("run is over")
    assert stage.log == ["main is over", "the thread is over", "run is over"]


def test_a_thread_may_call_coroutines(stage: Stage) -> None:
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


def test_a_thread_may_cancel_what_it_has_called(stage: Stage) -> None:
    aio, log = stage.aio, stage.log
    begun = threading.Event()

    async def work() -> None:
        begun.set()
        try:
            await aio.get_running_loop().create_future()
        finally:
            log("the clean-up")

    def thread(loop: Any) -> None:
        future = aio.run_coroutine_threadsafe(work(), loop)
        begun.wait()
        log(future.cancel())
        log(attempt(future.result))

    async def main() -> None:
        await aio.to_thread(thread, aio.get_running_loop())
        await aio.sleep(0)

    assert sorted(map(str, stage.run(main))) == ["True", "raised CancelledError", "the clean-up"]


def test_a_coroutine_that_cancels_itself_is_cancelled_for_its_thread(stage: Stage) -> None:
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


def test_only_a_coroutine_can_be_handed_to_the_loop(stage: Stage) -> None:
    aio, log, loop = stage.aio, stage.log, stage.new_loop()
    log(attempt(aio.run_coroutine_threadsafe, print, loop))
    log(attempt(aio.run_coroutine_threadsafe, loop.create_future(), loop))

    assert log == ["raised TypeError: A coroutine object is required"] * 2


def test_a_task_factory_that_fails_fails_the_thread_too(stage: Stage) -> None:
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


def test_what_threads_hand_to_the_loop_runs_in_order(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        loop = aio.get_running_loop()
        seen: list[int] = []

        def thread() -> None:
            for number in range(1000):
                loop.call_soon_threadsafe(seen.append, number)

        await aio.to_thread(thread)
        log(seen == list(range(1000)))

    assert stage.run(main) == [True]


def test_a_closed_loop_takes_nothing_from_threads(stage: Stage) -> None:
    aio, log, loop = stage.aio, stage.log, stage.new_loop()

    async def work() -> None:
        log("never runs")

    loop.close()
    coro = work()
    log(attempt(loop.call_soon_threadsafe, print))
    log(attempt(aio.run_coroutine_threadsafe, coro, loop))
    coro.close()

    assert log == ["raised RuntimeError: Event loop is closed"] * 2


def test_names_are_looked_up_both_ways(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        loop = aio.get_running_loop()
        lookup = functools.partial(loop.getaddrinfo, type=socket.SOCK_STREAM)
        log(await lookup("127.0.0.1", 80))
        log(await attempt_await(lookup("127.0.0.1", "no such service")))
        numeric = socket.NI_NUMERICHOST | socket.NI_NUMERICSERV
        log(await loop.getnameinfo(("127.0.0.1", 80), numeric))

    told: list[Any] = list(stage.run(main, real=True))
    assert told[0] == socket.getaddrinfo("127.0.0.1", 80, type=socket.SOCK_STREAM)
    assert told[1].startswith("raised gaierror: ")
    assert told[2:] == [("127.0.0.1", "80")]
