"""Common misconceptions about asyncio; each test is a program that shows the actual behaviour."""

from __future__ import annotations

import concurrent.futures
import contextvars
import threading
import time
import weakref
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


def test_awaiting_a_coroutine_does_not_yield_to_the_loop_but_awaiting_a_task_does(
    stage: Stage,
) -> None:
    aio, log = stage.aio, stage.log

    async def work(name: str) -> None:
        log(name)

    async def main() -> None:
        aio.get_running_loop().call_soon(log, "a callback that was already scheduled")
        await work("awaited as a coroutine")
        log("main has not yielded to the loop yet")
        await aio.create_task(work("awaited as a task"))

    assert stage.run(main) == [
        "awaited as a coroutine",
        "main has not yielded to the loop yet",
        "a callback that was already scheduled",
        "awaited as a task",
    ]


@older_asyncio_differs(
    "3.12", "for three iterations after the result, a cancellation is accepted and lost"
)
def test_wait_for_never_swallows_a_cancellation(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def work(answer: Any) -> str:
        return str(await answer)

    async def cancel_after_result(iterations: int) -> None:
        answer = aio.Future()
        task = aio.create_task(aio.wait_for(work(answer), 10))
        await aio.sleep(1)
        answer.set_result("result")
        for _ in range(iterations):
            await aio.sleep(0)
        accepted = task.cancel()
        log(iterations, accepted, await attempt_await(task))

    async def main() -> None:
        for iterations in range(4):
            await cancel_after_result(iterations)

    assert stage.run(main) == [
        (0, True, "raised CancelledError"),
        (1, False, "returned 'result'"),
        (2, False, "returned 'result'"),
        (3, False, "returned 'result'"),
    ]


def test_a_timeout_waits_for_the_cleanup_of_the_cancelled_code_and_can_be_refused(
    stage: Stage,
) -> None:
    aio, log = stage.aio, stage.log

    async def slow_to_clean_up() -> None:
        try:
            await aio.sleep(10)
        finally:
            await aio.sleep(5)

    async def refusing() -> str:
        while True:
            try:
                await aio.sleep(10)
            except aio.CancelledError:
                log("refused", stage.now)
            else:
                return "finished"

    async def main() -> None:
        log(await attempt_await(aio.wait_for(slow_to_clean_up(), 1)), stage.now)
        log(await attempt_await(aio.wait_for(refusing(), 1)), stage.now)

    assert stage.run(main) == [
        ("raised TimeoutError", 6.0),
        ("refused", 7.0),
        ("returned 'finished'", 17.0),
    ]


def test_if_one_child_fails_gather_lets_the_others_run_and_a_task_group_cancels_them(
    stage: Stage,
) -> None:
    aio, log = stage.aio, stage.log

    async def failing() -> None:
        await aio.sleep(1)
        raise ValueError("broken")

    async def main() -> None:
        sibling = aio.create_task(aio.sleep(2))
        log("gather", await attempt_await(aio.gather(failing(), sibling)), outcome(sibling))
        await sibling
        try:
            async with aio.TaskGroup() as group:
                group.create_task(failing())
                sibling = group.create_task(aio.sleep(2))
        except* ValueError:
            log("group", outcome(sibling))

    assert stage.run(main) == [
        ("gather", "raised ValueError: broken", "pending"),
        ("group", "cancelled"),
    ]


def test_return_exceptions_does_not_turn_the_cancellation_of_gather_into_a_result(
    stage: Stage,
) -> None:
    aio, log = stage.aio, stage.log

    async def work(name: str) -> str:
        try:
            await aio.sleep(10)
        except aio.CancelledError:
            log(name, "is cancelled")
            raise
        return name

    async def main() -> None:
        one = aio.create_task(work("one"))
        gathered = aio.gather(one, work("other"), return_exceptions=True)
        aio.get_running_loop().call_later(1, one.cancel)
        aio.get_running_loop().call_later(2, gathered.cancel)
        log(await attempt_await(gathered))

    assert stage.run(main) == [
        ("one", "is cancelled"),
        ("other", "is cancelled"),
        "raised CancelledError",
    ]


def test_shield_protects_the_inner_task_and_not_the_waiter(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def work() -> None:
        await aio.sleep(2)
        log("the inner task ends", stage.now)

    async def waiter(inner: Any) -> None:
        try:
            await aio.shield(inner)
        except aio.CancelledError:
            log("the waiter is cancelled", stage.now)
            raise

    async def main() -> None:
        inner = aio.create_task(work())
        task = aio.create_task(waiter(inner))
        await aio.sleep(1)
        task.cancel()
        await aio.wait([task, inner])

    assert stage.run(main) == [("the waiter is cancelled", 1.0), ("the inner task ends", 2.0)]


def test_shielded_work_without_other_references_can_be_lost(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def work() -> None:
        await aio.Future()

    async def waiter() -> None:
        await aio.shield(work())

    async def main() -> None:
        task = aio.create_task(waiter())
        await aio.sleep(1)
        task.cancel()
        await aio.wait([task])
        del task
        stage.collect()
        log(stage.logged())

    assert stage.run(main) == [["ERROR Task was destroyed but it is pending!"]]


def test_a_task_on_an_unreferenced_future_is_lost_and_a_sleeping_task_is_not(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def waiting_forever() -> None:
        await aio.Future()

    async def sleeping() -> None:
        await aio.sleep(1)
        log("the sleeper wakes up", stage.now)

    async def main() -> None:
        lost = weakref.ref(aio.create_task(waiting_forever()))
        kept = weakref.ref(aio.create_task(sleeping()))
        await aio.sleep(0)
        stage.collect()
        log("lost", lost() is None)
        log("kept", kept() is not None)
        log(stage.logged())
        await aio.sleep(2)

    assert stage.run(main) == [
        ("lost", True),
        ("kept", True),
        ["ERROR Task was destroyed but it is pending!"],
        ("the sleeper wakes up", 1.0),
    ]


def test_an_unretrieved_exception_is_reported_only_when_the_task_is_freed(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def failing() -> None:
        raise ValueError("not retrieved")

    async def main() -> None:
        task = aio.create_task(failing())
        await aio.sleep(100)
        log("a hundred seconds later", stage.logged())
        del task
        stage.collect()
        log("the reference is gone", stage.logged())

    report = "ERROR Task exception was never retrieved [ValueError: not retrieved]"
    assert stage.run(main) == [("a hundred seconds later", []), ("the reference is gone", [report])]


def test_a_caught_cancellation_still_counts_until_uncancel_is_called(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def swallowing(uncancel: bool) -> None:
        task = aio.current_task()
        try:
            await aio.sleep(10)
        except aio.CancelledError:
            if uncancel:
                task.uncancel()
        log("cancelling", task.cancelling())

    async def main() -> None:
        for uncancel in (False, True):
            task = aio.create_task(swallowing(uncancel))
            await aio.sleep(1)
            task.cancel()
            await task

    assert stage.run(main) == [("cancelling", 1), ("cancelling", 0)]


def test_a_timeout_still_works_in_a_task_that_swallowed_a_cancellation(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def work() -> None:
        log(await attempt_await(aio.sleep(10)), aio.current_task().cancelling())
        try:
            async with aio.timeout(1):
                await aio.sleep(10)
        except TimeoutError:
            log("timed out", aio.current_task().cancelling())

    async def main() -> None:
        task = aio.create_task(work())
        await aio.sleep(1)
        task.cancel()
        await task

    assert stage.run(main) == [("raised CancelledError", 1), ("timed out", 1)]


@older_asyncio_differs("3.13", "the inner group mistakes the timeout's cancellation for its own")
def test_a_timeout_that_expires_while_an_inner_group_fails_is_not_lost(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def failing() -> None:
        await aio.sleep(1)
        raise ValueError("broken")

    async def slow_to_clean_up() -> None:
        try:
            await aio.sleep(10)
        finally:
            await aio.sleep(2)

    async def main() -> None:
        try:
            async with aio.timeout(2):
                try:
                    async with aio.TaskGroup() as group:
                        group.create_task(failing())
                        group.create_task(slow_to_clean_up())
                except* ValueError as errors:
                    log(describe(errors.exceptions[0]), stage.now)
                await aio.sleep(10)
        except TimeoutError:
            log("timed out", stage.now, aio.current_task().cancelling())

    assert stage.run(main) == [("ValueError: broken", 3.0), ("timed out", 3.0, 0)]


def test_a_blocking_call_blocks_every_task_and_a_thread_does_not(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def ticker() -> None:
        for tick in range(3):
            log(f"tick {tick}", stage.now)
            await aio.sleep(1)

    async def main() -> None:
        task = aio.create_task(ticker())
        await aio.sleep(0.5)
        stage.clock.advance(10)  # has the effect of time.sleep(10)
        log("the blocking call is over", stage.now)
        await task
        await aio.to_thread(time.sleep, 0)
        log("to_thread", stage.now)

    assert stage.run(main) == [
        ("tick 0", 0.0),
        ("the blocking call is over", 10.5),
        ("tick 1", 10.5),
        ("tick 2", 11.5),
        ("to_thread", 12.5),
    ]


def test_blocking_the_loops_thread_on_a_coroutine_of_the_same_loop_is_a_deadlock(
    stage: Stage,
) -> None:
    aio, log = stage.aio, stage.log

    async def work() -> str:
        return "result"

    async def main() -> None:
        loop = aio.get_running_loop()
        here = aio.run_coroutine_threadsafe(work(), loop)
        with pytest.raises(concurrent.futures.TimeoutError):
            here.result(timeout=0.001)  # without a timeout this would wait forever
        log("on the loop's thread", here.done())

        def in_another_thread() -> str:
            return str(aio.run_coroutine_threadsafe(work(), loop).result())

        log("on another thread", await aio.to_thread(in_another_thread))

    assert stage.run(main) == [("on the loop's thread", False), ("on another thread", "result")]


def test_event_loops_cannot_be_nested(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def inner() -> None:
        log("this is never recorded")

    async def main() -> None:
        coroutine = inner()
        log(attempt(aio.run, coroutine))
        log(attempt(aio.get_running_loop().run_until_complete, coroutine))
        coroutine.close()

    assert stage.run(main) == [
        "raised RuntimeError: asyncio.run() cannot be called from a running event loop",
        "raised RuntimeError: This event loop is already running",
    ]


def test_every_thread_can_run_its_own_loop(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def inner() -> None:
        await aio.sleep(0)
        log("in another thread")

    def in_a_thread() -> None:
        aio.run(inner())

    async def main() -> None:
        thread = threading.Thread(target=in_a_thread)
        thread.start()
        thread.join()
        log("back in the first loop", aio.get_running_loop().is_running())

    assert stage.run(main) == ["in another thread", ("back in the first loop", True)]


@older_asyncio_differs("3.12", "there are no eager tasks")
def test_an_eager_task_changes_the_order_of_a_program(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def work(name: str) -> None:
        log(name)

    async def create(kind: str) -> None:
        tasks = [aio.create_task(work(f"{kind} {number}")) for number in (1, 2)]
        log(f"{kind} tasks are created")
        await aio.gather(*tasks)

    async def main() -> None:
        await create("lazy")
        aio.get_running_loop().set_task_factory(aio.eager_task_factory)
        await create("eager")

    assert stage.run(main) == [
        "lazy tasks are created",
        "lazy 1",
        "lazy 2",
        "eager 1",
        "eager 2",
        "eager tasks are created",
    ]


def test_the_context_is_copied_when_the_task_is_created_not_when_it_starts(stage: Stage) -> None:
    aio, log = stage.aio, stage.log
    request = contextvars.ContextVar("request", default="none")

    async def handler() -> None:
        log(request.get())

    async def main() -> None:
        tasks = []
        for name in ("first", "second"):
            request.set(name)
            tasks.append(aio.create_task(handler()))
        request.set("third")
        await aio.gather(*tasks)

    assert stage.run(main) == ["first", "second"]


def test_callbacks_and_tasks_run_in_the_order_in_which_they_were_scheduled(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def work(name: str) -> None:
        for step in (1, 2):
            log(name, step)
            await aio.sleep(0)

    async def main() -> None:
        loop = aio.get_running_loop()
        tasks = [aio.create_task(work(name)) for name in "ab"]
        loop.call_soon(log, "callback")
        await aio.gather(*tasks)

    assert stage.run(main) == [("a", 1), ("b", 1), "callback", ("a", 2), ("b", 2)]
