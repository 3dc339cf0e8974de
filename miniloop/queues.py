"""Queue: how tasks hand things to one another.

Purpose: `Queue`, first in, first out, and the same in other orders, `PriorityQueue` and
`LifoQueue`. A bounded queue lets producers wait for consumers, an empty one consumers for
producers.
Rules: an item is never handed to a waiter, it lies in the queue until a get takes it; to wake a
waiter is to tell it to look again. So no item gets lost with a consumer that is cancelled. Whoever
wakes a waiter takes it out of its line, and a waiter that is cancelled after that wakes the next
one instead.
This file does not know what the items are for, nor threads: those have the standard library's
`queue`. Read locks.py first.
"""

from __future__ import annotations

import heapq
from collections import deque

from .futures import Future
from .hints import Any, Generic, T
from .locks import Event, _LoopBoundMixin

__all__ = ("Queue", "PriorityQueue", "LifoQueue", "QueueFull", "QueueEmpty", "QueueShutDown")


class QueueEmpty(Exception):
    """get_nowait() found nothing in the queue."""


class QueueFull(Exception):
    """put_nowait() found no room in the queue."""


class QueueShutDown(Exception):
    """The queue was shut down: nothing can be put any more, or nothing is left to get."""


class Queue(_LoopBoundMixin, Generic[T]):
    """A queue for items of type T, at most `maxsize` of them; no bound if that is 0 or less.

    A subclass can give it another order by `_init`, `_put` and `_get`; see PriorityQueue.
    """

    def __init__(self, maxsize: int = 0) -> None:
        self._maxsize = maxsize
        self._getters: deque[Future[None]] = deque()  # asleep in get(), oldest first
        self._putters: deque[Future[None]] = deque()  # asleep in put(), oldest first
        self._unfinished_tasks = 0  # puts less task_done() calls
        self._finished = Event()  # set when _unfinished_tasks gets to 0, cleared by a join()
        self._is_shutdown = False
        self._init(maxsize)

    # -- the order of the items; these three are for subclasses to override ------------------------

    def _init(self, maxsize: int) -> None:
        self._queue: Any = deque()

    def _put(self, item: T) -> None:
        self._queue.append(item)

    def _get(self) -> T:
        return self._queue.popleft()  # type: ignore[no-any-return]

    # -- looking at it -----------------------------------------------------------------------------

    def __repr__(self) -> str:
        return f"<{type(self).__name__} at {id(self):#x} {self._format()}>"

    def __str__(self) -> str:
        return f"<{type(self).__name__} {self._format()}>"

    def _format(self) -> str:
        facts = (f"maxsize={self._maxsize!r}",
                 # A subclass may keep its items under another name.
                 f"_queue={list(self._queue)!r}" if getattr(self, "_queue", None) else "",
                 f"_getters[{len(self._getters)}]" if self._getters else "",
                 f"_putters[{len(self._putters)}]" if self._putters else "",
                 f"tasks={self._unfinished_tasks}" if self._unfinished_tasks else "",
                 "shutdown" if self._is_shutdown else "")  # fmt: skip
        return " ".join(filter(None, facts))

    def qsize(self) -> int:
        """Return the number of items in the queue."""
        return len(self._queue)

    @property
    def maxsize(self) -> int:
        """How many items the queue may hold; 0 or less: any number."""
        return self._maxsize

    def empty(self) -> bool:
        """Return True if nothing is in the queue."""
        return not self._queue

    def full(self) -> bool:
        """Return True if the queue holds as much as it may."""
        return 0 < self._maxsize <= self.qsize()

    # -- putting and getting -----------------------------------------------------------------------

    async def put(self, item: T) -> None:
        """Put `item` into the queue, as soon as there is room.

        Raises QueueShutDown if the queue is shut down, before or while it waits.
        """
        while self.full() and not self._is_shutdown:
            waiter = self._stand_in(self._putters)
            try:
                await waiter
            except BaseException:
                self._give_up(waiter, self._putters, self.full())
                raise
        self.put_nowait(item)

    def put_nowait(self, item: T) -> None:
        """Put `item` into the queue; raises QueueFull if there is no room.

        Raises QueueShutDown if the queue is shut down.
        """
        if self._is_shutdown or self.full():
            raise QueueShutDown if self._is_shutdown else QueueFull
        self._put(item)
        self._unfinished_tasks += 1
        if self._getters:
            self._wakeup_next(self._getters)

    async def get(self) -> T:
        """Take the next item out of the queue, as soon as there is one.

        Raises QueueShutDown if the queue is shut down and nothing is left in it.
        """
        while self.empty() and not self._is_shutdown:
            waiter = self._stand_in(self._getters)
            try:
                await waiter
            except BaseException:
                self._give_up(waiter, self._getters, self.empty())
                raise
        return self.get_nowait()

    def get_nowait(self) -> T:
        """Take the next item out of the queue.

        Raises QueueEmpty if there is none, QueueShutDown if there will be none any more.
        """
        if self.empty():
            raise QueueShutDown if self._is_shutdown else QueueEmpty
        item = self._get()
        if self._putters:
            self._wakeup_next(self._putters)
        return item

    def _give_up(self, waiter: Future[None], line: deque[Future[None]], in_vain: bool) -> None:
        """Leave `line`; `in_vain` says that whoever comes next in it could not go on either."""
        if waiter in line:
            line.remove(waiter)
        elif not waiter.cancelled() and not in_vain:
            # Woken, and cancelled before the step that would have used it (bpo-23812).
            self._wakeup_next(line)

    def _wakeup_next(self, line: deque[Future[None]]) -> None:
        """Wake the oldest in `line` who was not cancelled."""
        while line and line[0].done():
            line.popleft()
        if line:
            line.popleft().set_result(None)

    # -- the end of the work -----------------------------------------------------------------------

    def task_done(self) -> None:
        """Say that the work on an item is done: to be called once for each item that was got.

        Raises ValueError if it is called more often than items were put.
        """
        if self._unfinished_tasks <= 0:
            raise ValueError("task_done() called too many times")
        self._unfinished_tasks -= 1
        if self._unfinished_tasks == 0:
            self._finished.set()

    async def join(self) -> None:
        """Wait until task_done() was called for every item that was put."""
        if self._unfinished_tasks > 0:
            self._finished.clear()  # those whom it has woken return all the same
            await self._finished.wait()

    def shutdown(self, immediate: bool = False) -> None:
        """Let no more items in; gets go on until the queue is empty (gh-96471).

        With `immediate` the queue is emptied, and the items that were in it count as done. Whoever
        waits in put() or get() and cannot go on gets QueueShutDown.
        """
        self._is_shutdown = True
        while immediate and not self.empty():
            self._get()
            self._unfinished_tasks = max(0, self._unfinished_tasks - 1)
        if self._unfinished_tasks == 0:
            self._finished.set()
        for line in (self._getters, self._putters):
            while line:
                self._wakeup_next(line)


class PriorityQueue(Queue[T]):
    """A Queue that hands out the least item first; items are often tuples `(priority, data)`."""

    def _init(self, maxsize: int) -> None:
        self._queue = []

    def _put(self, item: T) -> None:
        heapq.heappush(self._queue, item)

    def _get(self) -> T:
        return heapq.heappop(self._queue)  # type: ignore[no-any-return]


class LifoQueue(Queue[T]):
    """A Queue that hands out the newest item first."""

    def _get(self) -> T:
        return self._queue.pop()  # type: ignore[no-any-return]
