"""The entries of the ready queue, and which loop is running.

Purpose: `Handle` (a callback that is scheduled), `TimerHandle` (one scheduled for a time), and the
answer to "which loop runs in this thread?". The ready queue holds the entries that the loop runs in
its next iteration.
Invariants: an entry of the ready queue has a method `_run`. It raises only SystemExit and
KeyboardInterrupt. The loop needs nothing else from it. There are three kinds of entries: a Handle
(or a TimerHandle); a Task (tasks.py), whose `_run` runs the next step of its coroutine; and a
_DoneNotice (combinators.py), which gather(), wait(), shield() and TaskGroup use. A thread has at
most one running loop.
This file does not depend on what a loop does with handles: that is kernel.py. Read exceptions.py
first.
"""

from __future__ import annotations

import functools
import threading
from contextvars import Context, copy_context

from .abstract import Callback as Callback
from .format_helpers import _created_at, _format_callback_source
from .hints import Any, StackSummary, TypeAlias

__all__ = ("Handle", "TimerHandle", "get_event_loop", "get_running_loop", "_get_running_loop",
           "_set_running_loop")  # fmt: skip

#: An event loop. `Any`, because some functions also take the loop of another library. Futures and
#: tasks need a loop derived from BaseEventLoop.
Loop: TypeAlias = Any


class Handle:
    """A scheduled callback, with its arguments and its context.

    `loop.call_soon()` and similar methods return one. Its `cancel()` undoes the scheduling.
    """

    __slots__ = ("_callback", "_args", "_loop", "_context", "_source_traceback", "_description",
                 "__weakref__")  # fmt: skip

    # Only debug mode gives these a value:
    _source_traceback: StackSummary  # the stack that scheduled the callback
    _description: str  # of a cancelled handle: what the repr shows; written by cancel()

    def __init__(self, callback: Callback, args: tuple[Any, ...], loop: Loop,
                 context: Context | None = None) -> None:  # fmt: skip
        self._callback: Any = callback  # None once cancelled, which frees what it refers to
        self._args: tuple[Any, ...] | None = args  # None once cancelled: this is the test for it
        self._loop = loop
        self._context = copy_context() if context is None else context

    def _run(self) -> None:
        """Call the callback in its context; report what it raises to the exception handler.

        SystemExit and KeyboardInterrupt are raised: they end `run_forever()`.
        """
        # The handle was cancelled while it was in the ready queue. cancel() does not remove it from
        # there, because that needs a search.
        if self._args is None:
            return
        try:
            # Concatenate first: `run(callback, *args)` would build a list and turn it into a tuple,
            # which is slower.
            self._context.run(*(self._callback,) + self._args)  # noqa: RUF005 # THE ONLY callback
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as exc:
            # One failing callback must not end the loop, which may serve others. No caller could
            # catch the exception, because call_soon() returned long ago.
            self._report_exception(exc)
        # The traceback of a task's exception holds the frame of its coroutine. Since Python 3.12,
        # that frame keeps this one alive by `f_back`. If the task was made by `Task(coro)`, the
        # handle refers to the task. Without this line, there would be a cycle:
        #     task → exception → traceback → frames → handle → task
        del self

    def _describe(self) -> str:
        return _format_callback_source(self._callback, self._args, debug=self._loop.get_debug())

    def _report_exception(self, exc: BaseException) -> None:
        message = f"Exception in callback {self._describe()}"
        born = getattr(self, "_source_traceback", None)
        _report(self._loop, message, born, exception=exc, handle=self)

    def cancel(self) -> None:
        """Cancel the callback. If it has run already, only the repr and `cancelled()` change."""
        if self._args is None:
            return
        if self._loop.get_debug():
            # A callback can cancel its own handle. "Executing <Handle …> took 2 seconds" must
            # still say which callback that was.
            self._description = self._describe()
        # Free what the callback refers to: a cancelled timer can stay in the heap for hours.
        self._callback = self._args = None

    def cancelled(self) -> bool:
        """Return True if the callback was cancelled."""
        return self._args is None

    def get_context(self) -> Context:
        """Return the contextvars.Context in which the callback runs."""
        return self._context

    def _repr_info(self) -> list[str]:
        before = getattr(self, "_description", "")
        info = ["cancelled", before] if self._args is None else [self._describe()]
        return [type(self).__name__, *filter(None, info), *_created_at(self)]

    def __repr__(self) -> str:
        return f"<{' '.join(self._repr_info())}>"


@functools.total_ordering
class TimerHandle(Handle):
    """A callback scheduled for a time on the loop's clock."""

    __slots__ = ("_when", "_scheduled")

    def __init__(self, when: float, callback: Callback, args: tuple[Any, ...], loop: Loop,
                 context: Context | None = None) -> None:  # fmt: skip
        # As in Handle. With super().__init__(), a timer would need one more call. To measure the
        # cost: `python -m comparisons fastpaths --only TimerHandle.__init__`.
        self._callback, self._args, self._loop = callback, args, loop
        self._context = copy_context() if context is None else context
        self._when = when  # seconds, on the clock of loop.time()
        # True from call_at() until the timer is popped from the head of the heap. It stays True if
        # the heap is rebuilt without it, or cleared.
        self._scheduled = False

    def when(self) -> float:
        """Return the time of the call, in seconds on the clock of `loop.time()`."""
        return self._when

    def __lt__(self, other: object) -> bool:
        # The loop's heap holds tuples (when, handle). It compares two handles only if their times
        # are equal. Then neither is less than the other, so their order is undefined.
        return self._when < other._when if isinstance(other, TimerHandle) else NotImplemented

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, TimerHandle):
            return NotImplemented
        if self._scheduled and other._scheduled:
            # The heap compares entries with == first. This must not call `__eq__` of the program's
            # arguments, which may do anything. With NumPy arrays, for example, comparing the tuples
            # raises ValueError.
            return self is other
        # A timer that is not in the heap compares by value, as in asyncio.
        parts = (self._when, self._callback, self._args)
        return parts == (other._when, other._callback, other._args)

    def __hash__(self) -> int:
        return hash(self._when)

    def cancel(self) -> None:
        """Cancel the callback. The loop counts this, to clean up its heap if many are cancelled."""
        if self._args is not None:
            self._loop._timer_handle_cancelled(self)
            # With super().cancel(), a cancelled timer would take 7 % longer on CPython 3.11.
            Handle.cancel(self)

    def _repr_info(self) -> list[str]:
        info = super()._repr_info()
        info.insert(2 if self._args is None else 1, f"when={self._when}")
        return info


def _report(loop: Loop, message: str, born: StackSummary | None = None, **context: Any) -> None:
    """Call the exception handler; `born` is the stack that created the object, if known."""
    if born:
        context["source_traceback"] = born
    loop.call_exception_handler({"message": message, **context})


class _ThreadState(threading.local):
    """The running loop of each thread. The class attribute is the value in a new thread."""

    running_loop: Loop | None = None  # written by run_forever, through _set_running_loop


_thread = _ThreadState()


def _get_running_loop() -> Loop | None:
    """Return the loop that runs in this thread, or None."""
    return _thread.running_loop


def _set_running_loop(loop: Loop | None) -> None:
    """Set the loop that runs in this thread. For event loops, not for programs."""
    # Thread-local, not a context variable: to_thread() copies the context into another thread,
    # where the loop does not run.
    _thread.running_loop = loop


def get_running_loop() -> Loop:
    """Return the loop that runs in this thread.

    Raises RuntimeError if there is none.
    """
    loop = _thread.running_loop
    if loop is None:
        raise RuntimeError("no running event loop")
    return loop


#: The event loop policy; policies.py sets the default one.
_event_loop_policy: Any = None


def get_event_loop() -> Loop:
    """Return the running loop, or else the policy's current one (see `set_event_loop`).

    Raises RuntimeError if there is neither. Before Python 3.14, it makes a loop instead in the main
    thread, if none was ever set there, with a DeprecationWarning: see policies.py.
    """
    return _thread.running_loop or _event_loop_policy.get_event_loop()
