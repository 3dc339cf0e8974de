"""timeout, timeout_at, wait_for: a deadline for a piece of code.

Purpose: to cancel the current task when its time is up, and to turn that one cancellation, and no
other, into TimeoutError.
Rules: a deadline cancels the task it was entered in, and takes that request back with `uncancel` on
the way out. If more requests are outstanding than on entry, somebody else wants the task to stop as
well, and CancelledError goes on its way. A deadline does not cut: the code may clean up for as long
as it likes.
This file does not know how a cancellation is delivered. Read tasks.py first.
"""

from __future__ import annotations

from .combinators import wait
from .events import Handle, Loop, get_running_loop
from .exceptions import CancelledError
from .hints import Any, Awaitable, Self, T
from .tasks import current_task, ensure_future

__all__ = ("Timeout", "timeout", "timeout_at", "wait_for")


# The states: created → active → finished, or when the time is up, active → expiring → expired. On
# entry it becomes active, by the alarm expiring, and on the way out one of the other two.
CREATED, ENTERED, EXPIRING, EXPIRED, EXITED = "created", "active", "expiring", "expired", "finished"


class Timeout:
    """The asynchronous context manager that `timeout()` and `timeout_at()` return."""

    def __init__(self, when: float | None) -> None:
        """`when` is a time on the loop's clock, in seconds; None is no deadline."""
        self._when = when
        self._state: str = CREATED
        self._alarm: Handle | None = None  # calls _on_timeout; None: never set
        self._task: Any = None  # the Task it was entered in
        self._cancelling = 0  # that task's outstanding requests to cancel, on entry

    def when(self) -> float | None:
        """Return the deadline on the loop's clock, None if there is none."""
        return self._when

    def expired(self) -> bool:
        """Return True if the deadline has passed while the code ran."""
        return self._state in (EXPIRING, EXPIRED)

    def reschedule(self, when: float | None) -> None:
        """Move the deadline; None takes it away. RuntimeError outside the `async with`."""
        if self._state is CREATED:
            raise RuntimeError("Timeout has not been entered")
        if self._state is not ENTERED:
            raise RuntimeError(f"Cannot change state of {self._state} Timeout")
        if self._alarm is not None:
            self._alarm.cancel()
        self._set_alarm(get_running_loop(), when)

    def _set_alarm(self, loop: Loop, when: float | None) -> None:
        self._when = when
        if when is not None:
            ring = self._on_timeout
            self._alarm = loop.call_soon(ring) if when <= loop.time() else loop.call_at(when, ring)

    async def __aenter__(self) -> Self:
        if self._state is not CREATED:
            raise RuntimeError("Timeout has already been entered")
        loop = get_running_loop()
        self._task = current_task(loop)
        if self._task is None:
            raise RuntimeError("Timeout should be used inside a task")
        self._state = ENTERED
        self._cancelling = self._task.cancelling()
        self._set_alarm(loop, self._when)
        return self

    async def __aexit__(self, exc_type: object, exc: BaseException | None, tb: object) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
        if self._state is not EXPIRING:
            self._state = EXITED
            return
        self._state = EXPIRED
        if self._task.uncancel() > self._cancelling or exc is None:
            return  # cancelled by somebody else too, or the code finished in spite of it
        if isinstance(exc, CancelledError):
            raise TimeoutError from exc
        # The code has answered our CancelledError with an exception of its own:
        #     try: await something() finally: 1 / 0
        for failure in (exc, *(exc.exceptions if isinstance(exc, ExceptionGroup) else ())):
            _show_timeout_behind(failure)

    def _on_timeout(self) -> None:
        self._task.cancel()
        self._state = EXPIRING

    def __repr__(self) -> str:
        when = self._when and round(self._when, 3)
        entered = f" when={when}" if self._state is ENTERED else ""
        return f"<Timeout [{self._state}]{entered}>"


def _show_timeout_behind(exc: BaseException) -> None:
    """Where our CancelledError stands in the exception's history, put a TimeoutError before it."""
    while (earlier := exc.__context__) is not None:
        if isinstance(earlier, CancelledError):
            exc.__context__ = TimeoutError()
            exc.__context__.__context__ = exc.__context__.__cause__ = earlier
            return
        exc = earlier


def timeout(delay: float | None) -> Timeout:
    """`async with timeout(delay)`: TimeoutError if the code takes longer than `delay` seconds.

    None is no deadline; one can be set later, by `reschedule`.
    """
    loop = get_running_loop()
    return Timeout(None if delay is None else loop.time() + delay)


def timeout_at(when: float | None) -> Timeout:
    """Like `timeout`, with the time on the loop's clock (`loop.time()`) instead of a delay."""
    return Timeout(when)


async def wait_for(fut: Awaitable[T], timeout: float | None) -> T:
    """Await `fut` and return its result; cancel it and raise TimeoutError after `timeout` seconds.

    It waits until what it cancels has ended, however long that takes (bpo-32751), and returns the
    result if there is one all the same. With no time at all, a coroutine is not even begun.
    """
    if timeout is None or not timeout <= 0:  # NaN is no limit
        # Awaited in place, not in a task of its own: between the two a cancellation used to get
        # lost, when it came in the same turn as the result (gh-86296).
        async with _timeout(timeout):
            return await fut
    future = ensure_future(fut)
    if future.done():
        return future.result()
    future.cancel()
    await wait({future})
    try:
        return future.result()
    except CancelledError as exc:
        raise TimeoutError from exc


_timeout = timeout  # in wait_for the name belongs to the parameter
