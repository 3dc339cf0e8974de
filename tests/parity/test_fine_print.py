"""What no other scenario asks: lines of miniloop that could be left out and nobody would know.

Each scenario was written for faults planted in the source, by `python -m tests.mutation`, that all
the others had let pass.
"""

from __future__ import annotations

import contextlib
import gc
import socket
import sys
import time
import weakref
from collections.abc import Callable, Generator, Iterator
from typing import Any

import pytest

from tests.parity.clock import Deadlock, Ready, RealSelector
from tests.parity.harness import (
    Stage,
    attempt,
    attempt_await,
    describe,
    older_asyncio_differs,
    outcome,
)

since_3_12 = older_asyncio_differs("3.12", "there are no eager tasks")


@contextlib.contextmanager
def without_the_collector() -> Iterator[None]:
    """What goes in here goes because nothing refers to it, cycles included."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


class Failure(Exception):
    """An exception that can be weakly referred to."""


# --- futures --------------------------------------------------------------------------------------


def test_a_future_that_was_never_begun_says_so(stage: Stage) -> None:
    future = stage.aio.Future.__new__(stage.aio.Future)
    assert attempt(future.get_loop) == "raised RuntimeError: Future object is not initialized."


def test_cancelling_what_has_failed_counts_as_asking_for_the_exception(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def fail() -> None:
        raise Failure("in a task")

    async def main() -> None:
        future = aio.get_running_loop().create_future()
        future.set_exception(Failure("in a future"))
        task = aio.create_task(fail())
        await aio.sleep(0)
        log(future.cancel(), task.cancel(), task.cancelling())

    stage.run(main)
    stage.collect()
    assert stage.log == [(False, False, 0)]
    assert stage.logged() == []


def test_asking_for_the_result_makes_no_cycle(stage: Stage) -> None:
    loop = stage.new_loop()
    with without_the_collector():
        future, error = loop.create_future(), Failure()
        gone = weakref.ref(error)
        future.set_exception(error)
        del error
        with contextlib.suppress(Failure):
            future.result()
        del future
        assert gone() is None


def test_the_cancelled_error_of_a_task_is_raised_once_and_after_that_new_ones(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        task = aio.create_task(aio.sleep(1))
        await aio.sleep(0)
        task.cancel("enough")
        await aio.wait([task])
        log(*[attempt(task.result) for _ in range(3)])

    assert stage.run(main) == [
        ("raised CancelledError: enough", "raised CancelledError", "raised CancelledError")
    ]


def test_a_future_that_is_its_own_result_can_be_shown(stage: Stage) -> None:
    future = stage.new_loop().create_future()
    future.set_result([future])
    assert repr(future) == "<Future finished result=[...]>"


def test_a_report_has_the_future_as_the_program_has_made_it(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    class Promise(aio.Future):  # type: ignore[misc, name-defined]
        pass

    class Job(aio.Task):  # type: ignore[misc, name-defined]
        pass

    def handler(loop: Any, context: dict[str, Any]) -> None:
        future = context["future"]
        log(type(future).__name__, future.label, outcome(future))

    async def fail() -> None:
        raise Failure

    async def main() -> None:
        loop = aio.get_running_loop()
        loop.set_exception_handler(handler)
        future = Promise(loop=loop)
        future.set_exception(Failure())
        task = Job(fail(), loop=loop)
        future.label, task.label = "mine", "yours"
        await aio.sleep(0)
        del future
        stage.collect()
        del task
        stage.collect()

    assert stage.run(main) == [
        ("Promise", "mine", "raised Failure"),
        ("Job", "yours", "raised Failure"),
    ]


# --- tasks ----------------------------------------------------------------------------------------


def test_a_task_made_by_its_class_belongs_to_the_running_loop_and_is_known(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        task = aio.Task(aio.sleep(0, "slept"))
        log(task.get_loop() is aio.get_running_loop(), task in aio.all_tasks())
        log(await task)

    assert stage.run(main) == [(True, True), "slept"]


@since_3_12
def test_who_has_started_an_eager_task_is_not_kept(stage: Stage) -> None:
    aio = stage.aio

    async def at_once() -> None:
        pass

    async def start_one() -> None:
        aio.get_running_loop().set_task_factory(aio.eager_task_factory)
        aio.create_task(at_once())
        aio.get_running_loop().set_task_factory(None)

    async def main() -> None:
        task = aio.create_task(start_one())
        gone = weakref.ref(task)
        await task
        del task
        await aio.sleep(0)
        stage.collect()
        assert gone() is None

    assert stage.run(main) == []


def test_a_failed_task_and_its_exception_make_no_cycle(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def fail() -> None:
        raise Failure

    async def main() -> None:
        task = aio.create_task(fail())
        gone = weakref.ref(task)
        with contextlib.suppress(Failure):
            await task
        del task
        await aio.sleep(0)
        log(gone())

    with without_the_collector():
        assert stage.run(main) == [None]


def test_a_task_that_fails_with_what_it_awaits_makes_no_cycle(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def await_one(futures: list[Any]) -> None:
        await futures.pop()

    async def main() -> None:
        future, error = aio.get_running_loop().create_future(), Failure()
        gone = weakref.ref(error)
        aio.get_running_loop().call_soon(future.set_exception, error)
        task = aio.create_task(await_one([future]))
        del future, error
        with contextlib.suppress(Failure):
            await task
        del task
        await aio.sleep(0)
        log(gone())

    with without_the_collector():
        assert stage.run(main) == [None]


def test_who_cancels_itself_and_is_refused_by_what_it_awaits_goes_on(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def refuse() -> str:
        try:
            await aio.sleep(1)
        except aio.CancelledError:
            log("refused")
        return "result"

    async def work(other: Any) -> None:
        aio.current_task().cancel()
        log(await other)
        await aio.sleep(0)
        log("goes on")

    async def main() -> None:
        other = aio.create_task(refuse())
        await aio.sleep(0)
        log(await attempt_await(aio.create_task(work(other))))

    assert stage.run(main) == ["refused", "result", "goes on", "returned None"]


class Twice:
    """Awaits a future as one does, and then hands it to the task by a plain yield."""

    def __init__(self, future: Any) -> None:
        self.future = future

    def __await__(self) -> Generator[Any, None, str]:
        yield from self.future.__await__()
        yield self.future
        return "the plain yield was taken for an await"


def test_a_future_that_was_awaited_may_still_not_be_yielded(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        future = aio.get_running_loop().create_future()
        aio.get_running_loop().call_soon(future.set_result, None)
        log((await attempt_await(Twice(future))).partition(" in task")[0])

    assert stage.run(main) == ["raised RuntimeError: yield was used instead of yield from"]


def test_a_future_that_raises_by_a_result_of_its_own_is_asked(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    class Stubborn(aio.Future):  # type: ignore[misc, name-defined]
        def result(self) -> Any:
            raise Failure("its own")

    async def main() -> None:
        future = Stubborn(loop=aio.get_running_loop())
        aio.get_running_loop().call_soon(future.set_result, "result")
        log(await attempt_await(future))

    assert stage.run(main) == ["raised Failure: its own"]


def test_a_loop_may_have_a_create_task_that_knows_no_context(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        loop = aio.get_running_loop()
        create_task = loop.create_task
        loop.create_task = lambda coro, *, name=None: create_task(coro, name=name)
        log(await aio.create_task(aio.sleep(0, "slept")))
        async with aio.TaskGroup() as group:
            task = group.create_task(aio.sleep(0, "grouped"))
        log(task.result())

    assert stage.run(main) == ["slept", "grouped"]


def test_a_coroutine_that_no_loop_takes_is_closed(stage: Stage) -> None:
    aio, log = stage.aio, stage.log
    loop = stage.new_loop()
    loop.close()
    with stage.warnings_logged():
        log(attempt(aio.ensure_future, aio.sleep(0), loop=loop))
        stage.collect()
    assert log == ["raised RuntimeError: Event loop is closed"]


def test_a_loop_of_another_kind_has_a_current_task_too(stage: Stage) -> None:
    tasks, log = stage.aio.tasks, stage.log

    class Loop:
        pass

    async def main() -> None:
        task = stage.aio.current_task()
        loop = Loop()
        log(tasks.current_task(loop))
        tasks._enter_task(loop, task)
        refused = attempt(tasks._enter_task, loop, task)
        log(refused.partition("<")[0], refused.endswith("> is being executed."))
        log(tasks.current_task(loop) is task, attempt(tasks._leave_task, loop, None)[:19])
        tasks._leave_task(loop, task)
        log(tasks.current_task(loop))

    assert stage.run(main) == [
        None,
        ("raised RuntimeError: Cannot enter into task ", True),
        (True, "raised RuntimeError"),
        None,
    ]


def test_what_stands_in_the_place_of_a_task_can_be_made_known(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    class Job:
        def __init__(self, loop: Any) -> None:
            self.get_loop = lambda: loop

        def done(self) -> bool:
            return False

    async def main() -> None:
        job = Job(aio.get_running_loop())
        aio.tasks._register_task(job)
        log(job in aio.all_tasks())
        aio.tasks._unregister_task(job)
        log(job in aio.all_tasks())

    assert stage.run(main) == [True, False]


def test_a_task_that_was_ended_by_force_takes_no_step(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        loop = aio.get_running_loop()
        loop.set_exception_handler(lambda _, told: log(type(told["exception"]).__name__))
        task = aio.create_task(aio.sleep(1, "slept"))
        await aio.sleep(0)
        aio.Future.set_result(task, "forced")
        log(outcome(task))
        await aio.sleep(2)
        log(outcome(task))

    assert stage.run(main) == ["returned 'forced'", "InvalidStateError", "returned 'forced'"]


def test_an_exception_that_is_kept_does_not_keep_what_has_raised_it(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def keep(futures: list[Any]) -> list[Failure]:
        try:
            await futures.pop()
        except Failure as error:
            return [error]
        return []

    async def main() -> None:
        future = aio.get_running_loop().create_future()
        aio.get_running_loop().call_soon(future.set_exception, Failure())
        kept = aio.create_task(keep([future]))
        del future
        gone = weakref.ref((await kept).pop())
        del kept
        await aio.sleep(0)
        log(gone())

    with without_the_collector():
        assert stage.run(main) == [None]


def test_these_options_are_given_by_name_too(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        task, loop = aio.current_task(), aio.get_running_loop()
        for call in (
            lambda: task.get_stack(1),
            lambda: task.print_stack(1),
            lambda: aio.ensure_future(task, loop),
        ):
            log(attempt(call).partition(":")[0])

    assert stage.run(main) == ["raised TypeError"] * 3


@since_3_12
def test_an_eager_task_factory_takes_options_by_name(stage: Stage) -> None:
    aio, log = stage.aio, stage.log
    with contextlib.closing(aio.sleep(0)) as coro:
        log(attempt(aio.eager_task_factory, stage.new_loop(), coro, "name").partition(":")[0])
    assert log == ["raised TypeError"]


def test_a_call_from_another_thread_can_be_cancelled(stage: Stage) -> None:
    loop, log = stage.new_loop(), stage.log
    loop.call_soon_threadsafe(log, "cancelled").cancel()
    loop.call_soon_threadsafe(log, "called")
    loop.call_soon_threadsafe(loop.stop)
    loop.run_forever()
    assert log == ["called"]


# --- run_until_complete ---------------------------------------------------------------------------


def left_behind(stage: Stage, main: Callable[[Any], Any], *, as_task: bool) -> list[str]:
    """How run_until_complete ends, and what is logged when nobody has the task any more."""
    loop = stage.new_loop()
    running = main(loop)
    if as_task:
        running = loop.create_task(running)
    ending = attempt(loop.run_until_complete, running)
    loop.close()
    del running
    stage.collect()
    return [ending, *stage.logged()]


def test_who_gives_a_task_to_a_loop_that_is_stopped_is_told_that_it_is_lost(stage: Stage) -> None:
    async def wait_for_ever(loop: Any) -> None:
        loop.call_soon(loop.stop)
        await loop.create_future()

    stopped = "raised RuntimeError: Event loop stopped before Future completed."
    assert left_behind(stage, wait_for_ever, as_task=False) == [stopped]
    lost = "ERROR Task was destroyed but it is pending!"
    assert left_behind(stage, wait_for_ever, as_task=True) == [stopped, lost]


def test_who_gives_a_task_has_to_ask_it_how_the_program_was_left(stage: Stage) -> None:
    async def leave(loop: Any) -> None:
        raise SystemExit(3)

    left = "raised SystemExit: 3"
    assert left_behind(stage, leave, as_task=False) == [left]
    lost = "ERROR Task exception was never retrieved [SystemExit: 3]"
    assert left_behind(stage, leave, as_task=True) == [left, lost]


def test_a_program_may_be_left_before_its_main_task_has_ended(stage: Stage) -> None:
    async def wait_for_ever(loop: Any) -> None:
        loop.call_soon(sys.exit, 3)
        await loop.create_future()

    assert left_behind(stage, wait_for_ever, as_task=False) == ["raised SystemExit: 3"]


def test_a_loop_that_nobody_has_closed_is_told_of_and_closed(stage: Stage) -> None:
    with stage.warnings_logged():
        loop = stage.aio.SelectorEventLoop()
        del loop
        stage.collect()
    told = [(step[1], step[2].partition(" <")[0]) for step in stage.log if isinstance(step, tuple)]
    assert told == [("ResourceWarning", "unclosed event loop")]


def test_what_was_not_waited_for_does_not_stop_the_loop_later(stage: Stage) -> None:
    loop, log = stage.new_loop(), stage.log
    task = loop.create_task(stage.aio.sleep(1))
    loop.call_soon(loop.stop)
    log(attempt(loop.run_until_complete, task))
    log(attempt(loop.run_until_complete, stage.aio.sleep(2, "slept")))
    log(outcome(task))
    assert log == [
        "raised RuntimeError: Event loop stopped before Future completed.",
        "returned 'slept'",
        "returned None",
    ]


# --- sleep and timers -----------------------------------------------------------------------------


def test_a_negative_sleep_takes_one_turn(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def sleep(delay: float) -> None:
        await aio.sleep(delay)
        log(delay)

    async def main() -> None:
        await aio.gather(sleep(-1), sleep(0), sleep(-2))

    assert stage.run(main) == [-1, 0, -2]


def test_a_cancelled_sleep_leaves_no_timer(stage: Stage) -> None:
    loop = stage.new_loop()
    task = loop.create_task(stage.aio.sleep(50))
    loop.call_soon(task.cancel)
    with contextlib.suppress(stage.aio.CancelledError):
        loop.run_until_complete(task)
    with pytest.raises(Deadlock):
        loop.run_until_complete(loop.create_future())
    assert stage.now == 0


def timeouts(stage: Stage, prepare: Callable[[Any], object]) -> list[float | None]:
    """What the selector of a prepared loop that watches a socket is asked in one turn."""
    asked: list[float | None] = []

    class Asked(RealSelector):
        def select(self, timeout: float | None = None) -> Ready:
            asked.append(timeout)
            loop.stop()
            return super().select(0)

    loop = stage.aio.SelectorEventLoop(Asked())
    ours, theirs = socket.socketpair()
    with ours, theirs, contextlib.closing(loop):
        loop.add_reader(ours, int)
        prepare(loop)
        loop.run_forever()
    return asked


def test_no_wait_is_longer_than_a_day(stage: Stage) -> None:
    assert timeouts(stage, lambda loop: loop.call_later(1e6, int)) == [24 * 60 * 60]


def test_the_selector_is_asked_to_wait_no_time_while_there_is_work(stage: Stage) -> None:
    assert timeouts(stage, lambda loop: loop.call_soon(int)) == [0]
    assert timeouts(stage, lambda loop: loop.call_at(loop.time() - 5, int)) == [0]


def alive(stage: Stage, loop: Any, number: int, cancelled: int) -> int:
    """How many are left after a turn, of so many cancelled timers among so many."""
    timers = [loop.call_later(1 + n, stage.log) for n in range(number)]
    left = [weakref.ref(timer) for timer in timers[number - cancelled :]]
    for timer in timers[number - cancelled :]:
        timer.cancel()
    del timers, timer
    run_a_turn(loop)
    return sum(timer() is not None for timer in left)


def run_a_turn(loop: Any) -> None:
    loop.call_soon(loop.stop)
    loop.run_forever()


def test_many_cancelled_timers_are_forgotten_before_their_time(stage: Stage) -> None:
    numbers = [(99, 98), (100, 99), (101, 50), (102, 51), (101, 51)]
    assert [alive(stage, stage.new_loop(), *pair) for pair in numbers] == [98, 99, 50, 51, 0]


def test_after_cancelled_timers_were_forgotten_they_are_counted_from_nothing(stage: Stage) -> None:
    for more, left in ((51, 51), (52, 0)):
        loop = stage.new_loop()
        assert alive(stage, loop, 101, 51) == 0  # and 50 timers wait on
        assert alive(stage, loop, 52, more) == left


def test_cancelled_timers_that_were_next_are_forgotten_at_once(stage: Stage) -> None:
    for cancelled, left in ((50, 50), (51, 0)):
        loop = stage.new_loop()
        timers = [loop.call_later(1, int) for _ in range(60)]
        gone = [weakref.ref(timer) for timer in timers]
        for timer in timers:
            timer.cancel()
        del timers, timer
        run_a_turn(loop)
        assert [reference() for reference in gone] == [None] * 60
        assert alive(stage, loop, 101, cancelled) == left


def test_forgotten_timers_of_the_same_call_are_equal(stage: Stage) -> None:
    loop = stage.new_loop()
    timers = [loop.call_at(5, int), loop.call_at(5, int)]
    for timer in timers:
        timer.cancel()
    run_a_turn(loop)
    assert timers[0] == timers[1]


def test_timers_left_among_forgotten_ones_keep_their_order(stage: Stage) -> None:
    loop, log = stage.new_loop(), stage.log
    delays = [number * 59 % 211 + 1 for number in range(211)]
    timers = {delay: loop.call_later(delay, log, delay) for delay in delays}
    for delay in delays[::2] + delays[1::16]:
        timers.pop(delay).cancel()
    loop.call_later(300, loop.stop)
    loop.run_forever()
    assert log == sorted(timers)


def test_a_timer_that_was_run_is_not_one_that_is_cancelled(stage: Stage) -> None:
    loop = stage.new_loop()
    timers = [loop.call_later(0, int) for _ in range(60)]
    run_a_turn(loop)
    for timer in timers:
        timer.cancel()
    assert alive(stage, loop, 101, 50) == 50


def test_a_timer_one_tick_ahead_is_not_due(stage: Stage) -> None:
    loop, log = stage.new_loop(), stage.log
    tick = time.get_clock_info("monotonic").resolution
    loop.call_at(loop.time() + tick, log, "a tick later")
    loop.call_soon(lambda: loop.call_soon(lambda: loop.call_soon(log, "the third turn")))
    loop.call_later(1, loop.stop)
    loop.run_forever()
    assert log == ["the third turn", "a tick later"]


# --- limits ---------------------------------------------------------------------------------------


def test_a_limit_that_is_over_at_once_strikes_in_its_turn_among_callbacks(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        for delay in (0, -1):
            with contextlib.suppress(TimeoutError):
                async with aio.timeout(delay) as limit:
                    aio.get_running_loop().call_soon(lambda: log(delay, limit.expired()))  # noqa: B023
                    await aio.sleep(1)

    assert stage.run(main) == [(0, True), (-1, True)]


def test_the_repr_of_a_limit_is_rounded_and_tells_that_it_has_struck(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        with contextlib.suppress(TimeoutError):
            async with aio.timeout_at(1.23456) as limit:
                log(repr(limit))
                await aio.sleep(2)
        log(repr(limit))

    assert stage.run(main) == ["<Timeout [active] when=1.235>", "<Timeout [expired]>"]


def test_a_limit_strikes_although_the_block_takes_back_an_older_cancellation(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def block() -> None:
        async with aio.timeout(1):
            aio.current_task().uncancel()
            await aio.sleep(2)

    async def main() -> None:
        aio.current_task().cancel()
        with contextlib.suppress(aio.CancelledError):
            await aio.sleep(0)
        log(await attempt_await(block()), aio.current_task().cancelling())

    assert stage.run(main) == [("raised TimeoutError", 0)]


@older_asyncio_differs("3.13", "the CancelledError behind another error stays what it is")
def test_the_latest_cancellation_behind_an_error_is_told_as_a_timeout(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def fail_at_length() -> None:
        try:
            try:
                await aio.sleep(2)
            except aio.CancelledError as error:
                error.__context__ = aio.CancelledError("of old")
                raise Failure("first") from None
        finally:
            raise Failure("second")

    async def main() -> None:
        try:
            async with aio.timeout(1):
                await fail_at_length()
        except Failure as error:
            link: BaseException | None = error
            while link is not None:
                log(describe(link))
                link = link.__context__

    assert stage.run(main) == [
        "Failure: second",
        "Failure: first",
        "TimeoutError",
        "CancelledError",
        "CancelledError: of old",
    ]


def test_to_wait_no_time_for_what_was_cancelled_is_no_timeout(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        future = aio.get_running_loop().create_future()
        future.cancel("over")
        log(await attempt_await(aio.wait_for(future, 0)))

    assert stage.run(main) == ["raised CancelledError: over"]


# --- groups ---------------------------------------------------------------------------------------


def test_the_repr_of_a_group_tells_what_it_has_and_how_far_it_is(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def fail() -> None:
        raise Failure

    async def look(group: Any) -> None:
        try:
            await aio.sleep(1)
        finally:
            log(repr(group))

    async def main() -> None:
        group = aio.TaskGroup()
        log(repr(group))
        with contextlib.suppress(ExceptionGroup):
            async with group:
                log(repr(group))
                group.create_task(look(group))
                await aio.sleep(0)
                group.create_task(fail())
                log(repr(group))

    assert stage.run(main) == [
        "<TaskGroup>",
        "<TaskGroup entered>",
        "<TaskGroup tasks=2 entered>",
        "<TaskGroup tasks=1 errors=1 cancelling>",
    ]


def test_a_group_needs_a_task_and_a_task_of_it_its_options_by_name(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    def enter() -> None:
        log(attempt(aio.TaskGroup().__aenter__().send, None))

    async def main() -> None:
        aio.get_running_loop().call_soon(enter)
        await aio.sleep(0)
        async with aio.TaskGroup() as group:
            with contextlib.closing(aio.sleep(0)) as coro:
                log(attempt(group.create_task, coro, "name").partition(":")[0])

    refused = "raised RuntimeError: TaskGroup <TaskGroup> cannot determine the parent task"
    assert stage.run(main) == [refused, "raised TypeError"]


# --- locks and queues -----------------------------------------------------------------------------


def test_locks_and_barriers_tell_where_they_are(stage: Stage) -> None:
    for thing in (stage.aio.Lock(), stage.aio.Barrier(2)):
        assert f" object at {id(thing):#x} [" in repr(thing)


def test_to_acquire_is_true_whether_one_waits_or_not(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        for thing in (aio.Lock(), aio.Semaphore(), aio.Condition()):
            log(await thing.acquire())
            waiting = aio.create_task(thing.acquire())
            await aio.sleep(0)
            thing.release()
            log(await waiting)

    assert stage.run(main) == [True] * 6


def test_a_queue_with_more_than_it_may_hold_is_full(stage: Stage) -> None:
    class Twice(stage.aio.Queue):  # type: ignore[misc, name-defined]
        def _put(self, item: Any) -> None:
            self._queue.extend((item, item))

    queue = Twice(1)
    queue.put_nowait("item")
    assert (queue.qsize(), queue.full()) == (2, True)


@older_asyncio_differs("3.13", "queues cannot be shut down")
def test_who_waits_for_the_end_of_the_work_waits_on_when_no_more_is_let_in(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        queue = aio.Queue()
        queue.put_nowait("item")
        waiting = aio.create_task(queue.join())
        await aio.sleep(0)
        queue.shutdown()
        await aio.sleep(1)
        log(outcome(waiting))
        queue.get_nowait()
        queue.task_done()
        log(await waiting)

    assert stage.run(main) == ["pending", None]
