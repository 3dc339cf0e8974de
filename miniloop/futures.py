"""Future: a result that is not there yet, and those who wait for it.

Purpose: the one object that `await` finally comes down to. A Future is pending until somebody sets
its result or exception or cancels it; then all that waits for it moves to the loop's ready queue.
Rules: what waits is kept as finished entries of the ready queue (a Handle for a done-callback, the
Task itself for a task that awaits), in the order it came; so completing a future is one `extend`
and no call.
This file does not know coroutines, nor when the ready queue is run. Read events.py first.
"""

from __future__ import annotations

import reprlib
import traceback
from collections.abc import Callable, Generator
from contextvars import Context
from typing import Any, Final, Generic, TypeGuard, TypeVar

from . import events
from .events import Handle, Loop
from .exceptions import CancelledError, InvalidStateError
from .format_helpers import _future_repr_info, extract_stack

__all__ = ("Future", "isfuture")

T = TypeVar("T")

# The states. The only transitions, made by Future._finish: PENDING → FINISHED, PENDING → CANCELLED.
PENDING: Final = "PENDING"
FINISHED: Final = "FINISHED"
CANCELLED: Final = "CANCELLED"


def isfuture(obj: object) -> TypeGuard[Future[Any]]:
    """Return True if `obj` is a Future, or of a class that says it behaves as one.

    A class says so by an attribute `_asyncio_future_blocking` that is not None on its instances;
    that is asyncio's protocol, and other libraries' futures follow it.
    """
    says_so = hasattr(type(obj), "_asyncio_future_blocking")
    return says_so and obj._asyncio_future_blocking is not None  # type: ignore[attr-defined]


class Future(Generic[T]):
    """A result of type T that will be set later, by `set_result`, `set_exception` or `cancel`.

    Not thread-safe: only the loop's own thread may touch it. From another thread go through
    `loop.call_soon_threadsafe(future.set_result, value)`.
    """

    # Each of these belongs to a way to end, is set on ending so, and not read before:
    # _result: what set_result() was given
    # _exception_tb: the traceback of what set_exception() was given, as it was then
    # _unretrieved: reports that exception if nobody asks for it
    # _cancel_message: what cancel() was given
    # _cancelled_exc: what ended a cancelled Task; it is raised once, as it is
    # The other fields are born in _begin.
    __slots__ = (
        "_state", "_loop", "_callbacks", "_result", "_exception", "_exception_tb", "_unretrieved",
        "_cancel_message", "_cancelled_exc", "_asyncio_future_blocking", "__weakref__", "__dict__",
    )  # fmt: skip

    #: Where the future was made; only debug mode puts a stack here, in the instance's __dict__.
    _source_traceback: traceback.StackSummary | None = None

    def __init__(self, *, loop: Loop | None = None) -> None:
        self._begin(events.get_event_loop() if loop is None else loop)

    def _begin(self, loop: Loop) -> None:
        """What __init__ does; create_future() comes straight here: a call by keyword costs more."""
        self._loop = loop
        self._state = PENDING
        # Who waits, in order: Handles and Tasks. None if nobody does, and in every state but
        # PENDING.
        self._callbacks: list[Any] | None = None
        self._exception: BaseException | None = None
        # True from the `yield self` of __await__ until the Task has seen it: not just any yield.
        self._asyncio_future_blocking = False
        if loop._debug:
            self._source_traceback = extract_stack()

    # -- the three ways to end ---------------------------------------------------------------------

    def set_result(self, result: T) -> None:
        """End with `result`; raise InvalidStateError if the future has ended already."""
        if self._state is not PENDING:
            raise InvalidStateError("invalid state")
        self._result = result
        self._finish(FINISHED)

    def set_exception(self, exception: BaseException | type[BaseException]) -> None:
        """End with `exception`; raise InvalidStateError if the future has ended already.

        If the future goes away and nobody has asked for the exception, the loop's exception handler
        is told. StopIteration cannot pass through `await`: it is wrapped in RuntimeError
        (bpo-26221).
        """
        if self._state is not PENDING:
            raise InvalidStateError("invalid state")
        self._exception = _checked(exception)
        self._exception_tb = self._exception.__traceback__
        self._finish(FINISHED)
        self._unretrieved = _Unretrieved(self._twin())

    def cancel(self, msg: Any | None = None) -> bool:
        """End as cancelled; return False, and change nothing, if the future has ended already.

        Awaiting it then raises CancelledError, with `msg` as its argument if there is one.
        """
        self._mark_retrieved()
        if self._state is not PENDING:
            return False
        self._cancel_message = msg
        self._cancelled_exc: CancelledError | None = None
        self._finish(CANCELLED)
        return True

    def _finish(self, state: str) -> None:
        """Leave PENDING for good; whoever waits gets its turn in the order of arrival."""
        self._state = state
        waiting = self._callbacks
        if waiting is not None:
            self._callbacks = None
            self._loop._enqueue(waiting)

    # -- looking at it -----------------------------------------------------------------------------

    def result(self) -> T:
        """Return the result, or raise the exception that the future ended with.

        Raises CancelledError if it was cancelled, InvalidStateError if it is still pending.
        """
        if self._state is FINISHED and self._exception is None:
            return self._result
        if self._state is PENDING:
            raise InvalidStateError("Result is not set.")
        raise self._failure()

    def exception(self) -> BaseException | None:
        """Return the exception that the future ended with, None if it has a result.

        Raises CancelledError if it was cancelled, InvalidStateError if it is still pending.
        """
        if self._state is FINISHED:
            if self._exception is not None:
                self._unretrieved.disarm()
            return self._exception
        if self._state is PENDING:
            raise InvalidStateError("Exception is not set.")
        raise self._make_cancelled_error()

    def _failure(self) -> BaseException:
        """What result() raises; only for a future that was cancelled or has an exception.

        The traceback is put back to what it was when the exception was set; else it would grow by
        the frames of everyone who has awaited the future before (bpo-45924).
        """
        if self._exception is None:
            return self._make_cancelled_error()
        self._mark_retrieved()
        return self._exception.with_traceback(self._exception_tb)

    def _make_cancelled_error(self) -> CancelledError:
        error, self._cancelled_exc = self._cancelled_exc, None
        return error or _cancelled_error(self._cancel_message)

    def _mark_retrieved(self) -> None:
        if self._exception is not None:
            self._unretrieved.disarm()

    def done(self) -> bool:
        """Return True if the future has a result or an exception, or was cancelled."""
        return self._state is not PENDING

    def cancelled(self) -> bool:
        """Return True if the future was cancelled."""
        return self._state is CANCELLED

    def get_loop(self) -> Loop:
        """Return the event loop that the future belongs to."""
        return self._loop

    # -- waiting for it ----------------------------------------------------------------------------

    def __await__(self) -> Generator[Any, None, T]:
        if self._state is PENDING:
            self._asyncio_future_blocking = True
            # Here every await of the whole program stops: the future travels down through the
            # waiting coroutines to Task._run, which comes back when the future has ended.
            yield self  # THE ONLY yield of a future
            if self._state is PENDING:
                raise RuntimeError("await wasn't used with future")
        return self.result()

    __iter__ = __await__  # for `yield from` in generators made coroutines by types.coroutine

    def add_done_callback(
        self, fn: Callable[[Future[T]], object], *, context: Context | None = None
    ) -> None:
        """Call `fn(self)` by the loop once the future has ended; soon, if it has ended already.

        `context` is the contextvars.Context to call it in; by default a copy of the present one.
        """
        if self._state is not PENDING:
            self._loop.call_soon(fn, self, context=context)
            return
        handle = Handle(fn, (self,), self._loop, context)
        if self._callbacks is None:
            self._callbacks = [handle]
        else:
            self._callbacks.append(handle)

    def remove_done_callback(self, fn: Callable[[Future[T]], object]) -> int:
        """Take `fn` back as often as it was added; return how often that was."""
        waiting = self._callbacks or []
        kept = [
            entry for entry in waiting if not isinstance(entry, Handle) or entry._callback != fn
        ]
        self._callbacks = kept or None
        return len(waiting) - len(kept)

    # -- exceptions that nobody asks for, and repr -----------------------------------------------

    def _twin(self) -> Future[T]:
        """A second future that ended alike, for the report about this one when it is gone."""
        twin = self.__class__.__new__(self.__class__)
        twin._loop, twin._state, twin._callbacks = self._loop, self._state, None
        twin._exception, twin._exception_tb = self._exception, self._exception_tb
        twin._unretrieved = _Unretrieved(None)
        twin._asyncio_future_blocking = False
        twin.__dict__ = self.__dict__
        return twin

    _repr_info = _future_repr_info

    @reprlib.recursive_repr()
    def __repr__(self) -> str:
        return f"<{type(self).__name__} {' '.join(self._repr_info())}>"


class _Unretrieved:
    """Reports an exception that nobody has asked for, when the future that held it has gone.

    Only the future refers to it, so it dies with the future, and its __del__ makes the report. The
    tempting way, a __del__ on Future itself, costs every future some 60 ns, exception or not. The
    report names a twin, because by now the future itself is half taken apart.
    """

    __slots__ = ("_twin",)

    def __init__(self, twin: Future[Any] | None) -> None:
        self._twin = twin

    def disarm(self) -> None:
        self._twin = None

    def __del__(self) -> None:
        future = self._twin
        if future is None:
            return
        message = f"{type(future).__name__} exception was never retrieved"
        context: dict[str, Any] = {"message": message, "exception": future._exception}
        context["future"] = future
        if future._source_traceback:
            context["source_traceback"] = future._source_traceback
        future._loop.call_exception_handler(context)


def _checked(exception: BaseException | type[BaseException]) -> BaseException:
    """The argument of set_exception as an exception that can be raised out of an `await`."""
    if isinstance(exception, type):
        exception = exception()
    if not isinstance(exception, BaseException):
        raise TypeError(f"an exception was expected, got {exception!r}")
    if not isinstance(exception, StopIteration):
        return exception
    message = "StopIteration interacts badly with generators and cannot be raised into a Future"
    replacement = RuntimeError(message)
    replacement.__cause__ = replacement.__context__ = exception
    return replacement


def _cancelled_error(message: Any | None) -> CancelledError:
    return CancelledError() if message is None else CancelledError(message)


def _set_result_unless_cancelled(future: Future[T], result: T) -> None:
    """What a timer or a thread calls: the waiter may have been cancelled in the meantime."""
    if future._state is not CANCELLED:
        future.set_result(result)
