"""as_completed: results in the order of completion, with `for` and with `async for`."""

from __future__ import annotations

from typing import Any

from tests.parity.harness import Stage, attempt, attempt_await, older_asyncio_differs, outcome


async def work(aio: Any, delay: float) -> float:
    await aio.sleep(delay)
    if delay == 2:
        raise ValueError("the second fails")
    return delay


def test_a_for_loop_yields_awaitables_in_order_of_completion(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        for earliest in aio.as_completed([work(aio, delay) for delay in (3, 1, 2)]):
            log(await attempt_await(earliest), stage.now)

    assert stage.run(main) == [
        ("returned 1", 1.0),
        ("raised ValueError: the second fails", 2.0),
        ("returned 3", 3.0),
    ]


@older_asyncio_differs("3.13", "as_completed is a generator, not an asynchronous iterator")
def test_an_async_for_loop_yields_the_tasks_that_were_passed(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        tasks = {aio.create_task(work(aio, delay)): delay for delay in (3, 1, 2)}
        async for earliest in aio.as_completed(tasks):
            log(tasks[earliest], outcome(earliest), stage.now)

    assert stage.run(main) == [
        (1, "returned 1", 1.0),
        (2, "raised ValueError: the second fails", 2.0),
        (3, "returned 3", 3.0),
    ]


def test_a_for_loop_yields_other_objects_than_were_passed(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        task = aio.create_task(work(aio, 1))
        for earliest in aio.as_completed([task]):
            log(earliest is task, await earliest)

    assert stage.run(main) == [(False, 1)]


def test_after_the_timeout_each_remaining_awaitable_raises(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        tasks = [aio.create_task(work(aio, delay)) for delay in (1, 3, 4)]
        for earliest in aio.as_completed(tasks, timeout=2):
            log(await attempt_await(earliest), stage.now)
        log([outcome(task) for task in tasks])
        await aio.wait(tasks)

    assert stage.run(main) == [
        ("returned 1", 1.0),
        ("raised TimeoutError", 2.0),
        ("raised TimeoutError", 2.0),
        ["returned 1", "pending", "pending"],
    ]


@older_asyncio_differs("3.13", "as_completed is a generator, not an asynchronous iterator")
def test_after_the_timeout_an_async_for_loop_raises(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        tasks = [aio.create_task(work(aio, delay)) for delay in (1, 3, 4)]
        try:
            async for earliest in aio.as_completed(tasks, timeout=2):
                log(outcome(earliest), stage.now)
        except TimeoutError:
            log("timed out", stage.now)
        await aio.wait(tasks)

    assert stage.run(main) == [("returned 1", 1.0), ("timed out", 2.0)]


def test_a_task_given_twice_is_yielded_once(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        task = aio.create_task(work(aio, 1))
        log([await earliest for earliest in aio.as_completed([task, task])])

    assert stage.run(main) == [[1]]


def test_the_tasks_continue_if_the_loop_is_left_early(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        tasks = [aio.create_task(work(aio, delay)) for delay in (1, 3)]
        for earliest in aio.as_completed(tasks):
            log("first", await earliest)
            break
        log([outcome(task) for task in tasks])
        log(await tasks[1], stage.now)

    assert stage.run(main) == [("first", 1), ["returned 1", "pending"], (3, 3.0)]


def test_the_awaitables_can_be_awaited_later_and_by_other_tasks(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def waiter(name: str, earliest: Any) -> None:
        log(name, await earliest, stage.now)

    async def main() -> None:
        pair = list(aio.as_completed([work(aio, 3), work(aio, 1)]))
        await aio.gather(*(waiter(f"waiter {n}", earliest) for n, earliest in enumerate(pair)))

    assert stage.run(main) == [("waiter 0", 1, 1.0), ("waiter 1", 3, 3.0)]


def test_as_completed_of_nothing_is_empty(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        log(list(aio.as_completed([])))

    assert stage.run(main) == [[]]


@older_asyncio_differs("3.13", "the message says futures instead of awaitables")
def test_as_completed_rejects_a_single_awaitable(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        coroutine = aio.sleep(1)
        for single in (coroutine, aio.Future()):
            log(attempt(lambda single=single: list(aio.as_completed(single))))
        coroutine.close()

    assert stage.run(main) == [
        "raised TypeError: expects an iterable of awaitables, not coroutine",
        "raised TypeError: expects an iterable of awaitables, not Future",
    ]


@older_asyncio_differs("3.14.9", "gh-158004: ends one item too early")
def test_a_step_that_is_cancelled_takes_no_item(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        iterator = aio.as_completed([work(aio, delay) for delay in (3, 1)])
        step = aio.create_task(next_of(iterator))
        await aio.sleep(0.5)
        step.cancel()
        log(await attempt_await(step))
        for earliest in iterator:
            log(await attempt_await(earliest))

    async def next_of(iterator: Any) -> Any:
        return await next(iterator)

    assert stage.run(main) == ["raised CancelledError", "returned 1", "returned 3"]
