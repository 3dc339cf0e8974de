"""Timeouts: their states, their timer, and the cancellation that they cause."""

from __future__ import annotations

from typing import Any

import pytest

import miniloop
from tests.virtual import play, virtual_loop


def live_timers() -> int:
    loop: Any = miniloop.get_running_loop()
    return sum(not entry[-1].cancelled() for entry in loop._scheduled)


def told(deadline: miniloop.Timeout) -> str:
    return f"{deadline!r} {'expired' if deadline.expired() else 'in time'}"


def test_a_timeout_is_created_then_active_then_finished() -> None:
    async def story() -> list[object]:
        deadline = miniloop.timeout(10)
        steps: list[object] = [told(deadline), live_timers()]
        async with deadline:
            steps += [told(deadline), live_timers()]
            deadline.reschedule(20.1234)
            steps += [told(deadline), live_timers()]
            deadline.reschedule(None)
            steps += [told(deadline), live_timers()]
            deadline.reschedule(30)
        return [*steps, told(deadline), live_timers(), deadline.when()]

    assert play(story) == [
        *("<Timeout [created]> in time", 0),
        *("<Timeout [active] when=10.0> in time", 1),
        *("<Timeout [active] when=20.123> in time", 1),
        *("<Timeout [active] when=None> in time", 0),
        *("<Timeout [finished]> in time", 0, 30),
    ]


def test_a_timeout_that_fires_is_expiring_until_the_block_exits() -> None:
    async def story() -> list[object]:
        steps: list[object] = []
        deadline = miniloop.timeout(1)
        with pytest.raises(TimeoutError) as raised:
            async with deadline:
                try:
                    await miniloop.sleep(60)
                finally:
                    steps += [told(deadline), live_timers()]
        steps += [told(deadline), type(raised.value.__cause__).__name__]
        current: Any = miniloop.current_task()
        return [*steps, current.cancelling()]

    assert play(story) == [
        *("<Timeout [expiring]> expired", 0),
        *("<Timeout [expired]> expired", "CancelledError", 0),
    ]


def test_a_timeout_can_be_rescheduled_only_while_it_is_active() -> None:
    async def story() -> list[str]:
        steps = []
        deadline = miniloop.timeout(1)

        def move() -> None:
            with pytest.raises(RuntimeError) as refused:
                deadline.reschedule(2)
            steps.append(str(refused.value))

        move()
        with pytest.raises(TimeoutError):
            async with deadline:
                try:
                    await miniloop.sleep(60)
                finally:
                    move()
        move()
        deadline = miniloop.timeout(None)
        async with deadline:
            pass
        move()
        with pytest.raises(RuntimeError) as refused:
            await deadline.__aenter__()
        return [*steps, str(refused.value)]

    assert play(story) == [
        "Timeout has not been entered",
        "Cannot change state of expiring Timeout",
        "Cannot change state of expired Timeout",
        "Cannot change state of finished Timeout",
        "Timeout has already been entered",
    ]


NOT_A_NUMBER = "Invalid deadline: NaN (not a number)"


def test_a_deadline_that_is_not_a_number_is_refused() -> None:
    """asyncio accepts it. Such a timer never fires, and it breaks the order of the timer heap."""
    nan = float("nan")

    async def story() -> list[str]:
        steps = []
        done = miniloop.get_running_loop().create_future()
        done.set_result(None)
        for make in (miniloop.timeout, miniloop.timeout_at):
            with pytest.raises(ValueError) as refused:
                make(nan)
            steps.append(str(refused.value))
        with pytest.raises(ValueError) as refused:
            await miniloop.wait_for(done, nan)
        return [*steps, str(refused.value), str(live_timers())]

    assert play(story) == [NOT_A_NUMBER, NOT_A_NUMBER, NOT_A_NUMBER, "0"]


def test_a_deadline_moved_to_what_is_not_a_number_stays_where_it_was() -> None:
    async def story() -> list[object]:
        with pytest.raises(TimeoutError):
            async with miniloop.timeout(1) as deadline:
                with pytest.raises(ValueError) as refused:
                    deadline.reschedule(float("nan"))
                steps: list[object] = [str(refused.value), told(deadline), live_timers()]
                await miniloop.sleep(60)
        return [*steps, miniloop.get_running_loop().time()]

    assert play(story) == [NOT_A_NUMBER, "<Timeout [active] when=1.0> in time", 1, 1.0]


def test_the_timer_of_a_deadline_is_there_exactly_while_it_is_set() -> None:
    """Other libraries read `_timeout_handler`, which is None when no timer is set."""

    async def story() -> list[bool]:
        steps = []
        deadline = miniloop.timeout(1)
        steps.append(deadline._timeout_handler is not None)
        with pytest.raises(TimeoutError):
            async with deadline:
                steps.append(deadline._timeout_handler is not None)
                deadline.reschedule(None)
                steps.append(deadline._timeout_handler is not None)
                deadline.reschedule(2)
                steps.append(deadline._timeout_handler is not None)
                try:
                    await miniloop.sleep(60)
                finally:
                    steps.append(deadline._timeout_handler is not None)
        async with miniloop.timeout(1) as deadline:
            pass
        return [*steps, deadline._timeout_handler is not None]

    assert play(story) == [False, True, False, True, False, False]


def test_a_timeout_needs_a_running_loop_and_a_task() -> None:
    with pytest.raises(RuntimeError, match=r"^no running event loop$"):
        miniloop.timeout(1)
    with virtual_loop() as loop:
        loop.call_soon(lambda: miniloop.timeout(1).__aenter__().send(None))
        loop.run_turns()
        assert loop.told[0][1] == "RuntimeError('Timeout should be used inside a task')"


def test_a_deadline_in_the_past_cancels_at_the_first_wait_without_a_timer() -> None:
    async def story() -> list[object]:
        steps: list[object] = []
        with pytest.raises(TimeoutError):
            async with miniloop.timeout(-1):
                steps.append(live_timers())
                await miniloop.sleep(0)
                steps.append("this is never recorded")
        return steps

    assert play(story) == [0]


def test_errors_caused_by_the_cancellation_have_the_timeout_as_context() -> None:
    async def fail_on_the_way_out() -> None:
        try:
            await miniloop.sleep(60)
        finally:
            raise KeyError("clean-up")

    async def story() -> list[object]:
        try:
            async with miniloop.timeout(1):
                async with miniloop.TaskGroup() as group:
                    group.create_task(fail_on_the_way_out())
                    await fail_on_the_way_out()
        except ExceptionGroup as errors:
            ours: Any = errors.exceptions[-1]
            return [repr(ours), repr(ours.__context__), repr(ours.__context__.__cause__)]
        return []

    assert play(story) == ["KeyError('clean-up')", "TimeoutError()", "CancelledError()"]


def test_wait_for_with_a_timeout_of_zero_starts_no_coroutine_and_leaves_no_callback() -> None:
    async def story() -> list[object]:
        steps: list[object] = []

        async def work() -> None:
            steps.append("this is never recorded")

        task = miniloop.create_task(miniloop.sleep(60))
        for late in (work(), task):
            with pytest.raises(TimeoutError) as raised:
                await miniloop.wait_for(late, 0)
            steps.append(type(raised.value.__cause__).__name__)
        return [*steps, task.cancelled(), live_timers()]

    assert play(story) == ["CancelledError", "CancelledError", True, 0]


def test_a_cancelled_wait_for_leaves_no_timer_and_no_callback() -> None:
    with virtual_loop() as loop:
        future = loop.create_future()
        waiting = loop.create_task(miniloop.wait_for(miniloop.shield(future), 60))
        loop.run_turns()
        waiting.cancel()
        loop.run_turns(3)
        assert (waiting.cancelled(), future.done(), future._callbacks) == (True, False, None)
        loop.run_turns()
        assert loop._scheduled == []
