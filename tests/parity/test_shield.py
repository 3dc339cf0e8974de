"""shield: cancelling who waits, but not what is waited for."""

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
        task.cancel("only you")
        log(await attempt_await(task), outcome(inner), inner.cancelling())
        log(await inner, stage.now)

    assert stage.run(main) == [("raised CancelledError: only you", "pending", 0), ("survived", 2.0)]


def test_result_and_exception_pass_through(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def failing() -> None:
        raise ValueError("broken")

    async def main() -> None:
        log(await aio.shield(aio.sleep(1, "result")), stage.now)
        log(await attempt_await(aio.shield(failing())))

    assert stage.run(main) == [("result", 1.0), "raised ValueError: broken"]


def test_what_is_done_needs_no_shield(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        future = aio.Future()
        future.set_result(1)
        log(aio.shield(future) is future)

    assert stage.run(main) == [True]


def test_the_cancellation_of_the_inner_task_reaches_the_waiter(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        inner = aio.create_task(aio.sleep(10))
        outer = aio.shield(inner)
        await aio.sleep(1)
        inner.cancel("the messages of inner tasks are not passed on")
        log(await attempt_await(outer), outcome(outer))

    assert stage.run(main) == [("raised CancelledError", "cancelled")]


def test_the_outer_future_is_cancelled_at_once_and_stays_so(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        inner = aio.create_task(aio.sleep(1, "result"))
        outer = aio.shield(inner)
        log(outer.cancel(), outcome(outer), outcome(inner))
        log(await inner, outcome(outer))

    assert stage.run(main) == [(True, "cancelled", "pending"), ("result", "cancelled")]


def test_a_failure_after_the_waiter_is_gone_is_reported_as_anyone_s(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def failing() -> None:
        await aio.sleep(1)
        raise ValueError("nobody hears this")

    async def main() -> None:
        aio.shield(failing()).cancel()
        await aio.sleep(2)
        stage.collect()
        log(stage.logged())

    assert stage.run(main) == [
        ["ERROR Task exception was never retrieved [ValueError: nobody hears this]"]
    ]


def test_a_group_of_shielded_work_may_be_waited_for_again(stage: Stage) -> None:
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
