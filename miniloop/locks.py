"""Lock, Event, Condition, Semaphore, Barrier: how the tasks of one loop wait for one another.

Purpose: what `threading` has under these names, for tasks. A task gives its turn away only where it
has to wait, so between two awaits nothing interferes, and to take a free lock is to set a flag.
Rules: who has to wait stands in a line of futures, oldest first; to wake a waiter is to set the
result of its future. A woken waiter stays in the line until its task's next step takes it out, and
newcomers stand behind it. Cancelled before that step, it leaves what it was woken for to the next.
This file does not know tasks, only the futures they wait for. Nothing here is for use from another
thread. Read futures.py first.
"""

from __future__ import annotations

import threading
from collections import deque

from .events import Loop, get_running_loop
from .exceptions import BrokenBarrierError, CancelledError
from .futures import Future
from .hints import Any, Callable, Literal, T

__all__ = ("Lock", "Event", "Condition", "Semaphore", "BoundedSemaphore", "Barrier")


_one_binds = threading.Lock()


class _LoopBoundMixin:
    """Belongs to the loop in which somebody first had to wait for it.

    Not to a loop of the moment it is made: programs make their locks at import, before there is one
    (bpo-42392). For as long as nobody has to wait, any number of loops may use it in turn.
    """

    _loop: Loop = None  # written once, by the first who has to wait

    def _stand_in(self, line: deque[Future[T]]) -> Future[T]:
        """Return the future to wait for, which now stands at the end of the line.

        Raises RuntimeError if the running loop is not the one we belong to.
        """
        loop = get_running_loop()
        if self._loop is not loop:
            self._bind(loop)
        waiter: Future[T] = loop.create_future()
        line.append(waiter)
        return waiter

    def _bind(self, loop: Loop) -> None:
        with _one_binds:  # else the loops of two threads could both find _loop empty, and go on
            if self._loop is None:
                self._loop = loop
        if self._loop is not loop:
            raise RuntimeError(f"{self!r} is bound to a different event loop")


class _WaitersMixin(_LoopBoundMixin):
    """The line of those who wait."""

    #: None in locks until somebody has to wait, which for most is never: an empty deque is large.
    _waiters: deque[Future[bool]] | None

    def _join_line(self) -> tuple[deque[Future[bool]], Future[bool]]:
        """Stand at the end of the line; return it, to be left again, and the future to wait for."""
        if self._waiters is None:
            self._waiters = deque()
        return self._waiters, self._stand_in(self._waiters)

    def _wake(self, count: int) -> int:
        """Wake the `count` oldest who are asleep; return how many there were too few."""
        for waiter in self._waiters or ():
            if count <= 0:
                break
            if not waiter.done():
                waiter.set_result(True)
                count -= 1
        return count

    def _newcomer_must_wait(self) -> bool:
        """True while somebody has the older claim; those who were cancelled have none."""
        return any(not waiter.cancelled() for waiter in self._waiters or ())

    def __repr__(self: Any) -> str:  # Any, for _state_text is the derived classes'
        waiting = f", waiters:{len(self._waiters)}" if self._waiters else ""
        return f"<{super().__repr__()[1:-1]} [{self._state_text()}{waiting}]>"


class _LockMixin(_WaitersMixin):
    """`async with`: acquired inside the block, released after it, however it ends."""

    # `self` is Any because the classes with acquire, release and locked are those derived from it.

    def _state_text(self: Any) -> str:
        return "locked" if self.locked() else "unlocked"

    async def __aenter__(self: Any) -> None:
        await self.acquire()

    async def __aexit__(self: Any, exc_type: object, exc: object, tb: object) -> None:
        self.release()


class Lock(_LockMixin):
    """Held by one at a time; the others get it in the order in which they asked.

    It does not know by whom it is held: any task may release it. Use it as `async with lock:`.
    """

    def __init__(self) -> None:
        self._waiters = None
        self._locked = False  # written by acquire and release only

    def locked(self) -> bool:
        """Return True while somebody holds the lock."""
        return self._locked

    async def acquire(self) -> Literal[True]:
        """Wait until the lock is free and it is our turn, take it, and return True."""
        if not self._locked and not (self._waiters and self._newcomer_must_wait()):
            self._locked = True
            return True
        line, waiter = self._join_line()
        try:
            await waiter
            self._locked = True
        finally:
            line.remove(waiter)
            # Perhaps release() had woken us, who are cancelled, and nobody else (bpo-27585):
            #     lock.release(); waiting_task.cancel()
            if not self._locked:
                self._wake_first()
        return True

    def release(self) -> None:
        """Set the lock free and wake the first who waits; RuntimeError if it is free already.

        Until the waiter's task has its turn the lock is free, yet no newcomer gets ahead of it.
        """
        if not self._locked:
            raise RuntimeError("Lock is not acquired.")
        self._locked = False
        if self._waiters:
            self._wake_first()

    def _wake_first(self) -> None:
        # Not `_wake(1)`: a first who is awake will take the lock, and one who was cancelled will
        # call this again on the way out; the second would wake up for nothing.
        if self._waiters and not self._waiters[0].done():
            self._waiters[0].set_result(True)


class Event(_WaitersMixin):
    """A flag that tasks can wait for; everyone who waits is woken when it is set."""

    def __init__(self) -> None:
        self._waiters = deque()
        self._value = False  # the flag; written by set and clear only

    def _state_text(self) -> str:
        return "set" if self._value else "unset"

    def is_set(self) -> bool:
        """Return True while the flag is set."""
        return self._value

    def set(self) -> None:
        """Set the flag and wake all who wait."""
        if not self._value:
            self._value = True
            self._wake(len(self._waiters or ()))

    def clear(self) -> None:
        """Take the flag back. Who was woken by set() returns from wait() all the same."""
        self._value = False

    async def wait(self) -> Literal[True]:
        """Return True as soon as the flag is set, at once if it is set now."""
        if not self._value:
            line, waiter = self._join_line()
            try:
                await waiter
            finally:
                line.remove(waiter)
        return True


class Condition(_LockMixin):
    """A lock, and a line of those who wait for the state that it protects to change.

    `lock` is the lock to use, so that several conditions can share one; by default a new Lock.
    """

    def __init__(self, lock: Lock | None = None) -> None:
        self._waiters = deque()
        self._lock = Lock() if lock is None else lock
        # The lock's own methods: who holds the condition holds the lock.
        self.locked = self._lock.locked
        self.acquire = self._lock.acquire
        self.release = self._lock.release

    async def wait(self) -> Literal[True]:
        """Release the lock, wait to be notified, take the lock again, return True.

        It may return without a notification, so look at the state again, or use `wait_for`. The
        lock is held when wait() raises, too. RuntimeError if the lock is not held on entry.
        """
        if not self.locked():
            raise RuntimeError("cannot wait on un-acquired lock")
        line, waiter = self._join_line()  # may refuse, and then the lock must still be held
        self.release()
        try:
            try:
                await waiter
            finally:
                line.remove(waiter)
                await self._take_lock_again()
        except BaseException:
            # A notification may have come before the cancellation, and would be lost with us. One
            # wake-up too many is harmless, one too few leaves somebody asleep for ever (gh-112202).
            self._wake(1)
            raise
        return True

    async def _take_lock_again(self) -> None:
        """Acquire, however often we are cancelled meanwhile; then raise the last CancelledError.

        The tempting way, to let the first one out, would make `async with condition` release a
        lock that is not held (bpo-22970). And a new CancelledError would lose the message of the
        one that came (gh-111693).
        """
        cancelled = []
        while True:
            try:
                await self.acquire()
                break
            except CancelledError as exc:
                cancelled = [exc]
        if cancelled:
            raise cancelled.pop()  # its traceback holds this frame, which must not hold it

    async def wait_for(self, predicate: Callable[[], T]) -> T:
        """Wait until `predicate()` is true, and return what it returned.

        It is called with the lock held, at once and after every wake-up.
        """
        while not (result := predicate()):
            await self.wait()
        return result

    def notify(self, n: int = 1) -> None:
        """Wake the `n` who have waited longest; RuntimeError if the lock is not held.

        They return from wait() one by one, as they get the lock, which notify() does not release.
        """
        if not self.locked():
            raise RuntimeError("cannot notify on un-acquired lock")
        self._wake(n)

    def notify_all(self) -> None:
        """Wake all who wait; RuntimeError if the lock is not held."""
        self.notify(len(self._waiters or ()))


class Semaphore(_LockMixin):
    """A number of permits: acquire() takes one or waits for it, release() gives one back.

    `value` is their number to begin with; ValueError if it is negative. First asked, first served.
    """

    # Invariant: a permit is promised as soon as its waiter is woken; _value no longer counts it.
    def __init__(self, value: int = 1) -> None:
        if value < 0:
            raise ValueError("Semaphore initial value must be >= 0")
        self._waiters = None
        self._value = value  # permits that are neither taken nor promised

    def _state_text(self) -> str:
        return "locked" if self.locked() else f"unlocked, value:{self._value}"

    def locked(self) -> bool:
        """Return True if acquire() would have to wait."""
        return self._value == 0 or (bool(self._waiters) and self._newcomer_must_wait())

    async def acquire(self) -> Literal[True]:
        """Wait for a permit, take it, and return True."""
        if not self.locked():
            self._value -= 1
            return True
        line, waiter = self._join_line()
        try:
            await waiter
        except CancelledError:
            if waiter.done() and not waiter.cancelled():
                self._value += 1  # the permit promised to us
            raise
        finally:
            line.remove(waiter)
            # While we were awake but not out of the line yet, others joined it although there may
            # have been permits for them, and no release() will wake those (gh-90155).
            self._value = self._wake(self._value)
        return True

    def release(self) -> None:
        """Give a permit back; the first who waits for one gets it."""
        self._value += self._wake(1)


class BoundedSemaphore(Semaphore):
    """A Semaphore that finds out if it is released more often than it was acquired."""

    def __init__(self, value: int = 1) -> None:
        super().__init__(value)
        self._bound_value = value

    def release(self) -> None:
        """Give a permit back; ValueError if there are as many as in the beginning."""
        if self._value >= self._bound_value:
            raise ValueError("BoundedSemaphore released too many times")
        super().release()


# The states of a Barrier. FILLING → DRAINING when the last party arrives, and back when the last
# has left. From any state, abort() leads to BROKEN, and reset() to FILLING: at once if nobody is
# inside, else by RESETTING, while those who were inside leave.
FILLING, DRAINING, RESETTING, BROKEN = "filling", "draining", "resetting", "broken"


class Barrier:
    """A place where tasks wait for one another; when `parties` of them have come, all go on.

    It can be used again at once: who comes while the last round is still leaving waits outside.
    `async with barrier as position:` waits on entry only. ValueError if `parties` is less than 1.
    """

    def __init__(self, parties: int) -> None:
        if parties < 1:
            raise ValueError("parties must be > 0")
        self._parties = parties
        self._cond = Condition()  # all who wait, inside or outside, hear of a new state by it
        self._state = FILLING  # written by _enter only
        self._count = 0  # tasks inside: arrived, and not yet on their way

    def __repr__(self) -> str:
        waiting = "" if self.broken else f", waiters:{self.n_waiting}/{self.parties}"
        return f"<{super().__repr__()[1:-1]} [{self._state}{waiting}]>"

    async def __aenter__(self) -> int:
        return await self.wait()

    async def __aexit__(self, *args: object) -> None:
        """Leaving the block is not waited for."""

    async def wait(self) -> int:
        """Wait until all parties have come; return 0 for the first who came, 1 for the second…

        Raises BrokenBarrierError if the barrier is broken, or is reset or aborted meanwhile.
        """
        leaving = (DRAINING, RESETTING)
        async with self._cond:
            await self._cond.wait_for(lambda: self._state not in leaving)
            if self.broken:
                raise BrokenBarrierError("Barrier aborted")
            position = self._count
            self._count += 1
            try:
                if self._count == self._parties:
                    self._enter(DRAINING)
                await self._cond.wait_for(lambda: self._state is not FILLING)
                if self._state is not DRAINING:
                    raise BrokenBarrierError("Abort or reset of barrier")
                return position
            finally:
                self._count -= 1
                if self._count == 0 and self._state in leaving:
                    self._enter(FILLING)

    def _enter(self, state: str) -> None:
        """Pass into `state` and let everyone see."""
        self._state = state
        self._cond.notify_all()

    async def reset(self) -> None:
        """Make the barrier new. Whoever is inside gets BrokenBarrierError."""
        async with self._cond:
            self._enter(RESETTING if self._count else FILLING)

    async def abort(self) -> None:
        """Break the barrier: who is inside, or comes before reset(), gets BrokenBarrierError."""
        async with self._cond:
            self._enter(BROKEN)

    @property
    def parties(self) -> int:
        """How many tasks have to come."""
        return self._parties

    @property
    def n_waiting(self) -> int:
        """How many tasks wait for the others now."""
        return self._count if self._state is FILLING else 0

    @property
    def broken(self) -> bool:
        """True if the barrier was aborted and not reset since."""
        return self._state is BROKEN
