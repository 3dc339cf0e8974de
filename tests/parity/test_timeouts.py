"""timeout and timeout_at: a deadline for a block, and which cancellations become TimeoutError."""

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
            async with aio.timeout(1) as timeout:
                await aio.sleep(10)
        except TimeoutError as error:
            log(chain(error), stage.now, timeout.expired())
        log(aio.current_task().cancelling())

    assert stage.run(main) == [(["TimeoutError", "from CancelledError"], 1.0, True), 0]


def test_a_block_that_finishes_in_time_is_not_affected(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        async with aio.timeout(5) as timeout:
            log(timeout.when(), timeout.expired())
            await aio.sleep(1)
        await aio.sleep(10)
        log(timeout.when(), timeout.expired(), stage.now)

    assert stage.run(main) == [(5.0, False), (5.0, False, 11.0)]


def test_a_timeout_of_none_can_be_given_a_deadline_later(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        try:
            async with aio.timeout(None) as timeout:
                log(timeout.when())
                await aio.sleep(5)
                timeout.reschedule(aio.get_running_loop().time() + 1)
                await aio.sleep(5)
        except TimeoutError:
            log("timed out", stage.now)

    assert stage.run(main) == [None, ("timed out", 6.0)]


def test_a_deadline_can_be_moved_and_removed(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        async with aio.timeout(1) as timeout:
            timeout.reschedule(3)
            await aio.sleep(2)
            timeout.reschedule(None)
            await aio.sleep(2)
        log(stage.now, timeout.expired(), timeout.when())

    assert stage.run(main) == [(4.0, False, None)]


def test_a_deadline_in_the_past_expires_at_the_first_await(stage: Stage) -> None:
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


def test_a_block_that_never_awaits_does_not_time_out(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        async with aio.timeout(0) as timeout:
            stage.clock.advance(5)
        await aio.sleep(1)
        log(timeout.expired())

    assert stage.run(main) == [False]


def test_of_two_nested_timeouts_the_one_that_expired_raises(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def nested(outer: float, inner: float) -> None:
        try:
            async with aio.timeout(outer) as outer_timeout:
                try:
                    async with aio.timeout(inner) as inner_timeout:
                        await aio.sleep(10)
                except TimeoutError:
                    log("inner", stage.now, outer_timeout.expired(), inner_timeout.expired())
        except TimeoutError:
            log("outer", stage.now, outer_timeout.expired(), inner_timeout.expired())

    async def main() -> None:
        await nested(outer=2, inner=1)
        await nested(outer=1, inner=2)

    assert stage.run(main) == [("inner", 1.0, False, True), ("outer", 2.0, True, False)]


def test_if_two_nested_timeouts_expire_together_the_outer_one_raises(stage: Stage) -> None:
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


def test_cancellation_from_outside_is_not_a_timeout(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def work() -> None:
        async with aio.timeout(5) as timeout:
            try:
                await aio.sleep(10)
            finally:
                log(timeout.expired())

    async def main() -> None:
        task = aio.create_task(work())
        await aio.sleep(1)
        task.cancel("from outside")
        log(await attempt_await(task), stage.now)

    assert stage.run(main) == [False, ("raised CancelledError: from outside", 1.0)]


def test_cancellation_from_outside_takes_precedence_over_an_expired_timeout(stage: Stage) -> None:
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


def test_a_block_that_catches_the_cancellation_does_not_time_out(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        async with aio.timeout(1) as timeout:
            log(await attempt_await(aio.sleep(10)))
        log(timeout.expired(), aio.current_task().cancelling())

    assert stage.run(main) == ["raised CancelledError", (True, 0)]


def test_another_exception_after_the_deadline_is_raised_as_it_is(stage: Stage) -> None:
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


@older_asyncio_differs("3.13", "a CancelledError in the context of another error stays as it is")
def test_the_cancellation_in_the_context_of_an_exception_becomes_a_timeout_error(
    stage: Stage,
) -> None:
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


def test_timeout_error_can_be_caught_only_outside_the_block(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        try:
            async with aio.timeout(1):
                try:
                    await aio.sleep(10)
                except TimeoutError:
                    log("never reached")
        except TimeoutError:
            log("caught outside")

    assert stage.run(main) == ["caught outside"]


def test_a_timeout_is_entered_once_and_rescheduled_only_while_it_is_active(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        timeout = aio.timeout(1)
        log(attempt(timeout.reschedule, 2))
        async with timeout:
            log(await attempt_await(timeout.__aenter__()))
        log(attempt(timeout.reschedule, 2))
        log(await attempt_await(timeout.__aenter__()))
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


def test_a_timeout_needs_a_task(stage: Stage) -> None:
    aio, log = stage.aio, stage.log
    loop = stage.new_loop()

    def callback() -> None:
        coroutine = aio.timeout(1).__aenter__()
        log(attempt(coroutine.send, None))
        loop.stop()

    loop.call_soon(callback)
    loop.run_forever()

    assert log == ["raised RuntimeError: Timeout should be used inside a task"]


def test_the_repr_of_a_timeout_shows_its_state(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        timeout = aio.timeout_at(7)
        log(repr(timeout))
        async with timeout:
            log(repr(timeout))
        log(repr(timeout))

    assert stage.run(main) == [
        "<Timeout [created]>",
        "<Timeout [active] when=7>",
        "<Timeout [finished]>",
    ]


def test_a_cancellation_in_the_same_iteration_as_the_deadline_is_not_lost(stage: Stage) -> None:
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
        message = await attempt_await(task)
        log(message, task.cancelled(), task.cancelling())

    stage.run(lambda: main(cancel_first=True))
    stage.run(lambda: main(cancel_first=False))

    assert log == [
        ("raised CancelledError: from outside", True, 1),
        # The request of the timeout came first; it has no message.
        ("raised CancelledError", True, 1),
    ]


def test_a_deadline_can_be_moved_as_long_as_there_is_progress(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        loop = aio.get_running_loop()
        try:
            async with aio.timeout(1) as timeout:
                for pause in (0.5, 0.9, 0.7, 3):
                    await aio.sleep(pause)
                    log("progress", stage.now)
                    timeout.reschedule(loop.time() + 1)
        except TimeoutError:
            log("no progress", stage.now)

    assert stage.run(main) == [
        ("progress", 0.5),
        ("progress", 1.4),
        ("progress", 2.1),
        ("no progress", 3.1),
    ]
