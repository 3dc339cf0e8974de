"""One iteration of the loop: what runs, in which order, how long it waits, and invalid calls."""

from __future__ import annotations

import gc
import sys
import weakref
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import miniloop
from miniloop import kernel
from tests.virtual import VirtualLoop, virtual_loop

# The ready queue


def test_all_kinds_of_entries_run_in_first_in_first_out_order() -> None:
    steps: list[str] = []

    async def work() -> None:
        steps.append("task")

    with virtual_loop() as loop:
        loop.call_soon(steps.append, "callback")
        task = loop.create_task(work())
        loop.call_soon_threadsafe(steps.append, "from anywhere")
        done = loop.create_future()
        done.set_result(None)
        done.add_done_callback(lambda _: steps.append("done-callback"))
        loop.run_turns()
        assert task.done()
    assert steps == ["callback", "task", "from anywhere", "done-callback"]


def test_an_iteration_runs_exactly_the_entries_that_were_ready_when_its_last_phase_began() -> None:
    steps: list[object] = []

    class Watched(VirtualLoop):
        def _run_once(self) -> None:
            steps.append([entry._callback.__name__ for entry in self._ready])
            super()._run_once()

    loop = Watched()

    def first() -> None:
        loop.call_soon(third)
        loop.call_soon(loop.stop)

    def second() -> None:
        steps.append("second")

    def third() -> None:
        steps.append("third")

    loop.call_soon(first)
    loop.call_soon(second)
    loop.run_forever()
    loop.close()
    assert steps == [["first", "second"], "second", ["third", "stop"], "third"]


def test_a_callback_that_reschedules_itself_does_not_starve_others() -> None:
    steps: list[str] = []
    with virtual_loop() as loop:

        def again() -> None:
            steps.append("again")
            loop.call_soon(again)

        loop.call_soon(again)
        loop.call_soon(steps.append, "other")
        loop.call_soon(loop.call_soon, steps.append, "later")
        loop.run_turns(2)
    assert steps == ["again", "other", "again", "later"]


def test_after_keyboardinterrupt_the_other_entries_stay_ready() -> None:
    steps: list[str] = []

    def end() -> None:
        raise KeyboardInterrupt

    with virtual_loop() as loop:
        for callback in (lambda: steps.append("before"), end, lambda: steps.append("after")):
            loop.call_soon(callback)
        with pytest.raises(KeyboardInterrupt):
            loop.run_forever()
        steps.append("interrupted")
        loop.run_turns()
    assert steps == ["before", "interrupted", "after"]


# Timers


@given(st.lists(st.integers(0, 5), max_size=20))
def test_timers_fire_in_order_of_deadline_and_never_early(delays: list[int]) -> None:
    fired: list[tuple[float, float]] = []
    with virtual_loop() as loop:
        for delay in delays:
            loop.call_later(delay, lambda delay=delay: fired.append((loop.time(), delay)))
        loop.call_later(6, loop.stop)
        loop.run_forever()
    assert fired == [(delay, delay) for delay in sorted(delays)]


def test_a_timer_due_within_the_clock_resolution_fires() -> None:
    steps: list[str] = []
    with virtual_loop() as loop:
        loop._clock_resolution = 0.5
        loop.call_at(0.4, steps.append, "this tick")
        loop.call_at(0.6, steps.append, "next tick")
        loop.run_turns()
        assert steps == ["this tick"]


def test_the_loop_waits_until_the_next_timer_but_at_most_a_day() -> None:
    week = 7 * 24 * 3600
    with virtual_loop() as loop:
        loop.call_later(2, loop.call_soon, loop.stop)
        loop.run_forever()
        loop.call_later(week, loop.stop)
        loop.run_forever()
        assert loop.counter.timeouts == [2.0] + [kernel.MAXIMUM_SELECT_TIMEOUT] * 7
        assert loop.time() == 2 + week


def test_the_loop_drops_cancelled_timers_at_the_head_instead_of_waiting_for_them() -> None:
    with virtual_loop() as loop:
        for delay in (1, 2, 3):
            loop.call_later(delay, print).cancel()
        loop.call_later(4, loop.stop)
        loop.run_forever()
        assert loop.counter.timeouts == [4.0]
        assert (loop._scheduled, loop._timer_cancelled_count) == ([], 0)


@pytest.mark.parametrize(
    ("timers", "cancelled", "left"),
    [
        (100, 99, 100),  # few: they are removed when they are due
        (101, 50, 101),  # not more than half
        (101, 51, 50),
        (1000, 500, 1000),
        (1000, 501, 499),
    ],
)
def test_the_heap_is_rebuilt_if_more_than_half_of_over_100_timers_are_cancelled(
    timers: int, cancelled: int, left: int
) -> None:
    fired: list[int] = []
    with virtual_loop() as loop:
        handles = [loop.call_later(delay, fired.append, delay) for delay in range(1, timers + 1)]
        for handle in handles[
            -cancelled:
        ]:  # the last ones, so that the head of the heap is not cancelled
            handle.cancel()
        loop.run_turns()
        assert len(loop._scheduled) == left
        loop.call_later(timers + 1, loop.stop)
        loop.run_forever()
        assert fired == list(range(1, timers - cancelled + 1))
        assert loop._timer_cancelled_count == 0


def test_a_timer_cancelled_after_it_fired_is_not_counted() -> None:
    with virtual_loop() as loop:
        timer = loop.call_later(1, loop.stop)
        loop.run_forever()
        timer.cancel()
        assert loop._timer_cancelled_count == 0


# Invalid calls


def test_a_timer_without_a_time_raises() -> None:
    with virtual_loop() as loop:
        with pytest.raises(TypeError, match=r"^delay must not be None$"):
            loop.call_later(None, print)  # type: ignore[arg-type]
        with pytest.raises(TypeError, match=r"^when cannot be None$"):
            loop.call_at(None, print)  # type: ignore[arg-type]


def test_a_closed_loop_raises_and_refers_to_nothing() -> None:
    with virtual_loop() as loop:
        loop.call_soon(print)
        loop.call_later(1, print)
    coro = miniloop.sleep(0)
    refused: list[Any] = [
        lambda: loop.call_soon(print),
        lambda: loop.call_soon_threadsafe(print),
        lambda: loop.call_later(1, print),
        lambda: loop.call_at(1, print),
        lambda: loop.create_task(coro),
        lambda: loop.run_until_complete(coro),
        loop.run_forever,
        lambda: loop.run_in_executor(None, print),
        lambda: loop.add_reader(0, print),
    ]
    for call in refused:
        with pytest.raises(RuntimeError, match=r"^Event loop is closed$"):
            call()
    coro.close()
    loop.close()
    assert (len(loop._ready), len(loop._scheduled), loop.is_closed()) == (0, 0, True)


def test_a_running_loop_cannot_be_run_again_or_closed() -> None:
    steps: list[str] = []
    with virtual_loop() as loop, virtual_loop() as other:

        def try_all() -> None:
            for call in (loop.run_forever, loop.close, other.run_forever):
                with pytest.raises(RuntimeError) as refused:
                    call()
                steps.append(str(refused.value))

        loop.call_soon(try_all)
        loop.run_turns()
        assert (loop.told, loop.is_running()) == ([], False)
    assert steps == [
        "This event loop is already running",
        "Cannot close a running event loop",
        "Cannot run the event loop while another loop is running",
    ]


def test_stopping_before_the_future_completes_raises_and_removes_the_callback() -> None:
    with virtual_loop() as loop:
        future = loop.create_future()
        loop.call_soon(loop.stop)
        with pytest.raises(RuntimeError, match=r"^Event loop stopped before Future completed\.$"):
            loop.run_until_complete(future)
        assert future._callbacks is None


def test_a_task_factory_must_be_callable_and_need_not_accept_a_context() -> None:
    steps: list[object] = []

    def factory(loop: Any, coro: Any, **options: Any) -> miniloop.Task[Any]:
        steps.append(sorted(options))
        return miniloop.Task(coro, loop=loop, **options)

    with virtual_loop() as loop:
        with pytest.raises(TypeError, match=r"^task factory must be a callable or None$"):
            loop.set_task_factory(5)  # type: ignore[arg-type]
        loop.set_task_factory(factory)
        tasks = [loop.create_task(miniloop.sleep(0), name="named")]
        tasks.append(loop.create_task(miniloop.sleep(0), context=tasks[0].get_context()))
        steps.append(tasks[0].get_name())
        loop.run_until_complete(miniloop.wait(tasks))
    # Before Python 3.14, programs have factories that take no name: the loop sets it.
    first = ["name"] if sys.version_info >= (3, 14) else []
    assert steps[:3] == [first, ["context"], "named"]


def test_the_repr_shows_running_closed_and_debug() -> None:
    with virtual_loop() as loop:
        steps = [repr(loop)]
        loop.call_soon(lambda: steps.append(repr(loop)))
        loop.run_turns()
        loop.set_debug(True)
    steps.append(repr(loop))
    assert steps == [
        "<VirtualLoop running=False closed=False debug=False>",
        "<VirtualLoop running=True closed=False debug=False>",
        "<VirtualLoop running=False closed=True debug=True>",
    ]


def test_a_loop_that_is_garbage_collected_is_closed_with_a_warning() -> None:
    loops: list[Any] = [miniloop.SelectorEventLoop()]
    sockets = [loops[0]._ssock, loops[0]._csock]

    def lose() -> None:
        loops.clear()
        gc.collect()

    with pytest.warns(ResourceWarning, match=r"^unclosed event loop <SelectorEventLoop running=F"):
        lose()
    assert [sock.fileno() for sock in sockets] == [-1, -1]


@pytest.mark.parametrize("debug", [False, True])
def test_a_closed_loop_is_freed_with_its_last_reference(debug: bool) -> None:
    loop = miniloop.SelectorEventLoop()
    loop.set_debug(debug)
    loop.run_until_complete(miniloop.sleep(0))
    loop.close()
    watched = weakref.ref(loop)
    gc.collect()
    gc.disable()
    try:
        del loop
        assert watched() is None
    finally:
        gc.enable()


def test_the_count_of_cancelled_timers_decreases_when_they_come_due() -> None:
    def cancel_all() -> None:
        for timer in cancelled:
            timer.cancel()

    async def story() -> list[int]:
        await miniloop.sleep(2)
        return [loop._timer_cancelled_count, len(loop._scheduled)]

    with virtual_loop() as loop:
        loop.call_at(1, lambda: None)  # is at the head, before the cancelled timers
        cancelled = [loop.call_at(1, print) for _ in range(4)]
        loop.call_at(0.5, cancel_all)
        assert loop.run_until_complete(story()) == [0, 0]


def test_a_loop_whose_init_failed_is_freed_without_a_warning(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    complaints: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", complaints.append)
    loop = miniloop.SelectorEventLoop.__new__(miniloop.SelectorEventLoop)
    del loop
    assert complaints == []
