"""Queue: how tasks pass items to each other.

Purpose: `Queue` (first in, first out), and the same in other orders: `PriorityQueue` and
`LifoQueue`. get() on an empty queue waits for a put; put() on a full queue waits for a get.

Invariants:

- An item is never given to a waiting task directly. It stays in the queue until a get takes it. A
  woken task only checks the queue again. So cancelling a consumer never loses an item.
- A waiter is removed from its deque when it is woken, by the task that wakes it. (In locks.py the
  woken task removes itself, because it keeps its place until it runs. Here it has no place to keep:
  a newcomer may take the item first, and then the woken task waits again.)
- A woken task can be cancelled before it runs. It then wakes the next waiter instead.
- A queue is open until shutdown(), and shut down from then on:

                    put()                           get()
      open          waits while the queue is full   waits while the queue is empty
      shut down     raises QueueShutDown            raises QueueShutDown if the queue is empty

Does not depend on what the items are. Not thread-safe: threads use the standard library's `queue`.
Read first: locks.py.
"""

from __future__ import annotations

import heapq
from collections import deque

from .futures import Future
from .hints import Any, Generic, T
from .locks import Event, _LoopBoundMixin

__all__ = ("Queue", "PriorityQueue", "LifoQueue", "QueueFull", "QueueEmpty", "QueueShutDown")


class QueueEmpty(Exception):
    """Raised by get_nowait() if the queue is empty."""


class QueueFull(Exception):
    """Raised by put_nowait() if the queue is full."""


class QueueShutDown(Exception):
    """Raised by a put after shutdown(), and by a get once the shut-down queue is empty."""


class Queue(_LoopBoundMixin, Generic[T]):
    """A queue of at most `maxsize` items of type T. 0 or less means any number of items.

    A subclass can change the order by overriding `_init`, `_put` and `_get`: see PriorityQueue.
    """

    def __init__(self, maxsize: int = 0) -> None:
        self._maxsize = maxsize
        self._getters: deque[Future[None]] = deque()  # waiters of tasks in get(), oldest first
        self._putters: deque[Future[None]] = deque()  # waiters of tasks in put(), oldest first
        self._unfinished_tasks = 0  # items put, minus task_done() calls
        self._finished = Event()  # set exactly while _unfinished_tasks is 0; join() waits for it
        self._finished.set()
        self._is_shutdown = False
        self._init(maxsize)

    # -- the order of the items: subclasses override these three methods --------------------------

    def _init(self, maxsize: int) -> None:
        self._queue: Any = deque()

    def _put(self, item: T) -> None:
        self._queue.append(item)

    def _get(self) -> T:
        return self._queue.popleft()  # type: ignore[no-any-return]

    # -- inspecting the queue ---------------------------------------------------------------------

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
        """The number of items that the queue can hold; 0 or less means any number."""
        return self._maxsize

    def empty(self) -> bool:
        """Return True if the queue has no items."""
        return not self._queue

    def full(self) -> bool:
        """Return True if the queue holds `maxsize` items."""
        return 0 < self._maxsize <= self.qsize()

    # -- putting and getting -----------------------------------------------------------------------

    async def put(self, item: T) -> None:
        """Put `item` into the queue; wait while the queue is full.

        Raises QueueShutDown if the queue is shut down, also if that happens during the wait.
        """
        while self.full() and not self._is_shutdown:
            putter = self._add_waiter(self._putters)
            try:
                await putter
            except BaseException:
                self._give_up(putter, self._putters, self.full())
                raise
        self.put_nowait(item)

    def put_nowait(self, item: T) -> None:
        """Put `item` into the queue without waiting. Raises QueueFull if the queue is full.

        Raises QueueShutDown if the queue is shut down.
        """
        if self._is_shutdown:
            raise QueueShutDown
        if self.full():
            raise QueueFull
        self._put(item)
        if self._unfinished_tasks == 0:
            self._finished.clear()
        self._unfinished_tasks += 1
        if self._getters:
            self._wakeup_next(self._getters)

    async def get(self) -> T:
        """Remove the next item and return it; wait while the queue is empty.

        Raises QueueShutDown if the queue is shut down and empty.
        """
        while self.empty() and not self._is_shutdown:
            getter = self._add_waiter(self._getters)
            try:
                await getter
            except BaseException:
                self._give_up(getter, self._getters, self.empty())
                raise
        return self.get_nowait()

    def get_nowait(self) -> T:
        """Remove the next item and return it. Raises QueueEmpty if the queue is empty.

        Raises QueueShutDown instead if the queue is empty and shut down.
        """
        if self.empty():
            raise QueueShutDown if self._is_shutdown else QueueEmpty
        item = self._get()
        if self._putters:
            self._wakeup_next(self._putters)
        return item

    def _give_up(self, waiter: Future[None], waiters: deque[Future[None]], blocked: bool) -> None:
        """Stop waiting, after an exception. `blocked`: the next waiter could not proceed either."""
        if waiter in waiters:
            waiters.remove(waiter)  # this task was not woken
        elif not waiter.cancelled() and not blocked:
            # This task was woken, and cancelled before it ran. Without this, the item stays in the
            # queue while the other getters sleep (bpo-23812):
            #     queue.put_nowait(item)  # wakes this task and no other
            #     getting_task.cancel()
            self._wakeup_next(waiters)

    def _wakeup_next(self, waiters: deque[Future[None]]) -> None:
        """Wake the oldest of `waiters` that was not cancelled."""
        while waiters and waiters[0].done():
            waiters.popleft()
        if waiters:
            waiters.popleft().set_result(None)

    # -- finishing --------------------------------------------------------------------------------

    def task_done(self) -> None:
        """Declare the work on one item done. Consumers call this once for each item they got.

        Raises ValueError if it is called more often than items were put.
        """
        if self._unfinished_tasks <= 0:
            raise ValueError("task_done() called too many times")
        self._unfinished_tasks -= 1
        if self._unfinished_tasks == 0:
            self._finished.set()

    async def join(self) -> None:
        """Wait until task_done() has been called for every item that was put.

        Getting all items is not enough: the work on them may still be going on.
        """
        await self._finished.wait()

    def shutdown(self, immediate: bool = False) -> None:
        """Refuse further puts; allow gets until the queue is empty (gh-96471).

        With `immediate`, drop the items in the queue and count them as done. Tasks waiting in put()
        raise QueueShutDown. Tasks waiting in get() raise it too, since their queue is empty.
        """
        self._is_shutdown = True
        while immediate and not self.empty():
            self._get()
            self._unfinished_tasks = max(0, self._unfinished_tasks - 1)
        if self._unfinished_tasks == 0:
            self._finished.set()
        for waiters in (self._getters, self._putters):
            while waiters:
                self._wakeup_next(waiters)


class PriorityQueue(Queue[T]):
    """A Queue that returns the smallest item first. Items are often tuples `(priority, data)`."""

    def _init(self, maxsize: int) -> None:
        self._queue = []

    def _put(self, item: T) -> None:
        heapq.heappush(self._queue, item)

    def _get(self) -> T:
        return heapq.heappop(self._queue)  # type: ignore[no-any-return]


class LifoQueue(Queue[T]):
    """A Queue that returns the newest item first."""

    def _get(self) -> T:
        return self._queue.pop()  # type: ignore[no-any-return]
