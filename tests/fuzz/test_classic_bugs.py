"""Classic bugs of event loops, injected into miniloop: the fuzzer finds each of them.

These tests show that random programs can catch bugs. Each bug below was once in asyncio or in
another event loop; a function with its name injects it, in as few lines as possible. The bug must
be found among the programs of the seeds from 0 on, in at most as many programs as run in a minute
on a slow machine. Without the bug, the same programs must show no difference.

A replacement has the name of the original, since traces contain names. To be sure that the bug and
not the replacement is found, the programs must show no difference with a replacement that only
calls the original. No time is measured here. The programs about streams have their own bugs.
"""

from __future__ import annotations

import functools
import gc
import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from inspect import iscoroutinefunction
from itertools import chain
from typing import Any, Final, Protocol

import pytest

import miniloop
from miniloop import combinators, descriptors, futures, locks, streams, tasks, timeouts
from miniloop.futures import FINISHED
from miniloop.trace import graph
from tests.fuzz import streams as stream_programs
from tests.fuzz.generate import generate, seeded
from tests.fuzz.habits import Change
from tests.fuzz.known import meets_a_fault, rewritten
from tests.fuzz.programs import play
from tests.fuzz.run import load


class Patch(Protocol):
    """The part of pytest's MonkeyPatch that injects a bug."""

    def setattr(self, target: Any, name: str, value: Any, /) -> None: ...


Bug = Callable[[Patch], None]


def plant(patch: Patch, owner: Any, name: str, function: Callable[..., Any]) -> None:
    """Replace a function by `function`, which gets the names of the original."""
    right = getattr(owner, name)
    function.__name__, function.__qualname__ = right.__name__, right.__qualname__
    patch.setattr(owner, name, function)


# --- bugs in tasks, and in what is built from them ------------------------------------------------


def wait_for_loses_a_cancellation(patch: Patch) -> None:
    """In 3.8 to 3.11, cancelled in the iteration of the result, it returned that (gh-86296)."""
    right = miniloop.wait_for

    async def wait_for(fut: Any, timeout: float | None) -> Any:
        try:
            return await right(fut, timeout)
        except miniloop.CancelledError:
            if miniloop.isfuture(fut) and fut._state is FINISHED:
                return fut.result()
            raise

    plant(patch, miniloop, "wait_for", wait_for)
    plant(patch, timeouts, "wait_for", wait_for)


def gather_loses_a_cancellation(patch: Patch) -> None:
    """If the children ignored their cancellation, gather returned their results (bpo-32684)."""

    def cancel(self: Any, msg: Any = None) -> bool:
        return not self.done() and sum(child.cancel(msg=msg) for child in self._children) > 0

    plant(patch, combinators._GatheringFuture, "cancel", cancel)


def gather_is_done_before_its_children(patch: Patch) -> None:
    """A cancelled gather was done immediately, while its children were still cleaning up."""

    def cancel(self: Any, msg: Any = None) -> bool:
        for child in self._children:
            child.cancel(msg=msg)
        return futures.Future.cancel(self, msg)

    plant(patch, combinators._GatheringFuture, "cancel", cancel)


def a_semaphore_lets_a_newcomer_overtake(patch: Patch) -> None:
    """A permit was free until the woken waiter took it (gh-90155)."""

    async def acquire(self: Any) -> bool:
        while self._value <= 0:
            waiter = self._add_waiter(self._waiters)
            try:
                await waiter
            finally:
                self._waiters.remove(waiter)
        self._value -= 1
        return True

    def release(self: Any) -> None:
        self._value += 1
        self._wake(1)

    plant(patch, locks.Semaphore, "acquire", acquire)
    plant(patch, locks.Semaphore, "release", release)


def a_semaphore_loses_the_permit_of_a_cancelled_waiter(patch: Patch) -> None:
    """A waiter that was woken and cancelled in one iteration kept its permit (bpo-45997)."""

    async def acquire(self: Any) -> bool:
        if not self.locked():
            self._value -= 1
            return True
        waiter = self._add_waiter(self._waiters)
        try:
            await waiter
        finally:
            self._waiters.remove(waiter)
            self._value -= self._wake(self._value)
        return True

    plant(patch, locks.Semaphore, "acquire", acquire)


def a_queue_loses_the_item_of_a_cancelled_getter(patch: Patch) -> None:
    """The item was given to a getter that was cancelled before it ran (bpo-26923)."""

    async def get(self: Any) -> Any:
        while self.empty() and not self._is_shutdown:
            waiter = self._add_waiter(self._getters)
            try:
                await waiter
            except BaseException:
                if waiter not in self._getters and waiter.done() and not self.empty():
                    self._get()
                self._give_up(waiter, self._getters, self.empty())
                raise
        return self.get_nowait()

    plant(patch, miniloop.Queue, "get", get)


def a_queue_does_not_wake_the_next_getter(patch: Patch) -> None:
    """A getter that was cancelled after it was woken did not wake the next one (bpo-23812)."""

    def give_up(self: Any, waiter: Any, waiters: deque[Any], blocked: bool) -> None:
        del blocked
        if waiter in waiters:
            waiters.remove(waiter)

    plant(patch, miniloop.Queue, "_give_up", give_up)


def a_task_is_woken_twice(patch: Patch) -> None:
    """The cancelled future woke the task, and cancel() woke it again."""
    right = tasks.Task.cancel

    def cancel(self: Any, msg: Any = None) -> bool:
        asked = right(self, msg)
        if asked and self._fut_waiter is not None and self._fut_waiter.done():
            self._loop._ready.append(self)
        return asked

    plant(patch, tasks.Task, "cancel", cancel)


def a_task_forgets_a_cancellation_in_its_last_step(patch: Patch) -> None:
    """A task that was cancelled while it ran, and did not await again, returned its result."""
    right = tasks.Task.cancel

    def cancel(self: Any, msg: Any = None) -> bool:
        asked = right(self, msg)
        if self._loop._current_task is self:
            self._must_cancel = False
        return asked

    plant(patch, tasks.Task, "cancel", cancel)


def a_notification_of_a_cancelled_waiter_is_lost(patch: Patch) -> None:
    """A waiter that was notified and cancelled did not pass the notification on (gh-112202).

    It shows where no notification was given: the fix wakes another waiter when one is cancelled.
    Few programs notify and cancel in one iteration.
    """

    async def wait(self: Any) -> bool:
        if not self.locked():
            raise RuntimeError("cannot wait on un-acquired lock")
        waiter = self._add_waiter(self._waiters)
        self.release()
        try:
            await waiter
        finally:
            self._waiters.remove(waiter)
            await self._take_lock_again()
        return True

    plant(patch, locks.Condition, "wait", wait)


def a_cancelled_condition_wait_raises_without_its_lock(patch: Patch) -> None:
    """Cancelled while it acquired the lock again, wait() raised without the lock (bpo-22970)."""
    plant(patch, locks.Condition, "_take_lock_again", lambda self: self.acquire())


def a_lock_lets_a_newcomer_overtake(patch: Patch) -> None:
    """Between release() and the step of the woken waiter, a newcomer got the lock (bpo-27585)."""
    plant(patch, locks.Lock, "_newcomer_must_wait", lambda self: False)


def an_event_that_is_cleared_again_wakes_no_waiter(patch: Patch) -> None:
    """A woken waiter checked the flag again, so set() followed by clear() had no effect."""

    async def wait(self: Any) -> bool:
        while not self._value:
            waiter = self._add_waiter(self._waiters)
            try:
                await waiter
            finally:
                self._waiters.remove(waiter)
        return True

    plant(patch, locks.Event, "wait", wait)


def a_group_loses_a_cancellation_from_outside(patch: Patch) -> None:
    """Cancelled while it waited for its tasks, a group cancelled them and continued."""
    right = miniloop.TaskGroup.__aexit__

    async def aexit(self: Any, *exc: Any) -> None:
        try:
            await right(self, *exc)
        except miniloop.CancelledError:
            return  # an outside cancellation is swallowed here

    plant(patch, miniloop.TaskGroup, "__aexit__", aexit)


def a_timeout_loses_a_cancellation_from_outside(patch: Patch) -> None:
    """If it was cancelled from outside when it expired, it raised only TimeoutError."""
    right = miniloop.Timeout.__aexit__

    async def aexit(self: Any, *exc: Any) -> None:
        self._cancelling = self._task.cancelling()
        await right(self, *exc)

    plant(patch, miniloop.Timeout, "__aexit__", aexit)


def a_shield_passes_a_cancellation_on(patch: Patch) -> None:
    """Cancelling the waiter cancelled the shielded awaitable."""

    def shield(arg: Any) -> Any:
        return miniloop.ensure_future(arg)

    plant(patch, miniloop, "shield", shield)


IN_TASKS = [
    (wait_for_loses_a_cancellation, 777),
    (gather_loses_a_cancellation, 1),
    (gather_is_done_before_its_children, 1),
    (a_semaphore_lets_a_newcomer_overtake, 70),
    (a_semaphore_loses_the_permit_of_a_cancelled_waiter, 70),
    (a_queue_loses_the_item_of_a_cancelled_getter, 168),
    (a_queue_does_not_wake_the_next_getter, 189),
    (a_task_is_woken_twice, 0),
    (a_task_forgets_a_cancellation_in_its_last_step, 2),
    (a_notification_of_a_cancelled_waiter_is_lost, 413),
    (a_cancelled_condition_wait_raises_without_its_lock, 5941),
    (a_lock_lets_a_newcomer_overtake, 54),
    (an_event_that_is_cleared_again_wakes_no_waiter, 2323),
    (a_group_loses_a_cancellation_from_outside, 10),
    (a_timeout_loses_a_cancellation_from_outside, 58),
    (a_shield_passes_a_cancellation_on, 76),
]
"""Each bug with the first seed that shows it, where the search starts."""


# --- bugs in what came with 3.14 and 3.15 ---------------------------------------------------------


def change(patch: Patch, owner: Any, name: str, line: str, instead: str) -> None:
    """Replace a line of a method."""
    function = f"{owner.__module__.partition('.')[2]}:{owner.__name__}.{name}"
    found = Change(function, line, instead)
    plant(patch, owner, name, found.changed(found.own))


def an_eager_child_that_fails_cancels_its_parent_inside_create_task(patch: Patch) -> None:
    """The block could not start the tasks that come next (gh-128588)."""
    line, instead = "_call_when_done(self, task)", "task.done() and self._child_done(task) or {}"
    change(patch, miniloop.TaskGroup, "create_task", line, instead.format(line))


def a_group_ignores_eager_start(patch: Patch) -> None:
    line, instead = "create_task(coro, **kwargs)", 'kwargs.pop("eager_start", 0) or {}'
    change(patch, miniloop.TaskGroup, "create_task", line, instead.format(line))


def eager_start_false_is_ignored_by_an_eager_factory(patch: Patch) -> None:
    def factory(loop: Any, coro: Any, *, eager_start: bool = True, **kwargs: Any) -> Any:
        return miniloop.Task(coro, loop=loop, eager_start=True, **kwargs)

    plant(patch, miniloop, "eager_task_factory", factory)


def a_call_graph_does_not_show_the_parent_of_a_group(patch: Patch) -> None:
    right = graph._tasks_behind

    def tasks_behind(waiter: Any, future: Any) -> list[Any]:
        in_group = isinstance(getattr(waiter, "_waiter", None), miniloop.TaskGroup)
        return [] if in_group else right(waiter, future)

    plant(patch, graph, "_tasks_behind", tasks_behind)


def a_call_graph_shows_a_waiter_that_was_cancelled(patch: Patch) -> None:
    """A task that had stopped waiting still awaited the future (gh-157213)."""
    right = graph._awaited_by
    before: dict[int, list[Any]] = {}

    def awaited_by(future: Any) -> list[Any]:
        waiters = before.setdefault(id(future), [])
        waiters += [waiter for waiter in right(future) if waiter not in waiters]
        return [waiter for waiter in waiters if not future.done()]

    plant(patch, graph, "_awaited_by", awaited_by)


def a_group_cannot_be_cancelled_before_it_is_entered(patch: Patch) -> None:
    change(patch, miniloop.TaskGroup, "cancel", "self._cancel_on_enter = True", "pass")


def a_cancelled_group_misses_an_eager_child(patch: Patch) -> None:
    """The child that called cancel() was not yet among the tasks of the group (gh-155418)."""
    line = "if self._aborting and not task.done():"
    change(patch, miniloop.TaskGroup, "create_task", line, "if False:")


def a_cancelled_group_loses_a_cancellation_from_outside(patch: Patch) -> None:
    """It came while the group waited for its tasks (gh-155433)."""
    line = "self._parent_cancel_requested or not self._aborting"
    change(patch, miniloop.TaskGroup, "__aexit__", line, "not self._aborting")


IN_TASKS_SINCE_3_14 = [
    (an_eager_child_that_fails_cancels_its_parent_inside_create_task, 34),
    (a_group_ignores_eager_start, 207),
    (eager_start_false_is_ignored_by_an_eager_factory, 234),
    (a_call_graph_does_not_show_the_parent_of_a_group, 176),
    (a_call_graph_shows_a_waiter_that_was_cancelled, 229),
]
IN_TASKS_SINCE_3_15 = [
    (a_group_cannot_be_cancelled_before_it_is_entered, 90),
    (a_cancelled_group_misses_an_eager_child, 1052),
    (a_cancelled_group_loses_a_cancellation_from_outside, 551),
]


# --- bugs in streams ------------------------------------------------------------------------------


def a_separator_is_missed_between_two_chunks(patch: Patch) -> None:
    """readuntil() searched only the new data for it (bpo-22873)."""
    right = streams.StreamReader._find_first

    def find_first(self: Any, separators: Any, start: int) -> Any:
        return right(self, separators, start and start + len(separators[-1]) - 1)

    plant(patch, streams.StreamReader, "_find_first", find_first)


def an_end_of_file_wakes_no_reader(patch: Patch) -> None:
    """A coroutine that was already reading was not woken."""
    plant(patch, streams.StreamReader, "feed_eof", lambda self: setattr(self, "_eof", True))


def a_reader_that_needs_more_than_the_limit_hangs(patch: Patch) -> None:
    """readexactly() waited for data while the transport was paused by the limit."""
    right = streams.StreamReader._wait_for_data

    async def wait_for_data(self: Any, name: str) -> None:
        paused, self._transport_paused = self._transport_paused, False
        await right(self, name)
        self._transport_paused = paused

    plant(patch, streams.StreamReader, "_wait_for_data", wait_for_data)


def only_one_drain_is_woken(patch: Patch) -> None:
    """Only one of several tasks in drain() was woken (gh-74116)."""

    def resume_writing(self: Any) -> None:
        self._writing_paused = False
        streams._complete_waiters(None, *self._drain_waiters[:1])

    plant(patch, streams.FlowControlMixin, "resume_writing", resume_writing)


def data_is_received_although_reading_is_paused(patch: Patch) -> None:
    """pause_reading() in connection_made() was undone when reading started (bpo-33694)."""

    def start_reading(self: Any) -> None:
        self._loop._add_reader(self._fd, self._read_ready)

    plant(patch, descriptors._DescriptorTransport, "_start_reading", start_reading)


def close_discards_the_buffer(patch: Patch) -> None:
    """close() behaved like abort()."""

    def close(self: Any) -> None:
        self.abort()

    plant(patch, descriptors._SelectorSocketTransport, "close", close)


def the_end_of_file_overtakes_the_data(patch: Patch) -> None:
    """write_eof() shut down the socket immediately, so the buffered data could not be sent."""

    def write_eof(self: Any) -> None:
        if not self._closing and not self._eof:
            self._eof = True
            self._file.shutdown(1)

    plant(patch, descriptors._SelectorSocketTransport, "write_eof", write_eof)


IN_STREAMS = [
    (a_separator_is_missed_between_two_chunks, 57),
    (an_end_of_file_wakes_no_reader, 5),
    (a_reader_that_needs_more_than_the_limit_hangs, 4),
    (only_one_drain_is_woken, 87),
    (data_is_received_although_reading_is_paused, 115),
    (close_discards_the_buffer, 52),
    (the_end_of_file_overtakes_the_data, 76),
]
"""Each bug with the first seed that shows it."""


# --- the search -----------------------------------------------------------------------------------

A_MINUTE: Final = 6_000
"""Programs per minute on a slow machine, at a hundred per second. One core was measured to run 170
per second of the programs about tasks, and more of the others.
"""

Shows = Callable[[int], bool]


def shows_in_tasks(seed: int, version: tuple[int, int] = (3, 13)) -> bool:
    """`version` decides which operations there are, so a seed is one program on every Python."""
    source = generate(seeded(seed), version).source
    main = load(source)
    traces = [play(main, "asyncio"), play(main, "miniloop")]
    if meets_a_fault(traces[0], source):
        return False
    asyncio, ours = rewritten("miniloop", traces, source)
    return asyncio != ours


def shows_in_streams(seed: int) -> bool:
    return stream_programs.differs(stream_programs.source(seed))


class Neutral:
    """Replaces each function by one that looks like the replacement and calls the original."""

    def __init__(self, patch: Patch) -> None:
        self._patch = patch

    def setattr(self, target: Any, name: str, value: Any, /) -> None:
        right = getattr(target, name)

        async def coroutine_function(*args: Any, **kwds: Any) -> Any:
            return await right(*args, **kwds)

        def function(*args: Any, **kwds: Any) -> Any:
            return right(*args, **kwds)

        alike = coroutine_function if iscoroutinefunction(value) else function
        alike.__name__, alike.__qualname__ = value.__name__, value.__qualname__
        self._patch.setattr(target, name, alike)


@pytest.fixture(autouse=True)
def _freeze_other_objects() -> Iterator[None]:
    """Each program ends with a garbage collection, which must not traverse pytest's objects."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


needs_asyncio_without_these_bugs = pytest.mark.skipif(
    sys.version_info < (3, 14), reason="older asyncios have some of these bugs, and other habits"
)


def _since(version: tuple[int, int], bugs: Sequence[tuple[Bug, int]]) -> list[Any]:
    shows = functools.partial(shows_in_tasks, version=version)
    needs = pytest.mark.skipif(sys.version_info < version, reason="asyncio cannot do this")
    return [pytest.param(bug, first, shows, id=bug.__name__, marks=needs) for bug, first in bugs]


each_bug = pytest.mark.parametrize(
    ("bug", "first", "shows"),
    [
        *_since((3, 13), IN_TASKS),
        *_since((3, 14), IN_TASKS_SINCE_3_14),
        *_since((3, 15), IN_TASKS_SINCE_3_15),
        *(pytest.param(b, first, shows_in_streams, id=b.__name__) for b, first in IN_STREAMS),
    ],
)


@needs_asyncio_without_these_bugs
@each_bug
def test_a_bug_is_found_within_a_minute(
    bug: Bug, first: int, shows: Shows, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Start at the recorded seed; if programs are generated differently now, try all seeds."""

    def is_found(seed: int) -> bool:
        with monkeypatch.context() as patch:
            bug(patch)
            if not shows(seed):
                return False
        with monkeypatch.context() as patch:
            bug(Neutral(patch))
            if shows(seed):
                return False
        return not shows(seed)  # without the bug there must be no difference

    assert first < A_MINUTE
    found = next(filter(is_found, chain([first], range(A_MINUTE))), None)
    assert found is not None, "no program shows the bug: what does the generator lack?"


@needs_asyncio_without_these_bugs
@each_bug
def test_a_replacement_without_the_bug_shows_no_difference(
    bug: Bug, first: int, shows: Shows, monkeypatch: pytest.MonkeyPatch
) -> None:
    bug(Neutral(monkeypatch))
    assert not shows(first)
