"""The entries of the ready queue, and which loop is the running one.

Purpose: `Handle` (a callback waiting for its turn), `TimerHandle` (one waiting for its time), and
the per-thread answer to "which loop?".
Rules: an entry of the ready queue has a method `_run`, and that is all the loop asks of it. Of the
other kinds of entries a Task takes its next step (tasks.py), and a notice tells a gather or a group
of a child that has ended (combinators.py). Each thread has at most one running loop.
This file does not know what a loop does with handles: that is base_events.py. Read exceptions.py
first.
"""

from __future__ import annotations

import functools
import threading
from contextvars import Context, copy_context

from .format_helpers import _created_at, _format_callback_source
from .hints import Any, Callable, Coroutine, StackSummary, T, TypeAlias

__all__ = ("AbstractEventLoop", "Handle", "TimerHandle", "get_event_loop", "get_running_loop",
           "new_event_loop", "set_event_loop", "_get_running_loop",
           "_set_running_loop")  # fmt: skip

Callback: TypeAlias = Callable[..., object]
Args: TypeAlias = tuple[Any, ...]
Coro: TypeAlias = Coroutine[Any, Any, T]
#: A loop as the files before base_events.py see it. They hand it callbacks and may not import it.
Loop: TypeAlias = Any


class AbstractEventLoop:
    """The base of every event loop, for `isinstance` and annotations.

    Its methods are SelectorEventLoop's, each raising NotImplementedError: see unix_events.py.
    """


class Handle:
    """A callback with its arguments and its context, waiting in the ready queue.

    `loop.call_soon()` and its like return one, so that the call can be taken back with `cancel()`.
    """

    __slots__ = ("_callback", "_args", "_loop", "_context", "_source_traceback", "_description",
                 "__weakref__")  # fmt: skip

    # Debug mode alone gives these a value:
    _source_traceback: StackSummary  # where the call was asked for
    _description: str  # of a handle that was cancelled; set by cancel()

    def __init__(self, callback: Callback, args: Args, loop: Loop,
                 context: Context | None = None) -> None:  # fmt: skip
        self._callback: Any = callback  # None once cancelled, so that what it holds is freed
        self._args: Args | None = args  # None once cancelled: that is how one knows
        self._loop = loop
        self._context = copy_context() if context is None else context

    def _run(self) -> None:
        """Call the callback in its context; what it raises goes to the loop's exception handler."""
        if self._args is None:
            return
        try:
            # Two tuples added up: `run(callback, *args)` makes a list of them first, and a chain of
            # callbacks a twentieth slower.
            self._context.run(*(self._callback,) + self._args)  # noqa: RUF005 # THE ONLY callback
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as exc:
            self._report(exc)
        del self  # else this frame would keep a Task whose first step has failed: see Task._run

    def _describe(self) -> str:
        return _format_callback_source(self._callback, self._args, debug=self._loop.get_debug())

    def _report(self, exc: BaseException) -> None:
        message = f"Exception in callback {self._describe()}"
        born = getattr(self, "_source_traceback", None)
        _tell(self._loop, message, born, exception=exc, handle=self)

    def cancel(self) -> None:
        """Take the call back. A second cancel, or one after the call, changes nothing."""
        if self._args is None:
            return
        if self._loop.get_debug():
            # "Executing <Handle …> took 2 seconds" must name a callback that cancelled itself, too.
            self._description = self._describe()
        self._callback = self._args = None

    def cancelled(self) -> bool:
        """Return True if the call was taken back."""
        return self._args is None

    def get_context(self) -> Context:
        """Return the context that the callback runs in."""
        return self._context

    def _repr_info(self) -> list[str]:
        before = getattr(self, "_description", "")
        info = ["cancelled", before] if self._args is None else [self._describe()]
        return [type(self).__name__, *filter(None, info), *_created_at(self)]

    def __repr__(self) -> str:
        return f"<{' '.join(self._repr_info())}>"


@functools.total_ordering
class TimerHandle(Handle):
    """A Handle with a time on the loop's clock, before which it is not called."""

    __slots__ = ("_when", "_scheduled")

    def __init__(self, when: float, callback: Callback, args: Args, loop: Loop,
                 context: Context | None = None) -> None:  # fmt: skip
        # As in Handle, whose __init__ is not called, for that takes a fifth of the time of this.
        self._callback, self._args, self._loop = callback, args, loop
        self._context = copy_context() if context is None else context
        self._when = when  # seconds, on the clock of loop.time()
        self._scheduled = False  # True while the loop's heap holds the handle

    def when(self) -> float:
        """Return the time of the call, in seconds on the clock of `loop.time()`."""
        return self._when

    def __lt__(self, other: object) -> bool:
        # For the loop's heap, where two have the same time.
        return self._when < other._when if isinstance(other, TimerHandle) else NotImplemented

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, TimerHandle):
            return NotImplemented
        if self._scheduled and other._scheduled:
            return self is other  # so that the heap never asks the arguments, which may be anything
        parts = (self._when, self._callback, self._args)
        return parts == (other._when, other._callback, other._args)

    def __hash__(self) -> int:
        return hash(self._when)

    def cancel(self) -> None:
        """Take the call back; the loop is told, so that it can clear its heap when many were."""
        if self._args is not None:
            self._loop._timer_handle_cancelled(self)
            Handle.cancel(self)  # super() takes longer, before 3.12 as long as all the rest

    def _repr_info(self) -> list[str]:
        info = super()._repr_info()
        info.insert(2 if self._args is None else 1, f"when={self._when}")
        return info


def _tell(loop: Loop, message: str, born: StackSummary | None, **context: Any) -> None:
    """Report to the loop's exception handler; `born` is where the culprit was made, if known."""
    if born:
        context["source_traceback"] = born
    loop.call_exception_handler({"message": message, **context})


class _ThreadState(threading.local):
    """What each thread knows of loops; the class attribute is a new thread's value."""

    running_loop: Loop | None = None  # written by run_forever, through _set_running_loop


_thread = _ThreadState()


def _get_running_loop() -> Loop | None:
    """Return the loop that runs in this thread, or None."""
    return _thread.running_loop


def _set_running_loop(loop: Loop | None) -> None:
    """Declare which loop runs in this thread. For event loops, not for their users."""
    _thread.running_loop = loop


def get_running_loop() -> Loop:
    """Return the loop that runs in this thread; raise RuntimeError if there is none."""
    loop = _thread.running_loop
    if loop is None:
        raise RuntimeError("no running event loop")
    return loop


#: An event loop policy: see runners.py, which puts the default one here.
_policy: Any = None


def get_event_loop() -> Loop:
    """Return the running loop, or else the policy's current one (see `set_event_loop`).

    Where the main thread has neither, a loop is made for it with a DeprecationWarning, unless
    `set_event_loop()` has been called before. Raises RuntimeError when there is no loop.
    """
    return _thread.running_loop or _policy.get_event_loop()


def set_event_loop(loop: Loop | None) -> None:
    """Make `loop` the current event loop of this thread; None takes it away."""
    _policy.set_event_loop(loop)


def new_event_loop() -> Loop:
    """Make a new event loop; it is neither running nor the current one."""
    return _policy.new_event_loop()
