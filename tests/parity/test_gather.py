"""gather: several awaitables, one list of results, and what happens if one of them fails."""

from __future__ import annotations

from collections.abc import Awaitable

import pytest

from tests.parity.harness import (
    Stage,
    attempt,
    attempt_await,
    describe,
    older_asyncio_differs,
    outcome,
)


def test_results_are_in_the_order_of_the_arguments(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def work(delay: float) -> float:
        await aio.sleep(delay)
        log("done", delay)
        return delay

    async def main() -> None:
        log(await aio.gather(work(3), work(1), work(2)))

    assert stage.run(main) == [("done", 1), ("done", 2), ("done", 3), [3, 1, 2]]


def test_the_first_failure_is_raised_immediately_and_the_others_continue(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def work(delay: float) -> None:
        await aio.sleep(delay)
        log("done", delay)

    async def failing(delay: float) -> None:
        await aio.sleep(delay)
        raise ValueError(f"failed at {delay}")

    async def main() -> None:
        log(await attempt_await(aio.gather(work(3), failing(1), failing(2))), stage.now)
        await aio.sleep(5)

    assert stage.run(main) == [("raised ValueError: failed at 1", 1.0), ("done", 3)]


def test_return_exceptions_waits_for_all_and_puts_exceptions_into_the_list(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def work(delay: float) -> float:
        await aio.sleep(delay)
        if delay == 1:
            raise ValueError("one")
        if delay == 2:
            raise aio.CancelledError("messages are not kept")
        return delay

    async def main() -> None:
        results = await aio.gather(work(3), work(2), work(1), return_exceptions=True)
        log([describe(r) if isinstance(r, BaseException) else r for r in results], stage.now)

    assert stage.run(main) == [([3, "CancelledError", "ValueError: one"], 3.0)]


def test_an_awaitable_given_twice_runs_once_and_its_result_is_listed_twice(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def work() -> str:
        log("runs")
        return "result"

    async def main() -> None:
        coroutine, task = work(), aio.create_task(work())
        log(await aio.gather(coroutine, task, coroutine, task))

    assert stage.run(main) == ["runs", "runs", ["result"] * 4]


def test_gather_without_arguments_is_done_immediately(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        gathered = aio.gather()
        log(outcome(gathered))
        log(await gathered)

    assert stage.run(main) == ["returned []", []]


@older_asyncio_differs("3.12", "done futures are counted one iteration later")
def test_gathering_done_futures_takes_no_iteration(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        future = aio.Future()
        future.set_result(1)
        gathered = aio.gather(future, future)
        log(outcome(gathered))
        aio.get_running_loop().call_soon(log, "an iteration")
        log(await gathered)

    assert stage.run(main) == ["returned [1, 1]", [1, 1], "an iteration"]


def test_cancelling_the_gather_cancels_every_child(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def work(name: str) -> None:
        try:
            await aio.sleep(10)
        except aio.CancelledError as error:
            log(name, str(error))
            raise

    async def main() -> None:
        gathered = aio.gather(work("a"), work("b"))
        await aio.sleep(1)
        log(gathered.cancel("enough"), outcome(gathered))
        log(await attempt_await(gathered), outcome(gathered))

    assert stage.run(main) == [
        (True, "pending"),
        ("a", "enough"),
        ("b", "enough"),
        ("raised CancelledError: enough", "raised CancelledError: enough"),
    ]


def test_cancelling_the_task_that_awaits_a_gather_cancels_the_children(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def work(name: str) -> None:
        try:
            await aio.sleep(10)
        finally:
            log(name, "is done")

    async def parent() -> None:
        await aio.gather(work("a"), work("b"))

    async def main() -> None:
        task = aio.create_task(parent())
        await aio.sleep(1)
        task.cancel()
        log(await attempt_await(task))

    assert stage.run(main) == [("a", "is done"), ("b", "is done"), "raised CancelledError"]


def test_a_cancelled_gather_with_return_exceptions_is_cancelled_too(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def work(cleanup: float) -> None:
        try:
            await aio.sleep(10)
        finally:
            await aio.sleep(cleanup)
            log("cleaned up", stage.now)

    async def main() -> None:
        gathered = aio.gather(work(1), work(2), return_exceptions=True)
        await aio.sleep(1)
        gathered.cancel("enough")
        log(await attempt_await(gathered), stage.now)

    assert stage.run(main) == [
        ("cleaned up", 2.0),
        ("cleaned up", 3.0),
        ("raised CancelledError: enough", 3.0),
    ]


def test_a_cancelled_child_does_not_cancel_its_siblings(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def work() -> None:
        await aio.sleep(2)
        log("the sibling is done", stage.now)

    async def main() -> None:
        child = aio.create_task(aio.sleep(10))
        gathered = aio.gather(child, work())
        await aio.sleep(1)
        child.cancel("only this one")
        log(await attempt_await(gathered), stage.now)
        await aio.sleep(5)

    assert stage.run(main) == [
        ("raised CancelledError: only this one", 1.0),
        ("the sibling is done", 2.0),
    ]


def test_a_nested_gather_returns_nested_lists_and_is_cancelled_as_a_whole(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def work(name: str) -> str:
        try:
            await aio.sleep(1)
        except aio.CancelledError:
            log(name, "cancelled")
            raise
        return name

    async def main() -> None:
        log(await aio.gather(work("a"), aio.gather(work("b"), work("c")), aio.gather()))
        nested = aio.gather(work("d"), aio.gather(work("e"), work("f")))
        await aio.sleep(0)
        nested.cancel()
        log(await attempt_await(nested))

    assert stage.run(main) == [
        ["a", ["b", "c"], []],
        ("d", "cancelled"),
        ("e", "cancelled"),
        ("f", "cancelled"),
        "raised CancelledError",
    ]


def test_failures_after_the_first_are_neither_raised_nor_logged(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def failing(delay: float) -> None:
        await aio.sleep(delay)
        raise ValueError(f"failed at {delay}")

    async def main() -> None:
        log(await attempt_await(aio.gather(failing(1), failing(2))))
        await aio.sleep(5)
        stage.collect()
        log("logged", stage.logged())

    assert stage.run(main) == ["raised ValueError: failed at 1", ("logged", [])]


def test_a_done_gather_cannot_be_cancelled_while_a_child_still_runs(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def failing() -> None:
        raise ValueError("immediately")

    async def main() -> None:
        slow = aio.create_task(aio.sleep(2, "slow"))
        gathered = aio.gather(failing(), slow)
        log(await attempt_await(gathered))
        log(gathered.cancel(), outcome(slow), await slow)

    assert stage.run(main) == ["raised ValueError: immediately", (False, "pending", "slow")]


def test_the_children_start_in_order_in_one_iteration(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def work(name: str) -> None:
        log(name)

    async def main() -> None:
        gathered = aio.gather(work("a"), work("b"), work("c"))
        log("made")
        await aio.sleep(0)
        log("one iteration later", outcome(gathered))
        await gathered

    assert stage.run(main) == ["made", "a", "b", "c", ("one iteration later", "pending")]


def test_futures_of_two_loops_cannot_be_gathered(stage: Stage) -> None:
    log = stage.log
    one, other = stage.new_loop().create_future(), stage.new_loop().create_future()
    log(attempt(stage.aio.gather, one, other))

    reason = "The future belongs to a different loop than the one specified as the loop argument"
    assert log == [f"raised ValueError: {reason}"]


def test_any_base_exception_counts_as_a_failure(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    class CustomBaseException(BaseException):
        pass

    async def failing() -> None:
        raise CustomBaseException("custom")

    async def main() -> None:
        log(await attempt_await(aio.gather(failing(), aio.sleep(1))))
        (result,) = await aio.gather(failing(), return_exceptions=True)
        log(describe(result))

    assert stage.run(main) == ["raised CustomBaseException: custom", "CustomBaseException: custom"]


def test_every_await_of_a_gather_returns_the_same_list(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        gathered = aio.gather(aio.sleep(1, "a"), aio.sleep(2, "b"))
        await aio.sleep(5)
        first, second = await gathered, await gathered
        log(first, first is second)

    assert stage.run(main) == [(["a", "b"], True)]


def test_a_cancelled_gather_has_the_message_of_its_last_child(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def cancelled(*children: Awaitable[object]) -> str:
        gathered = aio.gather(*children, return_exceptions=True)
        await aio.sleep(0)
        await aio.sleep(0)
        gathered.cancel("enough")
        return await attempt_await(gathered)

    async def main() -> None:
        create_future = aio.get_running_loop().create_future
        log("the last", await cancelled(aio.sleep(0), create_future()))
        log("the first", await cancelled(create_future(), aio.sleep(0)))

    assert stage.run(main) == [
        ("the last", "raised CancelledError: enough"),
        ("the first", "raised CancelledError"),
    ]


def test_with_return_exceptions_nothing_is_retrieved_until_all_children_are_done(
    stage: Stage,
) -> None:
    aio, log = stage.aio, stage.log

    async def fail() -> None:
        raise ValueError("broken")

    loop = stage.new_loop()
    loop.set_exception_handler(stage.report)
    gathered = aio.gather(
        loop.create_task(fail()), loop.create_future(), return_exceptions=True
    )  # fmt: skip
    loop.run_until_complete(aio.sleep(0))
    loop.run_until_complete(aio.sleep(0))
    loop.close()
    del gathered
    stage.collect()
    assert log == [("report", "Task exception was never retrieved", "ValueError: broken")]


def test_if_gather_raises_for_an_argument_a_cancelled_earlier_one_is_not_reported(
    stage: Stage,
) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        aio.get_running_loop().set_exception_handler(stage.report)
        with pytest.raises(TypeError):
            aio.gather(aio.sleep(10), 42)
        (sleeping,) = aio.all_tasks() - {aio.current_task()}
        sleeping.cancel()
        await aio.wait([sleeping])
        await aio.sleep(0)
        log(outcome(sleeping))
        del sleeping
        stage.collect()

    assert stage.run(main) == ["cancelled"]
