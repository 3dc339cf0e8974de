"""Cancellation: when it is raised, its message, and how requests are counted."""

from __future__ import annotations

from typing import Any

from tests.parity.harness import Stage, attempt_await, chain, older_asyncio_differs, outcome


def test_a_task_cancelled_before_its_first_step_never_runs(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def work() -> None:
        log("never reached")

    async def main() -> None:
        task = aio.create_task(work())
        log(task.cancel(), outcome(task), task.cancelling())
        log(await attempt_await(task))
        log(outcome(task))

    assert stage.run(main) == [(True, "pending", 1), "raised CancelledError", "cancelled"]


def test_cancellation_is_raised_where_the_task_waits(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def work() -> None:
        try:
            await aio.sleep(10)
        except aio.CancelledError as error:
            log("cancelled", error.args, stage.now)
            raise

    async def main() -> None:
        task = aio.create_task(work())
        await aio.sleep(1)
        task.cancel("no longer needed")
        log("asked for", task.cancelled())
        log(await attempt_await(task))
        log(outcome(task), task.cancelling())

    assert stage.run(main) == [
        ("asked for", False),
        ("cancelled", ("no longer needed",), 1.0),
        "raised CancelledError: no longer needed",
        ("cancelled", 1),
    ]


def test_cancelling_a_task_cancels_the_future_it_waits_for(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        future = aio.Future()
        future.add_done_callback(lambda f: log("future", outcome(f)))

        async def work() -> None:
            await future

        task = aio.create_task(work())
        await aio.sleep(0)
        log(task.cancel("by hand"), outcome(future), outcome(task))
        log(await attempt_await(task), await attempt_await(future))

    assert stage.run(main) == [
        (True, "cancelled", "pending"),
        ("future", "cancelled"),
        ("raised CancelledError: by hand",) * 2,
    ]


def test_cancellation_goes_down_a_chain_of_tasks_and_comes_back_up(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def link(name: str, awaitable: Any) -> None:
        try:
            await awaitable
        except aio.CancelledError as error:
            log(name, str(error))
            raise

    async def main() -> None:
        inner = aio.create_task(link("inner", aio.sleep(10)))
        middle = aio.create_task(link("middle", inner))
        outer = aio.create_task(link("outer", middle))
        await aio.sleep(1)
        outer.cancel("down and up")
        await aio.wait([outer])
        log([outcome(task) for task in (inner, middle, outer)])
        log([task.cancelling() for task in (inner, middle, outer)])

    assert stage.run(main) == [
        ("inner", "down and up"),
        ("middle", "down and up"),
        ("outer", "down and up"),
        ["cancelled", "cancelled", "cancelled"],
        [1, 1, 1],
    ]


def test_two_cancels_before_a_step_are_counted_but_raised_once(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def work() -> None:
        try:
            await aio.sleep(10)
        except aio.CancelledError as error:
            log("first wait", str(error), aio.current_task().cancelling())
        await aio.sleep(5)
        log("second wait is done", stage.now)

    async def main() -> None:
        task = aio.create_task(work())
        await aio.sleep(1)
        log(task.cancel("one"), task.cancel("two"), task.cancelling())
        await task
        log(outcome(task), task.cancelling())

    assert stage.run(main) == [
        (True, True, 2),
        ("first wait", "one", 2),
        ("second wait is done", 6.0),
        ("returned None", 2),
    ]


def test_a_second_cancel_interrupts_the_cleanup_of_the_first(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def work() -> None:
        try:
            await aio.sleep(10)
        finally:
            log("cleaning up", stage.now)
            try:
                await aio.sleep(10)
            except aio.CancelledError as error:
                log("interrupted", stage.now, chain(error))
                raise

    async def main() -> None:
        task = aio.create_task(work())
        for message in ("one", "two"):
            await aio.sleep(1)
            task.cancel(message)
        log(await attempt_await(task))

    assert stage.run(main) == [
        ("cleaning up", 1.0),
        ("interrupted", 2.0, ["CancelledError: two", "during CancelledError: one"]),
        "raised CancelledError: two",
    ]


def test_a_task_that_catches_its_cancellation_continues(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def ignore_cancellation() -> str:
        try:
            await aio.sleep(10)
        except aio.CancelledError:
            log("no")
        await aio.sleep(1)
        return "finished anyway"

    async def main() -> None:
        task = aio.create_task(ignore_cancellation())
        await aio.sleep(0)
        task.cancel()
        log(await task, stage.now)
        log(task.cancelled(), task.cancelling())

    assert stage.run(main) == ["no", ("finished anyway", 1.0), (False, 1)]


def test_uncancel_decrements_the_count_down_to_zero(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        task = aio.current_task()
        for _ in range(2):
            task.cancel()
        try:
            await aio.sleep(0)
        except aio.CancelledError:
            log("cancelled", task.cancelling())
        log([task.uncancel() for _ in range(3)], task.cancelling())

    assert stage.run(main) == [("cancelled", 2), ([1, 0, 0], 0)]


@older_asyncio_differs("3.13", "a request that was uncancelled is still raised")
def test_a_request_that_is_uncancelled_before_the_next_step_is_not_raised(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        task = aio.current_task()
        task.cancel()
        log("cancelling", task.cancelling())
        task.uncancel()
        await aio.sleep(1)
        log("not cancelled", stage.now)

    assert stage.run(main) == [("cancelling", 1), ("not cancelled", 1.0)]


def test_if_one_of_two_requests_is_uncancelled_the_other_is_raised(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        task = aio.current_task()
        task.cancel("one")
        task.cancel("two")
        task.uncancel()
        log(await attempt_await(aio.sleep(1)), stage.now)

    assert stage.run(main) == [("raised CancelledError: two", 0.0)]


def test_a_task_that_cancels_itself_is_cancelled_at_its_next_await(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def work() -> None:
        aio.current_task().cancel("by itself")
        log("still running")
        await aio.sleep(0)
        log("never reached")

    async def main() -> None:
        log(await attempt_await(aio.create_task(work())))

    assert stage.run(main) == ["still running", "raised CancelledError: by itself"]


def test_a_task_that_cancels_itself_and_returns_is_cancelled(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def work() -> str:
        aio.current_task().cancel("too late")
        return "returned"

    async def main() -> None:
        task = aio.create_task(work())
        log(await attempt_await(task))
        log(outcome(task))

    assert stage.run(main) == ["raised CancelledError: too late", "cancelled"]


def test_a_done_task_cannot_be_cancelled(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def work() -> int:
        return 1

    async def main() -> None:
        task = aio.create_task(work())
        await task
        log(task.cancel(), outcome(task), task.cancelling())

    assert stage.run(main) == [(False, "returned 1", 0)]


def test_cancel_takes_precedence_over_a_result_the_task_has_not_received_yet(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        future = aio.Future()

        async def work() -> None:
            log("got", await attempt_await(future))

        task = aio.create_task(work())
        await aio.sleep(0)
        future.set_result("ready")
        log(task.cancel(), outcome(future))
        await task

    assert stage.run(main) == [(True, "returned 'ready'"), ("got", "raised CancelledError")]


def test_awaiting_a_cancelled_task_does_not_change_the_cancelling_count(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        task = aio.create_task(aio.sleep(10))
        await aio.sleep(0)
        task.cancel()
        log(await attempt_await(task), aio.current_task().cancelling())

    assert stage.run(main) == [("raised CancelledError", 0)]


def test_an_exception_in_cleanup_replaces_the_cancellation(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def work() -> None:
        try:
            await aio.sleep(10)
        finally:
            raise ValueError("the clean-up failed")

    async def main() -> None:
        task = aio.create_task(work())
        await aio.sleep(0)
        task.cancel("stop")
        await aio.wait([task])
        log(task.cancelled(), chain(task.exception()))

    assert stage.run(main) == [
        (False, ["ValueError: the clean-up failed", "during CancelledError: stop"])
    ]


def test_a_task_that_raises_cancelled_error_itself_is_cancelled(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def work() -> None:
        raise aio.CancelledError("raised directly")

    async def main() -> None:
        task = aio.create_task(work())
        log(await attempt_await(task))
        log(outcome(task), task.cancelling())

    assert stage.run(main) == ["raised CancelledError: raised directly", ("cancelled", 0)]


def test_closing_a_coroutine_raises_generator_exit_and_not_cancelled_error(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def work() -> None:
        try:
            await aio.sleep(10)
        except BaseException as error:
            log(type(error).__name__)
            raise

    async def main() -> None:
        coroutine = work()
        coroutine.send(None)
        coroutine.close()
        task = aio.create_task(work())
        await aio.sleep(0)
        task.cancel()
        await aio.wait([task])

    assert stage.run(main) == ["GeneratorExit", "CancelledError"]


def test_cancelling_runs_the_cleanup_of_nested_blocks_from_the_inside_out(stage: Stage) -> None:
    import contextlib
    from collections.abc import AsyncIterator

    aio, log = stage.aio, stage.log

    @contextlib.asynccontextmanager
    async def layer(name: str) -> AsyncIterator[None]:
        try:
            yield
        finally:
            await aio.sleep(1)
            log(f"{name} is left", stage.now)

    async def work() -> None:
        async with layer("outer"), layer("inner"):
            await aio.sleep(10)

    async def main() -> None:
        task = aio.create_task(work())
        await aio.sleep(0)
        task.cancel()
        log(await attempt_await(task))

    assert stage.run(main) == [
        ("inner is left", 1.0),
        ("outer is left", 2.0),
        "raised CancelledError",
    ]
