"""Call graphs: where a task is paused, and which tasks wait for it.

Purpose: `capture_call_graph` describes a task, the tasks that wait for it, and so on up to those
for which nothing waits. This is asyncio's module `graph`.
Invariants: while a program runs, only future_add_to_awaited_by() records anything. The graph is
read from the waiters of the futures when a program asks for it. Why not a set in each future, as in
asyncio? Every `await` would have to write to it.
This file does not depend on how tasks run, and nothing in the library depends on it. Read
taskgroups.py first.
"""

from __future__ import annotations

import sys
from collections import namedtuple
from types import FrameType

from .. import events
from ..combinators import _AsCompleted, _DoneNotice, _GatheringFuture, _Shield, _Waiting
from ..events import Handle
from ..futures import Future
from ..hints import Any, Final, Iterator, TextIO
from ..taskgroups import TaskGroup
from ..tasks import Task, current_task
from .places import _provide

__all__ = ("FrameCallGraphEntry", "FutureCallGraph", "capture_call_graph", "format_call_graph",
           "print_call_graph", "future_add_to_awaited_by",
           "future_discard_from_awaited_by")  # fmt: skip

#: Flags of a code object, as in the module inspect, which is slow to import.
CO_GENERATOR: Final = 0x20
CO_COROUTINE: Final = 0x80
CO_ASYNC_GENERATOR: Final = 0x200

#: What a Handle calls if the future is not exactly a Future or a Task; see `_call_when_done`.
METHODS_OF_WAITERS: Final = (
    Task._wakeup,
    TaskGroup._child_done,
    _AsCompleted._child_done,
    _GatheringFuture._child_done,
    _Shield._child_done,
    _Waiting._child_done,
)


# Why not typing.NamedTuple? `typing` is slow to import.
class FrameCallGraphEntry(namedtuple("FrameCallGraphEntry", "frame")):  # noqa: PYI024
    """One frame of a call stack."""

    __slots__ = ()


class FutureCallGraph(namedtuple("FutureCallGraph", "future call_stack awaited_by")):  # noqa: PYI024
    """A future; its FrameCallGraphEntry objects, the newest first; the graphs of its waiters."""

    __slots__ = ()


def capture_call_graph(future: Future[Any] | None = None, /, *, depth: int = 1,
                       limit: int | None = None) -> FutureCallGraph | None:  # fmt: skip
    """Return the call graph of `future`, by default of the current task; None if there is none.

    For the current task, `depth` is the number of frames to skip: 1 leaves out this function.
    `limit` is a number of frames for each call stack: 2 means the two oldest, -2 the two newest, 0
    none. Raises RuntimeError if no loop runs and no future is given, TypeError if `future` is not a
    Future.
    """
    loop = events._get_running_loop()
    if future is None and loop is None:
        place = "outside of a running event loop and no *future* to introspect was provided"
        raise RuntimeError(f"capture_call_graph() is called {place}")
    current: Any = None if loop is None else current_task(loop)
    subject = current if future is None else future
    if subject is None:
        return None
    if not isinstance(subject, Future):
        raise TypeError(f"{subject!r} object does not appear to be compatible with asyncio.Future")
    if subject is not current:
        return _graph(subject, list(_paused_frames(subject)), limit)
    return _graph(subject, list(_running_frames(sys._getframe(depth))), limit)


def _graph(future: Future[Any], frames: list[FrameType], limit: int | None) -> FutureCallGraph:
    """Return the graph of a future; `frames` is its call stack, the newest first."""
    if limit is not None:
        frames = frames[-limit:] if limit > 0 else frames[:-limit]
    stack = tuple(FrameCallGraphEntry(frame) for frame in frames)
    parents = [_graph(task, list(_paused_frames(task)), limit) for task in _awaited_by(future)]
    return FutureCallGraph(future, stack, tuple(parents))


def _running_frames(frame: FrameType | None) -> Iterator[FrameType]:
    """Yield the frames from `frame` to the outermost coroutine of the current task."""
    while frame is not None:
        yield frame
        caller = frame.f_back
        if _kind(frame).startswith("async") and caller is not None and not _kind(caller):
            return  # this is the outermost coroutine: a plain function, Task._run, resumed it
        frame = caller


def _paused_frames(future: Future[Any]) -> list[FrameType]:
    """Return the frames of the coroutines that a task is paused in, the newest first."""
    frames: list[FrameType] = []
    coro: Any = future.get_coro() if isinstance(future, Task) else None
    while hasattr(coro, "cr_await"):
        if coro.cr_frame is not None:  # None: the coroutine has ended
            frames.insert(0, coro.cr_frame)
        coro = coro.cr_await
    return frames


def format_call_graph(future: Future[Any] | None = None, /, *, depth: int = 1,
                      limit: int | None = None) -> str:  # fmt: skip
    """Return the graph of `capture_call_graph` as text, or "" if there is no graph."""
    graph = capture_call_graph(future, depth=depth + 1, limit=limit)
    return "" if graph is None else "\n".join(_lines(graph))


def print_call_graph(future: Future[Any] | None = None, /, *, file: TextIO | None = None,
                     depth: int = 1, limit: int | None = None) -> None:  # fmt: skip
    """Print the text of `format_call_graph` to `file`, by default to standard output.

    As in asyncio, the frame of this function is shown too; `depth=2` leaves it out.
    """
    print(format_call_graph(future, depth=depth, limit=limit), file=file)


def _lines(graph: FutureCallGraph) -> Iterator[str]:
    future = graph.future
    name = f"Task(name={future.get_name()!r}, " if isinstance(future, Task) else "Future("
    yield f"* {name}id={id(future):#x})"
    if graph.call_stack:
        yield "  + Call stack:"
    for entry in graph.call_stack:
        code = entry.frame.f_code
        where = f"{code.co_filename!r}, line {entry.frame.f_lineno}"
        yield f"  |   File {where}, in {_kind(entry.frame)}{code.co_qualname}()"
    if graph.awaited_by:
        yield "  + Awaited by:"
    for parent in graph.awaited_by:
        yield from (f"    {line}" for line in _lines(parent))


def _kind(frame: FrameType) -> str:
    flags = frame.f_code.co_flags
    if flags & CO_COROUTINE:
        return "async "
    if flags & CO_ASYNC_GENERATOR:
        return "async generator "
    return "generator " if flags & CO_GENERATOR else ""


# -- the tasks that wait for a future --------------------------------------------------------------


def future_add_to_awaited_by(fut: Any, waiter: Any, /) -> None:
    """Record that `waiter` waits for `fut`: for libraries with combinators of their own.

    Both must be Futures; otherwise this has no effect.
    """
    if isinstance(fut, Future) and isinstance(waiter, Future):
        vars(fut).setdefault("_recorded_waiters", {})[waiter] = None


def future_discard_from_awaited_by(fut: Any, waiter: Any, /) -> None:
    """Remove the record made by `future_add_to_awaited_by`."""
    if isinstance(fut, Future) and isinstance(waiter, Future):
        vars(fut).get("_recorded_waiters", {}).pop(waiter, None)


def _awaited_by(future: Future[Any]) -> list[Future[Any]]:
    """Return the tasks that wait for `future`, each once, in the order in which they were added."""
    found = list(vars(future).get("_recorded_waiters", ()))
    for waiter in future._waiters():
        found += _tasks_behind(waiter, future)
    return list(dict.fromkeys(found))


def _tasks_behind(waiter: Any, future: Future[Any]) -> list[Future[Any]]:
    """Return the tasks that a waiter of `future` will wake, directly or through other futures."""
    method = getattr(waiter._callback, "__func__", None) if isinstance(waiter, Handle) else None
    if method in METHODS_OF_WAITERS:  # else it is a done-callback of a program: it does not count
        waiter = waiter._callback.__self__
    if isinstance(waiter, _DoneNotice):
        waiter = waiter._waiter
    between: Any = ()  # futures that the tasks await instead of `future`
    if isinstance(waiter, Task):
        return [waiter]
    if isinstance(waiter, TaskGroup):
        return [waiter._parent_task]
    if isinstance(waiter, _GatheringFuture):
        between = [waiter]
    elif isinstance(waiter, _Shield) and waiter._outer is not future:
        between = [waiter._outer]
    elif isinstance(waiter, _Waiting):
        between = waiter.enough_done._waiters
    elif isinstance(waiter, _AsCompleted):
        between = waiter._done._getters
    return [task for awaited in between for task in _awaited_by(awaited)]


# The names of asyncio's modules for this file; see places.py.
_provide("graph", capture_call_graph, format_call_graph, print_call_graph, FrameCallGraphEntry,
         FutureCallGraph)  # fmt: skip
_provide("futures", future_add_to_awaited_by, future_discard_from_awaited_by)
