"""wait: two sets, the done and the pending tasks. It never raises their exceptions."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

from tests.parity.harness import Stage, attempt_await, outcome


def names(tasks: Any) -> list[str]:
    return sorted(task.get_name() for task in tasks)


async def sleeping(aio: Any, delay: float, error: Exception | None = None) -> float:
    await aio.sleep(delay)
    if error is not None:
        raise error
    return delay


def start(aio: Any, *delays: float) -> list[Any]:
    """Start a task for each delay, named after it."""
    return [aio.create_task(sleeping(aio, delay), name=str(delay)) for delay in delays]


def test_wait_waits_for_all_and_raises_no_exception(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        failing = aio.create_task(sleeping(aio, 2, ValueError("late")), name="failing")
        done, pending = await aio.wait([*start(aio, 3, 1), failing])
        log(names(done), names(pending), stage.now)
        log(outcome(failing))

    assert stage.run(main) == [(["1", "3", "failing"], [], 3.0), "raised ValueError: late"]


def test_first_completed_returns_with_the_first_task(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        tasks = start(aio, 3, 1, 2)
        done, pending = await aio.wait(tasks, return_when=aio.FIRST_COMPLETED)
        log(names(done), names(pending), stage.now)
        done, pending = await aio.wait(pending, return_when=aio.FIRST_COMPLETED)
        log(names(done), names(pending), stage.now)
        await aio.wait(tasks)

    assert stage.run(main) == [(["1"], ["2", "3"], 1.0), (["2"], ["3"], 2.0)]


def test_first_completed_returns_all_that_are_done_in_the_same_iteration(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        futures = [aio.Future() for _ in range(3)]
        loop = aio.get_running_loop()
        loop.call_soon(futures[1].set_result, None)
        loop.call_soon(futures[2].set_result, None)
        done, pending = await aio.wait(futures, return_when=aio.FIRST_COMPLETED)
        log([future in done for future in futures], [future in pending for future in futures])

    assert stage.run(main) == [([False, True, True], [True, False, False])]


def test_first_exception_returns_with_the_first_failure(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        failing = aio.create_task(sleeping(aio, 2, ValueError("broken")), name="failing")
        tasks = [*start(aio, 1, 3), failing]
        done, pending = await aio.wait(tasks, return_when=aio.FIRST_EXCEPTION)
        log(names(done), names(pending), stage.now, outcome(failing))
        await aio.wait(pending)

    assert stage.run(main) == [(["1", "failing"], ["3"], 2.0, "raised ValueError: broken")]


def test_a_cancelled_task_does_not_count_as_an_exception(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        tasks = start(aio, 1, 2, 3)
        aio.get_running_loop().call_soon(tasks[0].cancel)
        done, pending = await aio.wait(tasks, return_when=aio.FIRST_EXCEPTION)
        log(names(done), names(pending), stage.now)

    assert stage.run(main) == [(["1", "2", "3"], [], 3.0)]


def test_first_exception_without_a_failure_waits_for_all(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        done, _ = await aio.wait(start(aio, 2, 1), return_when=aio.FIRST_EXCEPTION)
        log(names(done), stage.now)

    assert stage.run(main) == [(["1", "2"], 2.0)]


def test_a_timeout_leaves_the_pending_tasks_running(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        tasks = start(aio, 1, 3)
        done, pending = await aio.wait(tasks, timeout=2)
        log(names(done), names(pending), stage.now, [outcome(task) for task in tasks])
        log(await tasks[1], stage.now)

    assert stage.run(main) == [(["1"], ["3"], 2.0, ["returned 1", "pending"]), (3, 3.0)]


def test_with_timeout_zero_each_task_can_run_a_step(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def quick() -> None:
        log("took a step")

    async def main() -> None:
        task = aio.create_task(quick(), name="quick")
        done, pending = await aio.wait([task, *start(aio, 1)], timeout=0)
        log(names(done), names(pending), stage.now)
        await aio.wait(pending)

    assert stage.run(main) == ["took a step", (["quick"], ["1"], 0.0)]


def test_waiting_for_a_done_future_takes_one_iteration(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        future = aio.Future()
        future.set_result(None)
        aio.get_running_loop().call_soon(log, "an iteration")
        done, pending = await aio.wait([future])
        log(done == {future}, pending)

    assert stage.run(main) == ["an iteration", (True, set())]


def test_cancelling_the_wait_leaves_the_tasks_alone(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        tasks = start(aio, 2)
        waiting = aio.create_task(aio.wait(tasks))
        await aio.sleep(1)
        waiting.cancel()
        log(await attempt_await(waiting), [outcome(task) for task in tasks])
        log(await tasks[0], stage.now)

    assert stage.run(main) == [("raised CancelledError", ["pending"]), (2, 2.0)]


def test_a_task_given_twice_counts_once(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        (task,) = start(aio, 1)
        done, pending = await aio.wait(iter([task, task]))
        log(done == {task}, pending)

    assert stage.run(main) == [(True, set())]


def test_wait_rejects_invalid_arguments(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        log(await attempt_await(aio.wait([])))
        log(await attempt_await(aio.wait(aio.Future())))
        coroutine = aio.sleep(1)
        log(await attempt_await(aio.wait(coroutine)))
        log(await attempt_await(aio.wait([coroutine])))
        coroutine.close()
        log(await attempt_await(aio.wait([aio.Future()], return_when="SOMETIME")))

    assert stage.run(main) == [
        "raised ValueError: Set of Tasks/Futures is empty.",
        "raised TypeError: expect a list of futures, not Future",
        "raised TypeError: expect a list of futures, not coroutine",
        "raised TypeError: Passing coroutines is forbidden, use tasks explicitly.",
        "raised ValueError: Invalid return_when value: SOMETIME",
    ]


def test_an_unused_timeout_is_removed_from_the_heap_immediately(stage: Stage) -> None:
    """So the order of timers with equal times is the same on both."""
    aio, log = stage.aio, stage.log

    async def waiter(future: Awaitable[object]) -> None:
        await aio.wait([future], timeout=2)
        aio.get_running_loop().call_later(1, log, "after the wait")

    async def main() -> None:
        loop = aio.get_running_loop()
        future = loop.create_future()
        waiters = [aio.create_task(waiter(future)) for _ in range(2)]
        loop.call_later(1, future.set_result, None)
        for delay, name in ((2, "one"), (1, "another"), (2, "the last")):
            loop.call_later(delay, log, name)
        await aio.gather(*waiters)
        await aio.sleep(2)

    assert stage.run(main) == ["another", "one", "after the wait", "the last", "after the wait"]
