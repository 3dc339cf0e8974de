"""timeout, timeout_at, wait_for: a deadline for a block of code or for one awaitable.

Purpose: cancel the current task when the deadline passes, and turn this cancellation, and no other,
into TimeoutError.

Invariants:

- A Timeout cancels the task that entered it, and no other task. On exit it takes its request to
  cancel back with `uncancel`.
- If more requests to cancel are left than there were on entry, other code has cancelled the task
  too. CancelledError then propagates.
- A Timeout does not interrupt clean-up. The block ends when its code ends, however late that is.

The states of a Timeout. Each column is an event, each cell the state that follows:

                __aenter__   the timer fires   __aexit__
    CREATED     ACTIVE
    ACTIVE                   EXPIRING          FINISHED
    EXPIRING                                   EXPIRED

Does not depend on how a cancellation reaches the coroutine.
Read first: tasks.py.
"""

from __future__ import annotations

from .combinators import wait
from .events import Handle, Loop, get_running_loop
from .exceptions import CancelledError
from .hints import Any, Awaitable, Self, T
from .tasks import current_task, ensure_future

__all__ = ("Timeout", "timeout", "timeout_at", "wait_for")


CREATED, ACTIVE, FINISHED = "created", "active", "finished"
EXPIRING, EXPIRED = "expiring", "expired"


class Timeout:
    """The asynchronous context manager that `timeout()` and `timeout_at()` return."""

    def __init__(self, when: float | None) -> None:
        """Set the deadline to `when`, in seconds on the loop's clock. None means no deadline."""
        self._when = _checked(when)
        self._state: str = CREATED
        self._timeout_handler: Handle | None = None  # will call _on_timeout; None: no timer is set
        self._task: Any = None  # the Task that entered the block; written by __aenter__
        self._cancelling = 0  # how many requests to cancel that task had on entry

    def when(self) -> float | None:
        """Return the deadline in seconds on the loop's clock, or None if there is none."""
        return self._when

    def expired(self) -> bool:
        """Return True if the deadline passed before the block ended."""
        return self._state in (EXPIRING, EXPIRED)

    def reschedule(self, when: float | None) -> None:
        """Change the deadline to `when`, in seconds on the loop's clock. None removes it.

        Raises RuntimeError outside of the block or after the deadline; ValueError if `when` is NaN.
        """
        if self._state is CREATED:
            raise RuntimeError("Timeout has not been entered")
        if self._state is not ACTIVE:
            raise RuntimeError(f"Cannot change state of {self._state} Timeout")
        self._when = _checked(when)
        self._cancel_timer()
        self._set_timer(get_running_loop())

    def _set_timer(self, loop: Loop) -> None:
        if self._when is not None:
            if self._when <= loop.time():  # no timer needed: the next iteration cancels the task
                self._timeout_handler = loop.call_soon(self._on_timeout)
            else:
                self._timeout_handler = loop.call_at(self._when, self._on_timeout)

    def _cancel_timer(self) -> None:
        if self._timeout_handler is not None:
            self._timeout_handler.cancel()
            self._timeout_handler = None

    def _on_timeout(self) -> None:
        self._task.cancel()
        self._state = EXPIRING
        self._timeout_handler = None

    async def __aenter__(self) -> Self:
        if self._state is not CREATED:
            raise RuntimeError("Timeout has already been entered")
        loop = get_running_loop()
        self._task = current_task(loop)
        if self._task is None:
            raise RuntimeError("Timeout should be used inside a task")
        self._state = ACTIVE
        self._cancelling = self._task.cancelling()
        self._set_timer(loop)
        return self

    async def __aexit__(self, exc_type: object, exc: BaseException | None, tb: object) -> None:
        self._cancel_timer()
        if self._state is not EXPIRING:
            self._state = FINISHED
            return
        self._state = EXPIRED
        # No TimeoutError in two cases. Either other code has cancelled the task too: TimeoutError
        # would swallow this. The block sees only one CancelledError, so compare the counts:
        #     async with timeout(1):
        #         await sleep(60)  # another task calls task.cancel() as the timer fires
        # Or the block has ignored the cancellation. Only expired() tells that the deadline passed:
        #     async with timeout(1):
        #         try: await sleep(60)
        #         except CancelledError: pass
        if self._task.uncancel() > self._cancelling or exc is None:
            return
        if isinstance(exc, CancelledError):
            raise TimeoutError from exc
        # The block has replaced the CancelledError with another exception, which propagates:
        #     async with timeout(1):
        #         try: await sleep(60)
        #         finally: 1 / 0
        for error in (exc, *(exc.exceptions if isinstance(exc, ExceptionGroup) else ())):
            _insert_timeout_error(error)

    def __repr__(self) -> str:
        active = f" when={self._when and round(self._when, 3)}" if self._state is ACTIVE else ""
        return f"<Timeout [{self._state}]{active}>"


def _checked(when: float | None) -> float | None:
    """Return `when`; raise ValueError if it is NaN, which would break the order of the timers."""
    if when != when:  # true for NaN only
        raise ValueError("Invalid deadline: NaN (not a number)")
    return when


def _insert_timeout_error(exc: BaseException) -> None:
    """Insert a TimeoutError before the CancelledError that `exc` was raised in response to."""
    while (earlier := exc.__context__) is not None:
        if isinstance(earlier, CancelledError):
            exc.__context__ = TimeoutError()
            exc.__context__.__context__ = exc.__context__.__cause__ = earlier
            return
        exc = earlier


def timeout(delay: float | None) -> Timeout:
    """`async with timeout(delay)`: raise TimeoutError if the block takes more than `delay` seconds.

    None means no deadline; `reschedule` can set one later. Raises ValueError if `delay` is NaN.
    """
    loop = get_running_loop()
    return Timeout(None if delay is None else loop.time() + delay)


def timeout_at(when: float | None) -> Timeout:
    """Like `timeout`, but `when` is a time on the loop's clock (`loop.time()`), in seconds."""
    return Timeout(when)


_timeout = timeout  # wait_for has a parameter with this name


async def wait_for(fut: Awaitable[T], timeout: float | None) -> T:
    """Await `fut` and return its result; after `timeout` seconds, cancel it and raise TimeoutError.

    None means no limit. After the cancellation it waits until `fut` has ended, however long that
    takes (bpo-32751). If `fut` ends with a result anyway, wait_for returns this result.
    If `timeout` is 0 or less, a coroutine does not even start, unless the task factory is eager.
    Raises ValueError if it is NaN.
    """
    if timeout is not None and timeout <= 0:
        future = ensure_future(fut)
        if future.done():
            return future.result()
        future.cancel()
        await wait({future})
        try:
            return future.result()
        except CancelledError as exc:
            raise TimeoutError from exc
    # Await `fut` in this task. With a separate task for it, its result and a cancellation of this
    # task could arrive in the same iteration, and one of the two was lost (gh-86296).
    async with _timeout(timeout):
        return await fut
