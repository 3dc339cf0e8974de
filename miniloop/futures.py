"""Future: a result that is not there yet, and the waiters that need it.

Purpose: every `await` that has to wait ends in this object, except `sleep(0)`. A Future is pending
until it gets a result or an exception, or is cancelled. Then its waiters move to the loop's ready
queue.

The states and their transitions (there are no others, and a future never becomes pending again):

    PENDING → FINISHED     set_result(), set_exception()
    PENDING → CANCELLED    cancel()

Invariants: a waiter is an entry for the ready queue: a Task that awaits the future, the Handle of a
done-callback, or a _DoneNotice (combinators.py), which gather(), wait(), shield() and TaskGroup
use. Completing a future moves its waiters to the ready queue, in the order in which they were
added. Only a pending future has waiters.
This file does not depend on coroutines, nor on when the ready queue is run. Read events.py first.
"""

from __future__ import annotations

import reprlib
from contextvars import Context

from . import events
from .events import Handle, Loop, _report
from .exceptions import CancelledError, InvalidStateError
from .format_helpers import _future_repr_info, extract_stack
from .hints import Any, Callable, Final, Generator, Generic, Self, StackSummary, T, TypeGuard

__all__ = ("Future", "isfuture")

PENDING: Final = "PENDING"
FINISHED: Final = "FINISHED"  # it has a result, or an exception
CANCELLED: Final = "CANCELLED"

#: Makes a Future or a Task without calling its __new__ and __init__. create_future() and
#: create_task() then call `_begin`. `Future(loop=self)` would do the same with more calls, so
#: creating a future would be slower. To measure it:
#: `python -m comparisons fastpaths --only create_future`.
_allocate = object.__new__


def isfuture(obj: object) -> TypeGuard[Future[Any]]:
    """Return True if `obj` is a Future, or behaves as one.

    A class of another library marks its instances as futures with `_asyncio_future_blocking`, as
    asyncio's own classes do. The class must have this attribute, and its value in the instance must
    not be None. The class is checked because a Mock has every attribute.
    """
    has_mark = hasattr(obj.__class__, "_asyncio_future_blocking")
    return has_mark and obj._asyncio_future_blocking is not None  # type: ignore[attr-defined]


class Future(Generic[T]):
    """A result of type T that is not there yet.

    `set_result`, `set_exception` or `cancel` completes it. Not thread-safe: use it only on the
    loop's own thread. From another thread, call
    `loop.call_soon_threadsafe(future.set_result, value)`.
    """

    # `__dict__` is created by the first extra attribute: one of the program (`future.tag = 1`), or
    # `_source_traceback` in debug mode.
    __slots__ = ("_state", "_result", "_exception", "_exception_tb", "_cancel_message",
                 "_cancelled_exc", "_log_traceback", "_loop", "_first_waiter", "_other_waiters",
                 "_asyncio_future_blocking", "__weakref__", "__dict__")  # fmt: skip

    # These have a value only when they are needed; setting them for each future takes time.
    _result: T  # set together with FINISHED, if there is no exception
    _exception_tb: Any  # the traceback of the exception, as it was when the exception was set
    # The CancelledError that ended a Task, until a waiter raises it.
    _cancelled_exc: CancelledError | None

    #: The stack that created the future. Only debug mode sets it, in the instance's __dict__.
    _source_traceback: StackSummary | None = None

    def __new__(cls, *args: object, **kwargs: object) -> Self:
        """Make it pending even if a derived class forgets to call __init__ (bpo-38785).

        Why not a __getattr__ that supplies the default? CPython 3.11 looks up every attribute of
        such a class the slow way, and a task switch would take 33 % longer.
        """
        future = _allocate(cls)
        future._state, future._log_traceback = PENDING, False
        return future

    def __init__(self, *, loop: Loop | None = None) -> None:
        """`loop` is the event loop that calls the callbacks; by default `get_event_loop()`.

        Raises RuntimeError if it is called a second time, which would lose the waiters.
        """
        if hasattr(self, "_loop"):
            raise RuntimeError(f"{type(self).__name__} object is already initialized")
        self._begin(events.get_event_loop() if loop is None else loop)

    __new__.__wrapped__ = __init__  # type: ignore[attr-defined]  # for inspect.signature(Future)

    def _begin(self, loop: Loop) -> None:
        """Do what __init__ does. `loop.create_future()` calls this directly: see _allocate."""
        self._loop = loop
        self._state = PENDING
        self._exception: BaseException | None = None  # set together with FINISHED
        # The `msg` of cancel(). A Task also stores it here between cancel() and the step that
        # raises CancelledError.
        self._cancel_message: Any = None
        # The exception was set, and no code has retrieved it yet: __del__ then reports it.
        self._log_traceback = False
        # The waiters: `_waiters()` returns them as one list. Most futures have only one waiter, so
        # the first one has its own attribute. A list per future would make the garbage collector
        # run more often, and a gather would take 6 % longer.
        self._first_waiter: Any = None
        self._other_waiters: list[Any] | None = None
        # True from the `yield self` in __await__ until the Task has received the future. It lets
        # the Task distinguish `await future` from `yield future` in a generator, which is a
        # mistake.
        self._asyncio_future_blocking = False
        if loop._debug:
            self._source_traceback = extract_stack()

    # -- the three ways to complete it -------------------------------------------------------------
    # Each tests the state and changes it with no call in between. A signal handler can run at any
    # call. The SIGINT handler of run() cancels the main task, and so the future that it awaits.
    # That must not be overwritten.

    def set_result(self, result: T) -> None:
        """Complete the future with `result`.

        Raises InvalidStateError if the future is done already.
        """
        if self._state is not PENDING:
            raise InvalidStateError("invalid state")
        # The result is there before a waiter can look at it. The waiters run later, from the ready
        # queue, and not inside this call.
        self._state, self._result = FINISHED, result
        self._schedule_waiters()

    def set_exception(self, exception: BaseException | type[BaseException]) -> None:
        """Complete the future with `exception`, an exception or a class of exceptions.

        Raises InvalidStateError if the future is done already, TypeError if `exception` is neither.
        If the future is freed before any code has retrieved the exception, the loop's exception
        handler gets a report. A StopIteration is wrapped in a RuntimeError: no coroutine can raise
        one (PEP 479, bpo-26221).
        """
        # If the future is done, do not create an exception from the class.
        if self._state is PENDING:
            exception = _checked(exception)
            self._exception_tb = exception.__traceback__
        # Tested again: the constructor that _checked() calls may have completed the future.
        if self._state is not PENDING:
            raise InvalidStateError("invalid state")
        self._state, self._exception, self._log_traceback = FINISHED, exception, True  # type: ignore[assignment]
        self._schedule_waiters()

    def cancel(self, msg: Any | None = None) -> bool:
        """Complete the future as cancelled; return False if it is done already.

        Awaiting it then raises CancelledError, with `msg` as its argument if there is one.
        """
        if self._state is not PENDING:
            self._log_traceback = False  # the caller does not want the outcome: no report
            return False
        self._state, self._cancel_message, self._cancelled_exc = CANCELLED, msg, None
        self._schedule_waiters()
        return True

    def _schedule_waiters(self) -> None:
        """Move the waiters to the ready queue: the next iteration runs them, in their order."""
        # Tempting: call `waiter._run()` here, without the ready queue. The waiter would then run in
        # the middle of the caller's step:
        #     busy = True; future.set_result(1); busy = False    # the waiter would see True
        # And a chain of a thousand futures would be a thousand calls deep.
        first, others, loop = self._first_waiter, self._other_waiters, self._loop
        if first is None:
            return
        # A future that is done refers to no waiter, so it cannot keep a task alive.
        self._first_waiter = self._other_waiters = None
        if loop._debug:
            loop._check_thread()
        if others is None and type(first) is not Handle:  # mostly one task
            loop._ready.append(first)
            return
        for waiter in [first] if others is None else [first, *others]:
            if type(waiter) is Handle:
                waiter._args = (self,)  # see add_done_callback
                if loop._debug:
                    waiter._source_traceback = extract_stack()  # the stack that completed it
            loop._ready.append(waiter)

    # -- asking for the outcome --------------------------------------------------------------------

    def result(self) -> T:
        """Return the result, or raise the exception that the future has.

        Raises CancelledError if it was cancelled, InvalidStateError if it is still pending.
        """
        if self._state is FINISHED and self._exception is None:
            return self._result
        if self._state is PENDING:
            raise InvalidStateError("Result is not set.")
        try:
            raise self._take_exception()  # type: ignore[misc]
        finally:
            del self  # see __await__

    def exception(self) -> BaseException | None:
        """Return the exception that the future has, None if it has a result.

        Raises CancelledError if it was cancelled, InvalidStateError if it is still pending.
        """
        if self._state is PENDING:
            raise InvalidStateError("Exception is not set.")
        if self._state is CANCELLED:
            raise self._make_cancelled_error()
        # The caller has the exception now: it need not be reported, whatever the caller does with
        # it. result() and `await` also mark it as retrieved; done() and cancelled() do not.
        self._log_traceback = False
        return self._exception

    def _take_exception(self) -> BaseException | None:
        """Return the exception that `result()` raises, or None, and mark it as retrieved.

        Only for a future that is done. The traceback is reset to what it was when the exception was
        set. Otherwise it would grow by the frames of each waiter that raises it (bpo-45924).
        """
        if self._state is CANCELLED:
            return self._make_cancelled_error()
        self._log_traceback = False
        error = self._exception
        return None if error is None else error.with_traceback(self._exception_tb)

    def _make_cancelled_error(self) -> CancelledError:
        """Return the CancelledError for the next waiter.

        The first waiter of a task gets the exception that ended it, which has a traceback. Later
        ones get new exceptions: one exception raised in two places would mix their tracebacks.
        Other exceptions cannot be copied, so _take_exception() resets their traceback instead.
        """
        # Task._exception_to_throw() also calls this for a pending task, whose _cancelled_exc is not
        # set.
        if self._state is CANCELLED and (exc := self._cancelled_exc) is not None:
            self._cancelled_exc = None
            return exc
        message = self._cancel_message
        return CancelledError() if message is None else CancelledError(message)

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

    # -- waiting for it ----------------------------------------------------------------------------

    def __await__(self) -> Generator[Any, None, T]:
        try:
            if self._state is PENDING:
                self._asyncio_future_blocking = True
                # The coroutine pauses here. The future passes through the chain of awaiting
                # coroutines to Task._run, which resumes the chain once the future is done.
                yield self  # THE ONLY yield of a future
                # Only Task._run may resume it. A program that drives a coroutine itself does not
                # wait:  coro.send(None); coro.send(None)
                if self._state is PENDING:
                    raise RuntimeError("await wasn't used with future")
            if self._state is FINISHED and self._exception is None:
                return self._result
            raise self._take_exception()  # type: ignore[misc]
        finally:
            # An exception refers to this frame by its traceback, this frame to the future, and the
            # future to the exception. Without this line only the garbage collector frees them.
            del self

    __iter__ = __await__  # for `yield from future` in a generator decorated by types.coroutine

    def add_done_callback(self, fn: Callable[[Future[T]], object], *,
                          context: Context | None = None) -> None:  # fmt: skip
        """Schedule `fn(self)` when the future is done; at once if it is done already.

        `context` is the contextvars.Context to call it in, by default a copy of the current one.
        """
        if self._state is PENDING:
            # The handle gets its argument, this future, when the future is done. Passing it now
            # would make a reference cycle, which only the garbage collector could free.
            self._add_waiter(Handle(fn, (), self._loop, context))
        else:
            # The callback is scheduled, not called: it must never run inside the call of
            # add_done_callback().
            self._loop.call_soon(fn, self, context=context)

    def _add_waiter(self, waiter: Any) -> None:
        """Let `waiter` wait for this future; see the invariants above for what it can be."""
        if self._first_waiter is None:
            self._first_waiter = waiter
        elif self._other_waiters is None:
            self._other_waiters = [waiter]
        else:
            self._other_waiters.append(waiter)
        # Done in the meantime: _start_waiting has passed a pending cancellation on to the future,
        # or a signal handler has cancelled it.
        if self._state is not PENDING:
            self._schedule_waiters()

    @property
    def _callbacks(self) -> list[tuple[Any, Any]] | None:
        """The waiters as asyncio shows them: `[(callback, context), …]`, or None if there are none.

        Only for programs that inspect it; this package does not use it.
        """
        waiters = self._waiters()
        pairs = [(getattr(w, "_callback", w._run), getattr(w, "_context", None)) for w in waiters]
        return pairs or None

    def remove_done_callback(self, fn: Callable[[Future[T]], object]) -> int:
        """Remove every registration of `fn`; return the count."""
        # By equality, not identity: each `self.method` is a new object, but it equals the others.
        #     future.add_done_callback(self.on_done); future.remove_done_callback(self.on_done)
        waiters = self._waiters()
        kept = [waiter for waiter in waiters if getattr(waiter, "_callback", waiter) != fn]
        self._first_waiter, self._other_waiters = (kept[0], kept[1:]) if kept else (None, None)
        return len(waiters) - len(kept)

    def _waiters(self) -> list[Any]:
        first = self._first_waiter
        return [] if first is None else [first, *(self._other_waiters or ())]

    # -- the report of a lost exception, and repr --------------------------------------------------

    def __del__(self) -> None:
        """Report the exception, unless it was retrieved.

        Awaiting the future, `result()` and `exception()` mark the exception as retrieved, and so
        does `cancel()` on a future that is done.
        """
        if self._log_traceback:
            message = f"{type(self).__name__} exception was never retrieved"
            born = self._source_traceback
            _report(self._loop, message, born, exception=self._exception, future=self)

    _repr_info = _future_repr_info

    @reprlib.recursive_repr()
    def __repr__(self) -> str:
        return f"<{type(self).__name__} {' '.join(self._repr_info())}>"


def _checked(exception: BaseException | type[BaseException]) -> BaseException:
    """Return the argument of set_exception() as an exception that an `await` can raise."""
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
    """Set the result of a future, unless it was cancelled in the meantime."""
    # The timer of a sleep() calls this. If the timer is already in the ready queue when the task is
    # cancelled, it runs before the task can cancel it. A plain set_result() would then raise
    # InvalidStateError.
    if future._state is not CANCELLED:
        future.set_result(result)
