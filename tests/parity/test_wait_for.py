"""wait_for: one awaitable with a timeout, and races between completion and the deadline."""

from __future__ import annotations

import contextvars

from tests.parity.harness import Stage, attempt_await, chain, older_asyncio_differs, outcome


def test_an_awaitable_that_finishes_in_time_returns_its_result(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        log(await aio.wait_for(aio.sleep(1, "in time"), 2), stage.now)
        log(await aio.wait_for(aio.sleep(1, "no timeout"), None), stage.now)
        log(await attempt_await(aio.wait_for(failing(), 1)))

    async def failing() -> None:
        raise ValueError("failed in time")

    assert stage.run(main) == [
        ("in time", 1.0),
        ("no timeout", 2.0),
        "raised ValueError: failed in time",
    ]


def test_an_awaitable_that_takes_too_long_is_cancelled_and_times_out(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def slow() -> None:
        try:
            await aio.sleep(10)
        finally:
            log("cleaned up", stage.now)

    async def main() -> None:
        try:
            await aio.wait_for(slow(), 1)
        except aio.TimeoutError as error:
            log(chain(error), aio.TimeoutError is TimeoutError)

    assert stage.run(main) == [("cleaned up", 1.0), (["TimeoutError", "from CancelledError"], True)]


def test_a_task_or_future_that_takes_too_long_is_cancelled_too(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        task, future = aio.create_task(aio.sleep(10)), aio.Future()
        log(await attempt_await(aio.wait_for(task, 1)), outcome(task))
        log(await attempt_await(aio.wait_for(future, 1)), outcome(future))

    assert stage.run(main) == [
        ("raised TimeoutError", "cancelled"),
        ("raised TimeoutError", "cancelled"),
    ]


def test_a_timeout_of_zero_or_less_suffices_only_for_done_futures(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def work() -> None:
        log("never reached")

    async def main() -> None:
        done = aio.Future()
        done.set_result("done already")
        log(await aio.wait_for(done, 0), await aio.wait_for(done, -1))
        log(await attempt_await(aio.wait_for(work(), 0)))
        task = aio.create_task(work())
        log(await attempt_await(aio.wait_for(task, -1)), outcome(task))

    assert stage.run(main) == [
        ("done already", "done already"),
        "raised TimeoutError",
        ("raised TimeoutError", "cancelled"),
    ]


def test_wait_for_waits_for_the_cleanup_after_the_timeout(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def slow() -> None:
        try:
            await aio.sleep(10)
        finally:
            await aio.sleep(3)

    async def main() -> None:
        log(await attempt_await(aio.wait_for(slow(), 1)), stage.now)

    assert stage.run(main) == [("raised TimeoutError", 4.0)]


def test_an_awaitable_that_ignores_the_cancellation_returns_its_result(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def ignore_cancellation() -> str:
        try:
            await aio.sleep(10)
        except aio.CancelledError:
            await aio.sleep(1)
        return "the result"

    async def main() -> None:
        log(
            await aio.wait_for(ignore_cancellation(), 1), stage.now, aio.current_task().cancelling()
        )

    assert stage.run(main) == [("the result", 2.0, 0)]


def test_an_exception_in_the_cleanup_replaces_the_timeout(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def slow() -> None:
        try:
            await aio.sleep(10)
        finally:
            raise ValueError("the clean-up failed")

    async def main() -> None:
        log(await attempt_await(aio.wait_for(slow(), 1)), aio.current_task().cancelling())

    assert stage.run(main) == [("raised ValueError: the clean-up failed", 0)]


def test_cancelling_the_waiter_cancels_the_awaitable(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def work() -> None:
        try:
            await aio.sleep(10)
        except aio.CancelledError:
            log("cancelled", stage.now)
            await aio.sleep(1)
            raise

    async def main() -> None:
        task = aio.create_task(aio.wait_for(work(), 5))
        await aio.sleep(1)
        task.cancel()
        log(await attempt_await(task), stage.now)

    assert stage.run(main) == [("cancelled", 1.0), ("raised CancelledError", 2.0)]


@older_asyncio_differs("3.12", "wait_for drops the cancellation if the result came first")
def test_a_cancellation_just_after_the_result_is_not_lost(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        future = aio.Future()
        task = aio.create_task(aio.wait_for(future, 5))
        await aio.sleep(0)
        future.set_result("result")
        task.cancel()
        log(await attempt_await(task))

    assert stage.run(main) == ["raised CancelledError"]


@older_asyncio_differs("3.12", "a result that is set in the same iteration is returned")
def test_a_result_and_the_deadline_in_the_same_iteration_are_a_timeout(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        loop, future = aio.get_running_loop(), aio.Future()
        task = aio.create_task(aio.wait_for(future, 1))
        await aio.sleep(0)
        loop.call_later(0.5, future.set_result, "result")
        stage.clock.advance(2)
        log(await attempt_await(task), outcome(future))

    assert stage.run(main) == [("raised TimeoutError", "returned 'result'")]


@older_asyncio_differs("3.12", "wait_for wraps a coroutine into a new task")
def test_a_coroutine_runs_in_the_task_of_its_waiter(stage: Stage) -> None:
    aio, log = stage.aio, stage.log
    variable = contextvars.ContextVar("variable", default="unset")

    async def work() -> None:
        variable.set("set within")
        log(aio.current_task().get_name())

    async def main() -> None:
        aio.current_task().set_name("main")
        await aio.wait_for(work(), 1)
        log(variable.get())

    assert stage.run(main) == ["main", "set within"]


def test_the_shorter_of_two_nested_timeouts_applies(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        log(await attempt_await(aio.wait_for(aio.wait_for(aio.sleep(10), 2), 1)), stage.now)
        log(await attempt_await(aio.wait_for(aio.wait_for(aio.sleep(10), 1), 2)), stage.now)

    assert stage.run(main) == [("raised TimeoutError", 1.0), ("raised TimeoutError", 2.0)]


def test_a_timeout_does_not_cancel_a_shielded_task(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        task = aio.create_task(aio.sleep(2, "survived"))
        log(await attempt_await(aio.wait_for(aio.shield(task), 1)), stage.now)
        log(await task, stage.now)

    assert stage.run(main) == [("raised TimeoutError", 1.0), ("survived", 2.0)]


def test_a_timeout_error_of_the_awaitable_itself_is_raised_as_it_is(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def work() -> None:
        raise TimeoutError("from the awaitable")

    async def main() -> None:
        log(await attempt_await(aio.wait_for(work(), 1)), stage.now)

    assert stage.run(main) == [("raised TimeoutError: from the awaitable", 0.0)]
