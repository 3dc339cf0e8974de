"""Details of behaviour that no other scenario checks.

Each scenario was written to kill mutants, small bugs injected by `python -m tests.mutation`, that
survived all other tests.
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

since_3_12 = older_asyncio_differs("3.12", "eager tasks do not exist")


@contextlib.contextmanager
def gc_disabled() -> Iterator[None]:
    """Switch the garbage collector off: objects are freed only with their last reference."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


class Failure(Exception):
    """An exception that supports weak references."""


# --- futures --------------------------------------------------------------------------------------


def test_a_future_without_init_says_so(stage: Stage) -> None:
    future = stage.aio.Future.__new__(stage.aio.Future)
    assert attempt(future.get_loop) == "raised RuntimeError: Future object is not initialized."


def test_cancelling_a_failed_future_or_task_counts_as_retrieving_its_exception(
    stage: Stage,
) -> None:
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


def test_reading_the_result_makes_no_reference_cycle(stage: Stage) -> None:
    loop = stage.new_loop()
    with gc_disabled():
        future, error = loop.create_future(), Failure()
        gone = weakref.ref(error)
        future.set_exception(error)
        del error
        with contextlib.suppress(Failure):
            future.result()
        del future
        assert gone() is None


def test_the_cancelled_error_of_a_task_keeps_its_message_for_the_first_reader_only(
    stage: Stage,
) -> None:
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


def test_a_future_that_contains_itself_has_a_repr(stage: Stage) -> None:
    future = stage.new_loop().create_future()
    future.set_result([future])
    assert repr(future) == "<Future finished result=[...]>"


def test_a_report_refers_to_the_future_object_that_the_program_made(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    addresses: set[int] = set()

    class Promise(aio.Future):  # type: ignore[misc, name-defined]
        pass

    class Job(aio.Task):  # type: ignore[misc, name-defined]
        pass

    def handler(loop: Any, context: dict[str, Any]) -> None:
        future = context["future"]
        log(type(future).__name__, future.label, outcome(future), id(future) in addresses)

    async def fail() -> None:
        raise Failure

    async def main() -> None:
        loop = aio.get_running_loop()
        loop.set_exception_handler(handler)
        future = Promise(loop=loop)
        future.set_exception(Failure())
        task = Job(fail(), loop=loop)
        future.label, task.label = "mine", "yours"
        addresses.update([id(future), id(task)])
        await aio.sleep(0)
        del future
        stage.collect()
        del task
        stage.collect()

    assert stage.run(main) == [
        ("Promise", "mine", "raised Failure", True),
        ("Job", "yours", "raised Failure", True),
    ]


# --- tasks ----------------------------------------------------------------------------------------


def test_a_task_made_with_its_class_uses_the_running_loop_and_is_in_all_tasks(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        task = aio.Task(aio.sleep(0, "slept"))
        log(task.get_loop() is aio.get_running_loop(), task in aio.all_tasks())
        log(await task)

    assert stage.run(main) == [(True, True), "slept"]


@since_3_12
def test_an_eager_task_does_not_keep_the_task_that_started_it_alive(stage: Stage) -> None:
    aio = stage.aio

    async def finish_immediately() -> None:
        pass

    async def start_one() -> None:
        aio.get_running_loop().set_task_factory(aio.eager_task_factory)
        aio.create_task(finish_immediately())
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


def test_a_failed_task_and_its_exception_make_no_reference_cycle(stage: Stage) -> None:
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

    with gc_disabled():
        assert stage.run(main) == [None]


def test_a_task_that_fails_with_the_exception_of_a_future_makes_no_reference_cycle(
    stage: Stage,
) -> None:
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

    with gc_disabled():
        assert stage.run(main) == [None]


def test_a_task_that_cancels_itself_continues_if_the_task_it_awaits_ignores_that(
    stage: Stage,
) -> None:
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
        log("continues")

    async def main() -> None:
        other = aio.create_task(refuse())
        await aio.sleep(0)
        log(await attempt_await(aio.create_task(work(other))))

    assert stage.run(main) == ["refused", "result", "continues", "returned None"]


class Twice:
    """Await a future correctly, and then yield it without `yield from`."""

    def __init__(self, future: Any) -> None:
        self.future = future

    def __await__(self) -> Generator[Any, None, str]:
        yield from self.future.__await__()
        yield self.future
        return "the plain yield was accepted as an await"


def test_a_future_that_was_awaited_cannot_be_yielded_afterwards(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        future = aio.get_running_loop().create_future()
        aio.get_running_loop().call_soon(future.set_result, None)
        log((await attempt_await(Twice(future))).partition(" in task")[0])

    assert stage.run(main) == ["raised RuntimeError: yield was used instead of yield from"]


def test_awaiting_a_future_calls_an_overridden_result_method(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    class Stubborn(aio.Future):  # type: ignore[misc, name-defined]
        def result(self) -> Any:
            raise Failure("its own")

    async def main() -> None:
        future = Stubborn(loop=aio.get_running_loop())
        aio.get_running_loop().call_soon(future.set_result, "result")
        log(await attempt_await(future))

    assert stage.run(main) == ["raised Failure: its own"]


def test_a_loop_may_have_a_create_task_without_a_context_parameter(stage: Stage) -> None:
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


def test_ensure_future_closes_the_coroutine_if_the_loop_is_closed(stage: Stage) -> None:
    aio, log = stage.aio, stage.log
    loop = stage.new_loop()
    loop.close()
    with stage.warnings_logged():
        log(attempt(aio.ensure_future, aio.sleep(0), loop=loop))
        stage.collect()
    assert log == ["raised RuntimeError: Event loop is closed"]


def test_current_task_accepts_any_object_as_a_loop(stage: Stage) -> None:
    class Loop:
        pass

    async def main() -> None:
        stage.log(stage.aio.current_task(Loop()), stage.aio.current_task(stage.new_loop()))

    assert stage.run(main) == [(None, None)]


def test_a_task_is_entered_and_left_by_its_loop_only_once(stage: Stage) -> None:
    tasks, log = stage.aio.tasks, stage.log

    async def main() -> None:
        loop, task = stage.aio.get_running_loop(), stage.aio.current_task()
        message = attempt(tasks._enter_task, loop, task)
        log(message.partition("<")[0], message.endswith("> is being executed."))
        log(attempt(tasks._leave_task, loop, None)[:19], tasks.current_task() is task)
        tasks._leave_task(loop, task)
        log(tasks.current_task())
        tasks._enter_task(loop, task)
        log(tasks.current_task() is task)

    assert stage.run(main) == [
        ("raised RuntimeError: Cannot enter into task ", True),
        ("raised RuntimeError", True),
        None,
        True,
    ]


def test_any_object_can_be_registered_as_a_task(stage: Stage) -> None:
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


def test_a_task_whose_result_was_forced_runs_no_further_step(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def work() -> None:
        await aio.sleep(1)
        log("a further step")

    async def main() -> None:
        loop = aio.get_running_loop()
        loop.set_exception_handler(lambda _, context: log(type(context["exception"]).__name__))
        task = aio.create_task(work())
        await aio.sleep(0)
        aio.Future.set_result(task, "forced")
        log(outcome(task))
        await aio.sleep(2)
        log(outcome(task))

    assert stage.run(main) == ["returned 'forced'", "InvalidStateError", "returned 'forced'"]


@pytest.mark.parametrize("ending", ["returns", "raises", "is cancelled"])
def test_a_task_whose_result_is_forced_in_its_last_step_keeps_it(stage: Stage, ending: str) -> None:
    aio, log = stage.aio, stage.log

    async def force() -> int:
        aio.Future.set_result(aio.current_task(), "forced")
        if ending == "raises":
            raise ValueError
        if ending == "is cancelled":
            raise aio.CancelledError
        return 1

    async def main() -> None:
        loop = aio.get_running_loop()
        loop.set_exception_handler(lambda _, context: log(type(context["exception"]).__name__))
        task = aio.create_task(force())
        await aio.sleep(0)
        await aio.sleep(0)
        log(outcome(task))

    reports = [] if ending == "is cancelled" else ["InvalidStateError"]
    assert stage.run(main) == [*reports, "returned 'forced'"]


def test_a_kept_exception_does_not_keep_the_future_that_raised_it(stage: Stage) -> None:
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

    with gc_disabled():
        assert stage.run(main) == [None]


def test_get_stack_print_stack_and_ensure_future_take_options_by_keyword(stage: Stage) -> None:
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
def test_an_eager_task_factory_takes_options_by_keyword_only(stage: Stage) -> None:
    aio, log = stage.aio, stage.log
    with contextlib.closing(aio.sleep(0)) as coro:
        log(attempt(aio.eager_task_factory, stage.new_loop(), coro, "name").partition(":")[0])
    assert log == ["raised TypeError"]


def test_a_handle_of_call_soon_threadsafe_can_be_cancelled(stage: Stage) -> None:
    loop, log = stage.new_loop(), stage.log
    loop.call_soon_threadsafe(log, "cancelled").cancel()
    loop.call_soon_threadsafe(log, "called")
    loop.call_soon_threadsafe(loop.stop)
    loop.run_forever()
    assert log == ["called"]


# --- run_until_complete ---------------------------------------------------------------------------


def outcome_and_log(stage: Stage, main: Callable[[Any], Any], *, as_task: bool) -> list[str]:
    """Return the outcome of run_until_complete, and what is logged once the task is freed."""
    loop = stage.new_loop()
    running = main(loop)
    if as_task:
        running = loop.create_task(running)
    ending = attempt(loop.run_until_complete, running)
    loop.close()
    del running
    stage.collect()
    return [ending, *stage.logged()]


def test_if_the_loop_is_stopped_a_task_of_the_caller_is_reported_as_lost(stage: Stage) -> None:
    async def wait_forever(loop: Any) -> None:
        loop.call_soon(loop.stop)
        await loop.create_future()

    stopped = "raised RuntimeError: Event loop stopped before Future completed."
    assert outcome_and_log(stage, wait_forever, as_task=False) == [stopped]
    lost = "ERROR Task was destroyed but it is pending!"
    assert outcome_and_log(stage, wait_forever, as_task=True) == [stopped, lost]


def test_if_the_program_exits_a_task_of_the_caller_reports_its_exception(stage: Stage) -> None:
    async def leave(loop: Any) -> None:
        raise SystemExit(3)

    left = "raised SystemExit: 3"
    assert outcome_and_log(stage, leave, as_task=False) == [left]
    lost = "ERROR Task exception was never retrieved [SystemExit: 3]"
    assert outcome_and_log(stage, leave, as_task=True) == [left, lost]


def test_the_program_may_exit_before_its_main_task_has_finished(stage: Stage) -> None:
    async def wait_forever(loop: Any) -> None:
        loop.call_soon(sys.exit, 3)
        await loop.create_future()

    assert outcome_and_log(stage, wait_forever, as_task=False) == ["raised SystemExit: 3"]


def test_a_loop_that_is_never_closed_warns_and_closes_itself(stage: Stage) -> None:
    with stage.warnings_logged():
        loop = stage.aio.SelectorEventLoop()
        del loop
        stage.collect()
    warned = [
        (step[1], step[2].partition(" <")[0]) for step in stage.log if isinstance(step, tuple)
    ]
    assert warned == [("ResourceWarning", "unclosed event loop")]


def test_a_task_from_an_earlier_run_until_complete_does_not_stop_the_loop_later(
    stage: Stage,
) -> None:
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


def test_a_negative_sleep_takes_one_iteration(stage: Stage) -> None:
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
    """Return the timeouts of each `select` in one iteration of a loop that watches a socket."""
    asked: list[float | None] = []

    class RecordingSelector(RealSelector):
        def select(self, timeout: float | None = None) -> Ready:
            asked.append(timeout)
            loop.stop()
            return super().select(0)

    loop = stage.aio.SelectorEventLoop(RecordingSelector())
    ours, theirs = socket.socketpair()
    with ours, theirs, contextlib.closing(loop):
        loop.add_reader(ours, int)
        prepare(loop)
        loop.run_forever()
    return asked


def test_select_never_waits_longer_than_a_day(stage: Stage) -> None:
    assert timeouts(stage, lambda loop: loop.call_later(1e6, int)) == [24 * 60 * 60]


def test_select_does_not_wait_while_callbacks_are_ready(stage: Stage) -> None:
    assert timeouts(stage, lambda loop: loop.call_soon(int)) == [0]
    assert timeouts(stage, lambda loop: loop.call_at(loop.time() - 5, int)) == [0]


def count_alive(stage: Stage, loop: Any, number: int, cancelled: int) -> int:
    """Cancel `cancelled` of `number` timers; return how many exist after an iteration."""
    timers = [loop.call_later(1 + n, stage.log) for n in range(number)]
    left = [weakref.ref(timer) for timer in timers[number - cancelled :]]
    for timer in timers[number - cancelled :]:
        timer.cancel()
    del timers, timer
    run_iteration(loop)
    return sum(timer() is not None for timer in left)


def run_iteration(loop: Any) -> None:
    loop.call_soon(loop.stop)
    loop.run_forever()


def test_many_cancelled_timers_are_removed_before_they_are_due(stage: Stage) -> None:
    numbers = [(99, 98), (100, 99), (101, 50), (102, 51), (101, 51)]
    assert [count_alive(stage, stage.new_loop(), *pair) for pair in numbers] == [98, 99, 50, 51, 0]


def test_the_count_of_cancelled_timers_starts_again_after_they_were_removed(stage: Stage) -> None:
    for more, left in ((51, 51), (52, 0)):
        loop = stage.new_loop()
        assert count_alive(stage, loop, 101, 51) == 0  # 50 timers are left
        assert count_alive(stage, loop, 52, more) == left


def test_cancelled_timers_at_the_top_of_the_heap_are_removed_at_once(stage: Stage) -> None:
    for cancelled, left in ((50, 50), (51, 0)):
        loop = stage.new_loop()
        timers = [loop.call_later(1, int) for _ in range(60)]
        gone = [weakref.ref(timer) for timer in timers]
        for timer in timers:
            timer.cancel()
        del timers, timer
        run_iteration(loop)
        assert [reference() for reference in gone] == [None] * 60
        assert count_alive(stage, loop, 101, cancelled) == left


def test_removed_timers_with_the_same_time_and_callback_are_equal(stage: Stage) -> None:
    loop = stage.new_loop()
    timers = [loop.call_at(5, int), loop.call_at(5, int)]
    for timer in timers:
        timer.cancel()
    run_iteration(loop)
    assert timers[0] == timers[1]


def test_the_remaining_timers_keep_their_order_when_cancelled_ones_are_removed(
    stage: Stage,
) -> None:
    loop, log = stage.new_loop(), stage.log
    delays = [number * 59 % 211 + 1 for number in range(211)]
    timers = {delay: loop.call_later(delay, log, delay) for delay in delays}
    for delay in delays[::2] + delays[1::16]:
        timers.pop(delay).cancel()
    loop.call_later(300, loop.stop)
    loop.run_forever()
    assert log == sorted(timers)


def test_cancelling_a_timer_that_has_run_does_not_count_as_a_cancelled_timer(stage: Stage) -> None:
    loop = stage.new_loop()
    timers = [loop.call_later(0, int) for _ in range(60)]
    run_iteration(loop)
    for timer in timers:
        timer.cancel()
    assert count_alive(stage, loop, 101, 50) == 50


def test_a_timer_one_clock_tick_in_the_future_is_not_due(stage: Stage) -> None:
    loop, log = stage.new_loop(), stage.log
    tick = time.get_clock_info("monotonic").resolution
    loop.call_at(loop.time() + tick, log, "a tick later")
    loop.call_soon(lambda: loop.call_soon(lambda: loop.call_soon(log, "the third iteration")))
    loop.call_later(1, loop.stop)
    loop.run_forever()
    assert log == ["the third iteration", "a tick later"]


# --- timeouts -------------------------------------------------------------------------------------


def test_a_timeout_that_has_already_passed_takes_effect_in_the_order_of_callbacks(
    stage: Stage,
) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        for delay in (0, -1):
            with contextlib.suppress(TimeoutError):
                async with aio.timeout(delay) as limit:
                    aio.get_running_loop().call_soon(lambda: log(delay, limit.expired()))  # noqa: B023
                    await aio.sleep(1)

    assert stage.run(main) == [(0, True), (-1, True)]


def test_the_repr_of_a_timeout_is_rounded_and_shows_that_it_expired(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        with contextlib.suppress(TimeoutError):
            async with aio.timeout_at(1.23456) as limit:
                log(repr(limit))
                await aio.sleep(2)
        log(repr(limit))

    assert stage.run(main) == ["<Timeout [active] when=1.235>", "<Timeout [expired]>"]


def test_a_timeout_works_although_its_block_uncancels_an_older_cancellation(stage: Stage) -> None:
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


@older_asyncio_differs("3.13", "a CancelledError in the context of another error stays as it is")
def test_the_latest_cancellation_in_the_context_of_an_error_becomes_a_timeout_error(
    stage: Stage,
) -> None:
    aio, log = stage.aio, stage.log

    async def fail_slowly() -> None:
        try:
            try:
                await aio.sleep(2)
            except aio.CancelledError as error:
                error.__context__ = aio.CancelledError("older")
                raise Failure("first") from None
        finally:
            raise Failure("second")

    async def main() -> None:
        try:
            async with aio.timeout(1):
                await fail_slowly()
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
        "CancelledError: older",
    ]


def test_wait_for_with_timeout_zero_raises_the_cancellation_of_a_cancelled_future(
    stage: Stage,
) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        future = aio.get_running_loop().create_future()
        future.cancel("over")
        log(await attempt_await(aio.wait_for(future, 0)))

    assert stage.run(main) == ["raised CancelledError: over"]


# --- task groups ----------------------------------------------------------------------------------


def test_the_repr_of_a_group_shows_its_tasks_errors_and_state(stage: Stage) -> None:
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


def test_a_group_needs_a_parent_task_and_create_task_takes_options_by_keyword(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    def enter() -> None:
        log(attempt(aio.TaskGroup().__aenter__().send, None))

    async def main() -> None:
        aio.get_running_loop().call_soon(enter)
        await aio.sleep(0)
        async with aio.TaskGroup() as group:
            with contextlib.closing(aio.sleep(0)) as coro:
                log(attempt(group.create_task, coro, "name").partition(":")[0])

    message = "raised RuntimeError: TaskGroup <TaskGroup> cannot determine the parent task"
    assert stage.run(main) == [message, "raised TypeError"]


# --- locks and queues -----------------------------------------------------------------------------


def test_the_repr_of_a_lock_or_barrier_shows_its_address(stage: Stage) -> None:
    for thing in (stage.aio.Lock(), stage.aio.Barrier(2)):
        assert f" object at {id(thing):#x} [" in repr(thing)


def test_acquire_returns_true_with_or_without_waiting(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        for thing in (aio.Lock(), aio.Semaphore(), aio.Condition()):
            log(await thing.acquire())
            waiting = aio.create_task(thing.acquire())
            await aio.sleep(0)
            thing.release()
            log(await waiting)

    assert stage.run(main) == [True] * 6


def test_a_queue_with_more_items_than_maxsize_is_full(stage: Stage) -> None:
    class Twice(stage.aio.Queue):  # type: ignore[misc, name-defined]
        def _put(self, item: Any) -> None:
            self._queue.extend((item, item))

    queue = Twice(1)
    queue.put_nowait("item")
    assert (queue.qsize(), queue.full()) == (2, True)


@older_asyncio_differs("3.13", "queues have no shutdown()")
def test_join_continues_to_wait_after_shutdown(stage: Stage) -> None:
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
