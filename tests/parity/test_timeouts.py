"""timeout and timeout_at: a limit on a block, and whose cancellation it was."""

from __future__ import annotations

from tests.parity.harness import (
    Stage,
    attempt,
    attempt_await,
    chain,
    describe,
    older_asyncio_differs,
)


def test_a_block_that_takes_too_long_raises_timeout_error(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        try:
            async with aio.timeout(1) as limit:
                await aio.sleep(10)
        except TimeoutError as error:
            log(chain(error), stage.now, limit.expired())
        log(aio.current_task().cancelling())

    assert stage.run(main) == [(["TimeoutError", "from CancelledError"], 1.0, True), 0]


def test_a_block_that_ends_in_time_knows_nothing_of_its_limit(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        async with aio.timeout(5) as limit:
            log(limit.when(), limit.expired())
            await aio.sleep(1)
        await aio.sleep(10)
        log(limit.when(), limit.expired(), stage.now)

    assert stage.run(main) == [(5.0, False), (5.0, False, 11.0)]


def test_no_limit_is_a_limit_that_may_be_set_later(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        try:
            async with aio.timeout(None) as limit:
                log(limit.when())
                await aio.sleep(5)
                limit.reschedule(aio.get_running_loop().time() + 1)
                await aio.sleep(5)
        except TimeoutError:
            log("timed out", stage.now)

    assert stage.run(main) == [None, ("timed out", 6.0)]


def test_a_limit_can_be_moved_and_lifted(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        async with aio.timeout(1) as limit:
            limit.reschedule(3)
            await aio.sleep(2)
            limit.reschedule(None)
            await aio.sleep(2)
        log(stage.now, limit.expired(), limit.when())

    assert stage.run(main) == [(4.0, False, None)]


def test_a_deadline_in_the_past_strikes_at_the_first_wait(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        await aio.sleep(5)
        for deadline in (5, 3, -1):
            try:
                async with aio.timeout_at(deadline):
                    log("inside", deadline)
                    await aio.sleep(1)
            except TimeoutError:
                log("timed out", stage.now)

    assert stage.run(main) == [
        ("inside", 5),
        ("timed out", 5.0),
        ("inside", 3),
        ("timed out", 5.0),
        ("inside", -1),
        ("timed out", 5.0),
    ]


def test_a_block_that_never_waits_does_not_time_out(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        async with aio.timeout(0) as limit:
            stage.clock.advance(5)
        await aio.sleep(1)
        log(limit.expired())

    assert stage.run(main) == [False]


def test_of_two_nested_limits_the_one_that_struck_raises(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def nested(outer: float, inner: float) -> None:
        try:
            async with aio.timeout(outer) as outer_limit:
                try:
                    async with aio.timeout(inner) as inner_limit:
                        await aio.sleep(10)
                except TimeoutError:
                    log("inner", stage.now, outer_limit.expired(), inner_limit.expired())
        except TimeoutError:
            log("outer", stage.now, outer_limit.expired(), inner_limit.expired())

    async def main() -> None:
        await nested(outer=2, inner=1)
        await nested(outer=1, inner=2)

    assert stage.run(main) == [("inner", 1.0, False, True), ("outer", 2.0, True, False)]


def test_two_nested_limits_that_strike_together_raise_both(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        try:
            async with aio.timeout(1) as outer:
                async with aio.timeout(2) as inner:
                    stage.clock.advance(5)
                    await aio.sleep(1)
        except TimeoutError as error:
            log(outer.expired(), inner.expired(), chain(error))
        log(aio.current_task().cancelling())

    assert stage.run(main) == [(True, True, ["TimeoutError", "from CancelledError"]), 0]


def test_cancellation_from_outside_is_no_timeout(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def work() -> None:
        async with aio.timeout(5) as limit:
            try:
                await aio.sleep(10)
            finally:
                log(limit.expired())

    async def main() -> None:
        task = aio.create_task(work())
        await aio.sleep(1)
        task.cancel("from outside")
        log(await attempt_await(task), stage.now)

    assert stage.run(main) == [False, ("raised CancelledError: from outside", 1.0)]


def test_cancellation_from_outside_wins_over_a_limit_that_struck(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def work() -> None:
        async with aio.timeout(1):
            try:
                await aio.sleep(10)
            finally:
                await aio.sleep(10)

    async def main() -> None:
        task = aio.create_task(work())
        await aio.sleep(2)
        task.cancel("from outside")
        log(await attempt_await(task), task.cancelling(), stage.now)

    assert stage.run(main) == [("raised CancelledError: from outside", 1, 2.0)]


def test_a_block_that_swallows_the_cancellation_does_not_time_out(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        async with aio.timeout(1) as limit:
            log(await attempt_await(aio.sleep(10)))
        log(limit.expired(), aio.current_task().cancelling())

    assert stage.run(main) == ["raised CancelledError", (True, 0)]


def test_another_error_after_the_limit_struck_passes(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        try:
            async with aio.timeout(1):
                try:
                    await aio.sleep(10)
                finally:
                    raise ValueError("in the clean-up")
        except ValueError as error:
            log(describe(error), aio.current_task().cancelling())

    assert stage.run(main) == [("ValueError: in the clean-up", 0)]


@older_asyncio_differs("3.13", "the CancelledError behind another error stays what it is")
def test_the_cancellation_behind_another_error_is_told_as_a_timeout(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        try:
            async with aio.timeout(1):
                try:
                    await aio.sleep(10)
                finally:
                    raise ValueError("in the clean-up")
        except ValueError as error:
            log(chain(error))

    assert stage.run(main) == [
        ["ValueError: in the clean-up", "during TimeoutError", "from CancelledError"]
    ]


def test_the_body_may_catch_its_timeout_only_outside_the_block(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        try:
            async with aio.timeout(1):
                try:
                    await aio.sleep(10)
                except TimeoutError:
                    log("this is never recorded")
        except TimeoutError:
            log("caught outside")

    assert stage.run(main) == ["caught outside"]


def test_a_limit_is_entered_once_and_moved_only_while_it_holds(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        limit = aio.timeout(1)
        log(attempt(limit.reschedule, 2))
        async with limit:
            log(await attempt_await(limit.__aenter__()))
        log(attempt(limit.reschedule, 2))
        log(await attempt_await(limit.__aenter__()))
        try:
            async with aio.timeout(0) as expired:
                log(await attempt_await(aio.sleep(1)))
                log(attempt(expired.reschedule, 2))
                raise aio.CancelledError
        except TimeoutError:
            log("timed out")

    assert stage.run(main) == [
        "raised RuntimeError: Timeout has not been entered",
        "raised RuntimeError: Timeout has already been entered",
        "raised RuntimeError: Cannot change state of finished Timeout",
        "raised RuntimeError: Timeout has already been entered",
        "raised CancelledError",
        "raised RuntimeError: Cannot change state of expiring Timeout",
        "timed out",
    ]


def test_a_limit_needs_a_task(stage: Stage) -> None:
    aio, log = stage.aio, stage.log
    loop = stage.new_loop()

    def callback() -> None:
        coroutine = aio.timeout(1).__aenter__()
        log(attempt(coroutine.send, None))
        loop.stop()

    loop.call_soon(callback)
    loop.run_forever()

    assert log == ["raised RuntimeError: Timeout should be used inside a task"]


def test_the_repr_of_a_limit_tells_its_state(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        limit = aio.timeout_at(7)
        log(repr(limit))
        async with limit:
            log(repr(limit))
        log(repr(limit))

    assert stage.run(main) == [
        "<Timeout [created]>",
        "<Timeout [active] when=7>",
        "<Timeout [finished]>",
    ]


def test_a_cancellation_in_the_same_turn_as_the_deadline_is_not_lost(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def work() -> None:
        async with aio.timeout(1):
            await aio.sleep(10)

    async def main(cancel_first: bool) -> None:
        task = aio.create_task(work())
        await aio.sleep(0)
        delay = 0.9 if cancel_first else 1.1
        aio.get_running_loop().call_later(delay, task.cancel, "from outside")
        stage.clock.advance(5)  # both are due now
        told = await attempt_await(task)
        log(told, task.cancelled(), task.cancelling())

    stage.run(lambda: main(cancel_first=True))
    stage.run(lambda: main(cancel_first=False))

    assert log == [
        ("raised CancelledError: from outside", True, 1),
        (
            "raised CancelledError",
            True,
            1,
        ),  # the request of the limit came first, without a message
    ]


def test_a_limit_can_be_pushed_on_as_long_as_there_is_progress(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        loop = aio.get_running_loop()
        try:
            async with aio.timeout(1) as limit:
                for pause in (0.5, 0.9, 0.7, 3):
                    await aio.sleep(pause)
                    log("progress", stage.now)
                    limit.reschedule(loop.time() + 1)
        except TimeoutError:
            log("no progress", stage.now)

    assert stage.run(main) == [
        ("progress", 0.5),
        ("progress", 1.4),
        ("progress", 2.1),
        ("no progress", 3.1),
    ]
