"""Future: a result that is not there yet, and those who wait for it.

Purpose: the one object that `await` finally comes down to. A Future is pending until somebody sets
its result or exception or cancels it; then all that waits for it moves to the loop's ready queue.
Rules: what waits is kept as finished entries of the ready queue (a Handle for a done-callback, the
Task itself for one that awaits it), in the order it came; to complete a future is to move them.
This file does not know coroutines, nor when the ready queue is run. Read events.py first.
"""

from __future__ import annotations

import reprlib
from contextvars import Context

from . import events
from .events import Handle, Loop, _tell
from .exceptions import CancelledError, InvalidStateError
from .format_helpers import _future_repr_info, extract_stack
from .hints import Any, Callable, Final, Generator, Generic, Self, StackSummary, T, TypeGuard

__all__ = ("Future", "isfuture")

# The states. The only transitions lead from PENDING to each of the others: "the three ways to end".
PENDING: Final = "PENDING"
FINISHED: Final = "FINISHED"  # it has a result
FAILED: Final = "FAILED"  # it has an exception
CANCELLED: Final = "CANCELLED"

#: Makes an object whose `_begin` or `_start` is then called: arguments given by keyword through the
#: class would cost more than all the rest, and looking up `__new__` a third of it.
_allocate = object.__new__


def isfuture(obj: object) -> TypeGuard[Future[Any]]:
    """Return True if `obj` is a Future, or of a class that says it behaves as one.

    A class says so by an attribute `_asyncio_future_blocking` that is not None on its instances;
    that is asyncio's protocol, and other libraries' futures follow it.
    """
    says_so = hasattr(obj.__class__, "_asyncio_future_blocking")
    return says_so and obj._asyncio_future_blocking is not None  # type: ignore[attr-defined]


class Future(Generic[T]):
    """A result of type T that will be set later, by `set_result`, `set_exception` or `cancel`.

    Not thread-safe: only the loop's own thread may touch it. From another thread go through
    `loop.call_soon_threadsafe(future.set_result, value)`.
    """

    __slots__ = ("_state", "_outcome", "_loop", "_callbacks", "_asyncio_future_blocking",
                 "__weakref__", "__dict__")  # fmt: skip

    #: Where the future was made; only debug mode puts a stack here, in the instance's __dict__.
    _source_traceback: StackSummary | None = None

    def __new__(cls, *args: object, **kwargs: object) -> Self:
        """A future whose derived class has not called __init__ is pending, too (bpo-38785).

        Not by __getattr__: where a class has one, 3.11 looks up every attribute the long way, which
        makes a task switch a third slower.
        """
        future = _allocate(cls)
        future._state = PENDING
        return future

    def __init__(self, *, loop: Loop | None = None) -> None:
        self._begin(events.get_event_loop() if loop is None else loop)

    __new__.__wrapped__ = __init__  # type: ignore[attr-defined]  # for inspect.signature(Future)

    def _begin(self, loop: Loop) -> None:
        """What __init__ does; create_future() comes straight here: keywords cost extra."""
        self._loop = loop
        self._state = PENDING
        # FINISHED: the result. FAILED: a _Failure. CANCELLED: the message given to cancel(), or the
        # CancelledError that a Task ended with, until it is raised. PENDING: of a Task, the message
        # of a cancel() that is still to be raised.
        self._outcome: Any = None
        # Who waits, as entries: None if nobody does, and in all states but PENDING; for one,
        # as most futures have, the entry itself (a list would be two thirds as large as the
        # future); for several a list, in the order they came.
        self._callbacks: Any = None
        # True from the `yield self` of __await__ until the Task has seen it: not just any yield.
        self._asyncio_future_blocking = False
        if loop._debug:
            self._source_traceback = extract_stack()

    # -- the three ways to end --------------------------------------------------------------------
    # Each is a test and an assignment with no call between them, and so is _add_waiter. A signal
    # handler may run at any call; Ctrl-C then cancels futures, and must not be overwritten.

    def set_result(self, result: T) -> None:
        """End with `result`; raise InvalidStateError if the future has ended already."""
        if self._state is not PENDING:
            raise InvalidStateError("invalid state")
        self._state, self._outcome = FINISHED, result
        self._wake_waiters()

    def set_exception(self, exception: BaseException | type[BaseException]) -> None:
        """End with `exception`; raise InvalidStateError if the future has ended already.

        If the future goes away and nobody has asked for the exception, the loop's exception handler
        is told. StopIteration cannot pass through `await`: it comes in a RuntimeError (bpo-26221).
        """
        if self._state is PENDING:
            failure = _Failure(_checked(exception), type(self).__name__)
        if self._state is not PENDING:
            raise InvalidStateError("invalid state")
        self._state, self._outcome = FAILED, failure
        self._wake_waiters()
        failure.twin = self._twin()

    def cancel(self, msg: Any | None = None) -> bool:
        """End as cancelled; return False, and change nothing, if the future has ended already.

        Awaiting it then raises CancelledError, with `msg` as its argument if there is one.
        """
        if self._state is not PENDING:
            self._mark_retrieved()
            return False
        self._state, self._outcome = CANCELLED, msg
        self._wake_waiters()
        return True

    def _wake_waiters(self) -> None:
        """The future has ended: whoever waits gets its turn, in the order of arrival."""
        waiting = self._callbacks
        if waiting is not None:
            self._callbacks = None
            if type(waiting) is list:
                for entry in waiting:
                    self._loop._enqueue(entry)
            else:
                self._loop._enqueue(waiting)

    # -- looking at it ----------------------------------------------------------------------------

    def result(self) -> T:
        """Return the result, or raise the exception that the future ended with.

        Raises CancelledError if it was cancelled, InvalidStateError if it is still pending.
        """
        if self._state is FINISHED:
            return self._outcome  # type: ignore[no-any-return]
        if self._state is PENDING:
            raise InvalidStateError("Result is not set.")
        try:
            raise self._failure()
        finally:
            del self  # see __await__

    def exception(self) -> BaseException | None:
        """Return the exception that the future ended with, None if it has a result.

        Raises CancelledError if it was cancelled, InvalidStateError if it is still pending.
        """
        if self._state is FINISHED:
            return None
        if self._state is PENDING:
            raise InvalidStateError("Exception is not set.")
        if self._state is CANCELLED:
            raise self._make_cancelled_error()
        self._mark_retrieved()
        return self._outcome.error  # type: ignore[no-any-return]

    def _failure(self) -> BaseException:
        """What result() raises; only for a future that is FAILED or CANCELLED.

        The traceback is put back to what it was when the exception was set; else it would grow by
        the frames of everyone who has awaited the future before (bpo-45924).
        """
        if self._state is CANCELLED:
            return self._make_cancelled_error()
        self._mark_retrieved()
        failure: _Failure = self._outcome
        return failure.error.with_traceback(failure.traceback)

    def _make_cancelled_error(self) -> CancelledError:
        outcome = self._outcome
        if not isinstance(outcome, CancelledError):
            return CancelledError() if outcome is None else CancelledError(outcome)
        self._outcome = None  # raised once, as it is; after that by new ones
        return outcome

    @property
    def _cancel_message(self) -> Any:
        return None if isinstance(self._outcome, CancelledError) else self._outcome

    @_cancel_message.setter
    def _cancel_message(self, message: Any) -> None:
        self._outcome = message

    def _mark_retrieved(self) -> None:
        if self._state is FAILED:
            self._outcome.twin = None

    def done(self) -> bool:
        """Return True if the future has a result or an exception, or was cancelled."""
        return self._state is not PENDING

    def cancelled(self) -> bool:
        """Return True if the future was cancelled."""
        return self._state is CANCELLED

    def get_loop(self) -> Loop:
        """Return the event loop that the future belongs to."""
        try:
            return self._loop
        except AttributeError:
            raise RuntimeError("Future object is not initialized.") from None

    # -- waiting for it ---------------------------------------------------------------------------

    def __await__(self) -> Generator[Any, None, T]:
        try:
            if self._state is PENDING:
                self._asyncio_future_blocking = True
                # Here every await of the whole program stops: the future travels down through the
                # waiting coroutines to Task._run, which comes back when the future has ended.
                yield self  # THE ONLY yield of a future
                if self._state is PENDING:
                    raise RuntimeError("await wasn't used with future")
            return self._outcome if self._state is FINISHED else self.result()
        finally:
            # An exception holds its traceback, that this frame, and this frame the future, which
            # may hold the exception: without this line they wait for the garbage collector.
            del self

    __iter__ = __await__  # for `yield from` in generators made coroutines by types.coroutine

    def add_done_callback(self, fn: Callable[[Future[T]], object], *,
                          context: Context | None = None) -> None:  # fmt: skip
        """Call `fn(self)` by the loop once the future has ended; soon, if it has ended already.

        `context` is the contextvars.Context to call it in; by default a copy of the present one.
        """
        if self._state is PENDING:
            self._add_waiter(Handle(fn, (self,), self._loop, context))
        else:
            self._loop.call_soon(fn, self, context=context)  # with its checks in debug mode

    def _add_waiter(self, entry: Any) -> None:
        """Let `entry`, a Handle or a Task, go to the ready queue when the future ends, or has."""
        waiting = self._callbacks
        if self._state is not PENDING:
            self._loop._enqueue(entry)
        elif waiting is None:
            self._callbacks = entry
        elif type(waiting) is list:
            waiting.append(entry)
        else:
            self._callbacks = [waiting, entry]

    def _waiters(self) -> list[Any]:
        waiting = self._callbacks
        return waiting if type(waiting) is list else [] if waiting is None else [waiting]

    def remove_done_callback(self, fn: Callable[[Future[T]], object]) -> int:
        """Take `fn` back as often as it was added; return how often that was."""
        waiting = self._waiters()
        kept = [entry for entry in waiting if getattr(entry, "_callback", entry) != fn]
        self._callbacks = kept or None
        return len(waiting) - len(kept)

    # -- exceptions that nobody asks for, and repr -----------------------------------------------

    def _twin(self, plain: Any = None) -> Any:
        """A second future that ended alike, for the report about this one when it is gone.

        Of the same class, but of the plain one where a derived class has a __del__ of its own,
        which expects no twin; and without asking its __new__.
        """
        own, usual = (getattr(kind, "__del__", None) for kind in (type(self), plain or Future))
        twin = _allocate(type(self) if own is usual else plain or Future)
        twin._begin(self._loop)
        twin._state, twin._outcome = FAILED, _Failure(self._outcome.error, "")
        twin.__dict__ = self.__dict__
        return twin

    _repr_info = _future_repr_info

    @reprlib.recursive_repr()
    def __repr__(self) -> str:
        return f"<{type(self).__name__} {' '.join(self._repr_info())}>"


class _Failure:
    """An exception; reports it, if nobody has asked for it, when the future that held it has gone.

    Only the future refers to it, so it dies with the future, and its __del__ makes the report. The
    tempting way, a __del__ on Future itself, costs every future some 60 ns, exception or not. The
    report names a twin, because by now the future itself is half taken apart.
    """

    __slots__ = ("error", "traceback", "name", "twin")

    def __init__(self, error: BaseException, name: str) -> None:
        self.error = error
        self.traceback = error.__traceback__  # as it is now, when the exception is set
        self.name = name  # of the future's class
        self.twin: Future[Any] | None = None  # None also once somebody has asked for the exception

    def __del__(self) -> None:
        future = self.twin
        if future is None:
            return
        message = f"{self.name} exception was never retrieved"
        born = future._source_traceback
        _tell(future._loop, message, born, exception=self.error, future=future)


def _checked(exception: BaseException | type[BaseException]) -> BaseException:
    """The argument of set_exception as an exception that can be raised out of an `await`."""
    if isinstance(exception, type):
        exception = exception()
    if not isinstance(exception, BaseException):
        raise TypeError(f"invalid exception object: {exception!r}")
    if not isinstance(exception, StopIteration):
        return exception
    message = "StopIteration interacts badly with generators and cannot be raised into a Future"
    replacement = RuntimeError(message)
    replacement.__cause__ = replacement.__context__ = exception
    return replacement


def _set_result_unless_cancelled(future: Future[Any], result: Any = None) -> None:
    """What a timer or a thread calls: the waiter may have been cancelled in the meantime."""
    if future._state is not CANCELLED:
        future.set_result(result)
