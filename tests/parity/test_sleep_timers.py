"""Timers and sleep: when they are due, and in which order they run."""

from __future__ import annotations

import math

from tests.parity.harness import Stage, attempt, attempt_await, older_asyncio_differs


def test_sleepers_wake_in_the_order_of_their_deadlines_with_their_results(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def sleeper(delay: float) -> None:
        log(await aio.sleep(delay, result=f"slept {delay}"), stage.now)

    async def main() -> None:
        await aio.gather(sleeper(0.3), sleeper(0.1), sleeper(0.2))

    assert stage.run(main) == [("slept 0.1", 0.1), ("slept 0.2", 0.2), ("slept 0.3", 0.3)]


def test_sleep_of_zero_or_less_runs_exactly_one_iteration(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def counter(name: str, delay: float) -> None:
        for iteration in (1, 2):
            log(name, iteration)
            await aio.sleep(delay)

    async def main() -> None:
        await aio.gather(counter("zero", 0), counter("minus one", -1))

    assert stage.run(main) == [("zero", 1), ("minus one", 1), ("zero", 2), ("minus one", 2)]


def test_sleep_zero_returns_its_result(stage: Stage) -> None:
    async def main() -> None:
        stage.log(await stage.aio.sleep(0), await stage.aio.sleep(0, "result"))

    assert stage.run(main) == [(None, "result")]


def test_call_later_and_call_at_run_when_they_are_due(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        loop = aio.get_running_loop()
        await aio.sleep(1)
        later = loop.call_later(2, log, "called later")
        at = loop.call_at(loop.time() + 1, lambda: log("called at", stage.now))
        log(later.when(), at.when(), later.cancelled())
        await aio.sleep(3)

    assert stage.run(main) == [(3.0, 2.0, False), ("called at", 2.0), "called later"]


def test_a_cancelled_timer_does_not_run_and_does_not_advance_the_clock(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        loop = aio.get_running_loop()
        timer = loop.call_later(1, log, "never called")
        loop.call_later(2, log, "the other timer runs")
        timer.cancel()
        timer.cancel()
        log(timer.cancelled())
        await aio.sleep(3)

    assert stage.run(main) == [True, "the other timer runs"]


def test_a_timer_can_be_cancelled_by_another_that_is_due_in_the_same_iteration(
    stage: Stage,
) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        loop = aio.get_running_loop()
        second = loop.call_later(2, log, "never called")
        loop.call_later(1, second.cancel)
        stage.clock.advance(5)
        await aio.sleep(1)
        log(second.cancelled())

    assert stage.run(main) == [True]


def test_timers_that_become_due_together_run_in_the_order_of_their_deadlines(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        loop = aio.get_running_loop()
        for delay in (3, 1, 2):
            loop.call_later(delay, log, f"due at {delay}")
        stage.clock.advance(10)
        log("a blocking call is done", stage.now)
        await aio.sleep(0)
        log("back")

    assert stage.run(main) == [
        ("a blocking call is done", 10.0),
        "back",
        "due at 1",
        "due at 2",
        "due at 3",
    ]


def test_timers_with_equal_times_run_in_the_order_of_the_heap(stage: Stage) -> None:
    # The documentation leaves this order open. Both implementations have the same one, since both
    # heaps compare only the times. So programs that are compared step by step may use equal times.
    aio, log = stage.aio, stage.log

    async def main() -> None:
        loop = aio.get_running_loop()
        for name in ("first", "second", "third", "fourth", "fifth"):
            loop.call_at(1, log, name)
        await aio.sleep(2)

    assert stage.run(main) == ["first", "third", "second", "fourth", "fifth"]


def test_a_timer_with_delay_zero_queues_behind_ready_callbacks(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        loop = aio.get_running_loop()
        loop.call_later(0, log, "call_later with 0")
        loop.call_soon(log, "soon")
        await aio.sleep(0)
        log("was ready before the timer was due")
        await aio.sleep(0)

    assert stage.run(main) == ["soon", "was ready before the timer was due", "call_later with 0"]


def test_a_callback_that_schedules_another_does_not_starve_the_others(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        loop = aio.get_running_loop()

        def again(count: int) -> None:
            log("again", count)
            if count:
                loop.call_soon(again, count - 1)

        loop.call_soon(again, 2)
        loop.call_soon(log, "other")
        await aio.sleep(1)

    assert stage.run(main) == [("again", 2), "other", ("again", 1), ("again", 0)]


def test_time_advances_between_iterations_and_not_within_one(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        loop = aio.get_running_loop()
        before = loop.time()
        await aio.sleep(0)
        log(loop.time() - before)
        await aio.sleep(1.5)
        log(loop.time() - before)

    assert stage.run(main) == [0.0, 1.5]


def test_a_cancelled_sleep_removes_its_timer(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        task = aio.create_task(aio.sleep(100))
        await aio.sleep(1)
        task.cancel()
        log(await attempt_await(task), stage.now)

    assert stage.run(main) == [("raised CancelledError", 1.0)]


def test_many_cancelled_timers_do_not_affect_the_rest(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        loop = aio.get_running_loop()
        timers = [loop.call_later(1 + n, log, n) for n in range(500)]
        for n, timer in enumerate(timers):
            if n % 100:
                timer.cancel()
        await aio.sleep(600)

    assert stage.run(main) == [0, 100, 200, 300, 400]


@older_asyncio_differs("3.13", "a sleep of NaN is accepted and never ends")
def test_a_delay_of_nan_raises(stage: Stage) -> None:
    async def main() -> None:
        stage.log(await attempt_await(stage.aio.sleep(math.nan)))

    assert stage.run(main) == ["raised ValueError: Invalid delay: NaN (not a number)"]


def test_a_timer_needs_a_time(stage: Stage) -> None:
    loop, log = stage.new_loop(), stage.log
    log(attempt(loop.call_later, None, log))
    log(attempt(loop.call_at, None, log))

    assert log == [
        "raised TypeError: delay must not be None",
        "raised TypeError: when cannot be None",
    ]


@older_asyncio_differs("3.15", "the timer never fires (gh-145703)")
def test_a_timer_fires_on_a_clock_that_shows_a_very_large_number(stage: Stage) -> None:
    fired: list[float] = []
    loop = stage.aio.SelectorEventLoop()
    loop.time = lambda: 2.0**53  # the next number is 2 seconds later
    loop.call_at(2.0**53, fired.append, 1)
    loop.call_at(2.0**53 + 2, fired.append, 2)
    for _ in range(3):
        loop.call_soon(loop.stop)
        loop.run_forever()
    loop.close()
    assert fired == [1]
