"""Lock, Event, Condition, Semaphore, Barrier: how the tasks of one loop wait for each other.

Purpose: the classes that `threading` has under these names, for tasks instead of threads. The event
loop switches tasks only at an `await`. So code between two awaits needs no protection, and to take
a free lock means to set a flag.

Invariants:

- A waiter is an object that waits, as in futures.py: here a task. It adds a future to a deque and
  awaits it, so the deque has one future for each waiter, the oldest first. As in asyncio, the code
  calls this future `waiter`, because it stands for the task. It is in one of three states:

      pending        the task is asleep
      has a result   the task was woken, but has not run yet
      cancelled      the task was cancelled, but has not run yet

- Only the task itself removes its future, when it runs. A woken waiter whose future is still in the
  deque keeps its place: newcomers wait behind it.
- A woken task can be cancelled before it runs. It then passes on whatever it was woken for.

This file does not depend on tasks, only on the futures that they await. Nothing here is
thread-safe. Read futures.py first.
"""

from __future__ import annotations

from collections import deque

from .events import Loop, get_running_loop
from .exceptions import BrokenBarrierError, CancelledError
from .futures import Future
from .hints import Any, Callable, Literal, T

__all__ = ("Lock", "Event", "Condition", "Semaphore", "BoundedSemaphore", "Barrier")


class _LoopBoundMixin:
    """Binds an object to the first loop in which a task has to wait for it.

    Not to the loop that is current when the object is created: programs create locks at import
    time, when there is no loop (bpo-42392). Until a task has to wait, any loop may use the object.
    """

    _loop: Loop = None  # None until a task has to wait; written once, by _get_loop

    def _get_loop(self) -> Loop:
        """Return the running loop; bind the object to it if it is not bound yet.

        Raises RuntimeError if no loop is running or if the object is bound to another loop.
        """
        loop = get_running_loop()
        if self._loop is None:
            # setdefault() is atomic: with an assignment, the loops of two threads could both read
            # None here. Why not a lock, as in asyncio? A Ctrl-C between taking it and entering the
            # block would leave it taken, for all loops of the process.
            vars(self).setdefault("_loop", loop)
        if self._loop is not loop:
            raise RuntimeError(f"{self!r} is bound to a different event loop")
        return loop

    def _add_waiter(self, waiters: deque[Future[T]]) -> Future[T]:
        """Append a new future to `waiters` and return it. Raises RuntimeError as _get_loop does."""
        waiter: Future[T] = self._get_loop().create_future()
        waiters.append(waiter)
        return waiter


class _WaitersMixin(_LoopBoundMixin):
    """Wakes the waiters, and shows their number in the repr."""

    _waiters: deque[Future[bool]]  # oldest first; see the top of this file

    def _wake(self, count: int) -> int:
        """Wake the `count` oldest waiters that are asleep; return how many were woken."""
        woken = 0
        for waiter in self._waiters:
            if woken >= count:
                break
            if not waiter.done():
                waiter.set_result(True)
                woken += 1
        return woken

    def _newcomer_must_wait(self) -> bool:
        """Return True if a waiter is ahead of a newcomer. A cancelled waiter gives up its place."""
        return bool(self._waiters) and any(not waiter.cancelled() for waiter in self._waiters)

    # `self` is Any below because these methods use methods of the derived classes.

    def _state_text(self: Any) -> str:
        return "locked" if self.locked() else "unlocked"

    def __repr__(self: Any) -> str:
        waiting = f", waiters:{len(self._waiters)}" if self._waiters else ""
        return f"<{super().__repr__()[1:-1]} [{self._state_text()}{waiting}]>"


class _ContextManagerMixin:
    """Adds `async with`: it acquires on entry and releases on exit, also after an exception."""

    async def __aenter__(self: Any) -> None:
        await self.acquire()

    async def __aexit__(self: Any, exc_type: object, exc: object, tb: object) -> None:
        self.release()


class Lock(_ContextManagerMixin, _WaitersMixin):
    """A mutual exclusion lock. Tasks get it in the order in which they asked for it.

    A Lock does not know its holder: any task may release it. Use it as `async with lock:`.
    """

    def __init__(self) -> None:
        self._waiters = deque()
        self._locked = False  # written by acquire and release only

    def locked(self) -> bool:
        """Return True if the lock is held."""
        return self._locked

    async def acquire(self) -> Literal[True]:
        """Wait until the lock is free, take it, and return True.

        If the lock is free and no other task waits, return without running other tasks.
        """
        # The method also checks `self._waiters`. Checking it here saves the call: without this, a
        # lock that no other task wants takes 10 to 14 % longer.
        if not self._locked and not (self._waiters and self._newcomer_must_wait()):
            self._locked = True
            return True
        waiter = self._add_waiter(self._waiters)
        try:
            await waiter
            self._locked = True
        finally:
            self._waiters.remove(waiter)
            # If the lock is free here, this task was cancelled. Perhaps release() had woken it and
            # no other task, and the others would sleep forever (bpo-27585):
            #     lock.release()
            #     waiting_task.cancel()  # before it has run
            if not self._locked:
                self._wake_first()
        return True

    def release(self) -> None:
        """Free the lock and wake the first waiter. Raises RuntimeError if the lock is free.

        The lock stays free until the woken task runs, but a newcomer cannot take it before then.
        """
        if not self._locked:
            raise RuntimeError("Lock is not acquired.")
        self._locked = False
        self._wake_first()

    def _wake_first(self) -> None:
        # Not `self._wake(1)`, which skips waiters that are done and would wake the second one for
        # nothing. A first waiter that is done needs no help: if it was woken, its task takes the
        # lock; if it was cancelled, its task calls _wake_first again when it runs.
        if self._waiters and not self._waiters[0].done():
            self._waiters[0].set_result(True)


class Event(_WaitersMixin):
    """A flag that tasks can wait for. Setting it wakes all waiters."""

    def __init__(self) -> None:
        self._waiters = deque()
        self._value = False  # the flag; written by set and clear only

    def _state_text(self) -> str:
        return "set" if self._value else "unset"

    def is_set(self) -> bool:
        """Return True if the flag is set."""
        return self._value

    def set(self) -> None:
        """Set the flag and wake all waiters."""
        self._value = True
        self._wake(len(self._waiters))

    def clear(self) -> None:
        """Clear the flag. Tasks that set() has already woken return from wait() anyway."""
        self._value = False

    async def wait(self) -> Literal[True]:
        """Wait until the flag is set, and return True. Return at once if it is set."""
        # Not `while not self._value`: with set() directly followed by clear(), the woken tasks
        # would find the flag cleared and go back to sleep.
        if not self._value:
            waiter = self._add_waiter(self._waiters)
            try:
                await waiter
            finally:
                self._waiters.remove(waiter)
        return True


class Condition(_ContextManagerMixin, _WaitersMixin):
    """A lock, and waiters for a change of the state that the lock protects.

    `lock` is the Lock to use, so that several conditions can share one. By default it is a new one.
    """

    def __init__(self, lock: Lock | None = None) -> None:
        self._waiters = deque()  # tasks in wait(); tasks in acquire() wait in the lock's own deque
        self._lock = Lock() if lock is None else lock
        # To hold the condition means to hold its lock.
        self.locked = self._lock.locked
        self.acquire = self._lock.acquire
        self.release = self._lock.release

    async def wait(self) -> Literal[True]:
        """Release the lock, wait for a notification, take the lock again, and return True.

        It can return without a notification: check the state again, or use `wait_for`. The lock is
        also held when wait() raises. Raises RuntimeError if the lock is not held on entry.
        """
        if not self.locked():
            raise RuntimeError("cannot wait on un-acquired lock")
        # Before release(): if this raises RuntimeError, the lock must still be held.
        waiter = self._add_waiter(self._waiters)
        self.release()
        try:
            try:
                await waiter
            finally:
                self._waiters.remove(waiter)
                await self._take_lock_again()
        except BaseException:
            # This task may have been notified and cancelled before it ran, or cancelled while it
            # took the lock. The notification must not be lost (gh-112202):
            #     condition.notify()  # wakes this task and no other
            #     waiting_task.cancel()
            # If there was none, the next waiter wakes for nothing. That is allowed, see above.
            self._wake(1)
            raise
        return True

    async def _take_lock_again(self) -> None:
        """Acquire the lock, even if cancelled meanwhile; then raise the last CancelledError.

        A plain `await self.acquire()` could raise without the lock, and `async with condition`
        would then release a lock that is not held (bpo-22970). The CancelledError is raised itself,
        not a new one, to keep its message (gh-111693).
        """
        cancelled = None
        while True:
            try:
                await self.acquire()
                break
            except CancelledError as exc:
                cancelled = exc
        if cancelled is not None:
            try:
                raise cancelled
            finally:
                cancelled = None  # its traceback holds this frame: without this, a reference cycle

    async def wait_for(self, predicate: Callable[[], T]) -> T:
        """Wait until `predicate()` is true, and return its value.

        `predicate` is called with the lock held, first at once and then after every wake-up.
        """
        while not (result := predicate()):
            await self.wait()
        return result

    def notify(self, n: int = 1) -> None:
        """Wake the `n` oldest waiters. Raises RuntimeError if the lock is not held.

        This does not release the lock. Each woken task returns from wait() when it gets the lock.
        """
        if not self.locked():
            raise RuntimeError("cannot notify on un-acquired lock")
        self._wake(n)

    def notify_all(self) -> None:
        """Wake all waiters. Raises RuntimeError if the lock is not held."""
        self.notify(len(self._waiters))


class Semaphore(_ContextManagerMixin, _WaitersMixin):
    """A number of permits: acquire() takes one or waits for one, release() gives one back.

    `value` is the initial number of permits. Raises ValueError if it is negative. Tasks get permits
    in the order in which they asked for them.
    """

    # Invariant: a woken waiter owns a permit, although it has not run yet. _value no longer counts
    # this permit. If _value counted it until the task runs, a newcomer could take it first.
    def __init__(self, value: int = 1) -> None:
        if value < 0:
            raise ValueError("Semaphore initial value must be >= 0")
        self._waiters = deque()
        self._value = value  # permits that neither a task nor a woken waiter owns

    def _state_text(self) -> str:
        return "locked" if self.locked() else f"unlocked, value:{self._value}"

    def locked(self) -> bool:
        """Return True if acquire() would have to wait."""
        return self._value == 0 or self._newcomer_must_wait()

    async def acquire(self) -> Literal[True]:
        """Wait for a permit, take it, and return True.

        If there is a permit and no other task waits, return without running other tasks.
        """
        if not self.locked():
            self._value -= 1
            return True
        waiter = self._add_waiter(self._waiters)
        try:
            await waiter
        except CancelledError:
            # Woken first and cancelled then, before this task ran: give the permit back.
            #     semaphore.release()
            #     waiting_task.cancel()
            if waiter.done() and not waiter.cancelled():
                self._value += 1
            raise
        finally:
            self._waiters.remove(waiter)
            # Others may sleep although there are permits, because this waiter was ahead of them and
            # they had to keep the order (gh-90155). No release() would wake them:
            #     semaphore.release()  # wakes this task
            #     semaphore.release()  # wakes no task: no other one waits yet
            #     await semaphore.acquire()  # in another task, before this task has run
            self._value -= self._wake(self._value)
        return True

    def release(self) -> None:
        """Give a permit back. The oldest waiter that is asleep gets it."""
        self._value += 1 - self._wake(1)


class BoundedSemaphore(Semaphore):
    """A Semaphore that raises ValueError if it is released more often than acquired."""

    def __init__(self, value: int = 1) -> None:
        super().__init__(value)
        self._bound_value = value

    def release(self) -> None:
        """Give a permit back. Raises ValueError if there are already `value` permits."""
        if self._value >= self._bound_value:
            raise ValueError("BoundedSemaphore released too many times")
        super().release()


# The states of a Barrier, and the events that change them:
#
#             last party   last task   reset():            abort()
#             arrives      leaves      inside / none
# FILLING     DRAINING                 RESETTING  FILLING  BROKEN
# DRAINING                 FILLING     RESETTING  FILLING  BROKEN
# RESETTING                FILLING     RESETTING  FILLING  BROKEN
# BROKEN                               RESETTING  FILLING  BROKEN
#
# "Inside / none": whether tasks are inside. A task is inside from its arrival until it leaves.
# In DRAINING the tasks inside return; in RESETTING and BROKEN they raise BrokenBarrierError.
# A newcomer waits outside in DRAINING and RESETTING, and raises BrokenBarrierError in BROKEN.
FILLING, DRAINING, RESETTING, BROKEN = "filling", "draining", "resetting", "broken"


class Barrier:
    """A place where tasks wait until `parties` of them have arrived. Then all of them go on.

    It can be used again at once: newcomers wait outside until the last round has left.
    `async with barrier as position:` waits on entry only. Raises ValueError if `parties` is less
    than 1.
    """

    def __init__(self, parties: int) -> None:
        if parties < 1:
            raise ValueError("parties must be >= 1")
        self._parties = parties
        self._cond = Condition()  # notifies the tasks inside and outside of every new state
        self._state = FILLING  # written by _enter only
        self._count = 0  # how many tasks are inside

    def __repr__(self) -> str:
        waiting = "" if self.broken else f", waiters:{self.n_waiting}/{self.parties}"
        return f"<{super().__repr__()[1:-1]} [{self._state}{waiting}]>"

    async def __aenter__(self) -> int:
        return await self.wait()

    async def __aexit__(self, *args: object) -> None:
        """Do nothing: tasks do not wait for each other at the end of the block."""

    async def wait(self) -> int:
        """Wait until all parties have arrived; return 0 for the first that arrived, 1 for the next…

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
                # Also for a task that is cancelled inside: the others then wait for one more.
                self._count -= 1
                if self._count == 0 and self._state in leaving:
                    self._enter(FILLING)

    def _enter(self, state: str) -> None:
        """Change the state and notify all tasks."""
        self._state = state
        self._cond.notify_all()

    async def reset(self) -> None:
        """Return the barrier to its initial state. Tasks inside raise BrokenBarrierError."""
        async with self._cond:
            self._enter(RESETTING if self._count else FILLING)

    async def abort(self) -> None:
        """Break the barrier: until reset(), all tasks in wait() raise BrokenBarrierError."""
        async with self._cond:
            self._enter(BROKEN)

    @property
    def parties(self) -> int:
        """The number of tasks that have to arrive."""
        return self._parties

    @property
    def n_waiting(self) -> int:
        """The number of tasks that wait for the others; 0 if the barrier is not filling."""
        return self._count if self._state is FILLING else 0

    @property
    def broken(self) -> bool:
        """True if the barrier was aborted and not reset since then."""
        return self._state is BROKEN
