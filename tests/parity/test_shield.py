"""shield: cancels the waiter, but not the awaitable."""

from __future__ import annotations

from tests.parity.harness import Stage, attempt_await, outcome


def test_the_inner_task_survives_the_cancellation_of_its_waiter(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        inner = aio.create_task(aio.sleep(2, "survived"))

        async def waiter() -> None:
            await aio.shield(inner)

        task = aio.create_task(waiter())
        await aio.sleep(1)
        task.cancel("only the waiter")
        log(await attempt_await(task), outcome(inner), inner.cancelling())
        log(await inner, stage.now)

    assert stage.run(main) == [
        ("raised CancelledError: only the waiter", "pending", 0),
        ("survived", 2.0),
    ]


def test_the_result_or_exception_is_passed_through(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def failing() -> None:
        raise ValueError("broken")

    async def main() -> None:
        log(await aio.shield(aio.sleep(1, "result")), stage.now)
        log(await attempt_await(aio.shield(failing())))

    assert stage.run(main) == [("result", 1.0), "raised ValueError: broken"]


def test_shield_returns_a_done_future_as_it_is(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        future = aio.Future()
        future.set_result(1)
        log(aio.shield(future) is future)

    assert stage.run(main) == [True]


def test_the_cancellation_of_the_inner_task_is_passed_to_the_waiter(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        inner = aio.create_task(aio.sleep(10))
        outer = aio.shield(inner)
        await aio.sleep(1)
        inner.cancel("the message is not passed on")
        log(await attempt_await(outer), outcome(outer))

    assert stage.run(main) == [("raised CancelledError", "cancelled")]


def test_the_outer_future_is_cancelled_immediately_and_stays_cancelled(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        inner = aio.create_task(aio.sleep(1, "result"))
        outer = aio.shield(inner)
        log(outer.cancel(), outcome(outer), outcome(inner))
        log(await inner, outcome(outer))

    assert stage.run(main) == [(True, "cancelled", "pending"), ("result", "cancelled")]


def test_an_exception_after_the_waiter_was_cancelled_is_logged(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def failing() -> None:
        await aio.sleep(1)
        raise ValueError("never retrieved")

    async def main() -> None:
        aio.shield(failing()).cancel()
        await aio.sleep(2)
        stage.collect()
        log(stage.logged())

    assert stage.run(main) == [
        ["ERROR Task exception was never retrieved [ValueError: never retrieved]"]
    ]


def test_a_shielded_task_can_be_awaited_again_after_a_timeout(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        inner = aio.create_task(aio.sleep(3, "in the end"))
        for _ in range(2):
            try:
                async with aio.timeout(1):
                    log(await aio.shield(inner))
            except TimeoutError:
                log("not yet", stage.now)
        log(await aio.shield(inner), stage.now)

    assert stage.run(main) == [("not yet", 1.0), ("not yet", 2.0), ("in the end", 3.0)]
