"""How handles, futures, tasks and their places in the source appear in a repr or a log line.

Purpose: `<Task pending name='clock' coro=<tick() running at clock.py:12>>` instead of an address.
Rules: arguments are shown in debug mode only, for they may hold secrets, and are cut short.
This file does not import the classes that it describes, and a reader of the core may skip it.
"""

from __future__ import annotations

import functools
import inspect
import itertools
import logging
import reprlib
import sys
import traceback
from collections.abc import Iterator, Sequence
from types import FrameType
from typing import Any, TextIO

from .coroutines import _format_coroutine

#: Everything that the package logs goes to the logger that bears its name.
logger = logging.getLogger(__package__)

#: How many frames debug mode keeps of the stack that created a future, task or handle.
DEBUG_STACK_DEPTH = 10


def _format_callback_source(func: Any, args: tuple[Any, ...] | None, *, debug: bool = False) -> str:
    """The callback's name, in debug mode with its arguments, and where it is defined."""
    text = _format_callback(func, args or (), {}, debug)
    source = _get_function_source(func)
    return f"{text} at {source[0]}:{source[1]}" if source else text


def _get_function_source(func: Any) -> tuple[str, int] | None:
    func = inspect.unwrap(func)
    if isinstance(func, functools.partial | functools.partialmethod):
        return _get_function_source(func.func)
    if not inspect.isfunction(func):
        return None
    return func.__code__.co_filename, func.__code__.co_firstlineno


def _format_callback(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], debug: bool) -> str:
    call = _format_call(args, kwargs) if debug else "()"
    if isinstance(func, functools.partial):
        return _format_callback(func.func, func.args, func.keywords, debug) + call
    name = getattr(func, "__qualname__", None) or getattr(func, "__name__", None) or repr(func)
    return f"{name}{call}"


def _format_call(args: tuple[object, ...], kwargs: dict[str, object]) -> str:
    positional = [reprlib.repr(arg) for arg in args]
    named = [f"{key}={reprlib.repr(value)}" for key, value in kwargs.items()]
    return f"({', '.join(positional + named)})"


def _created_at(thing: Any) -> list[str]:
    """Where a handle, future or task was made, if debug mode was on then."""
    stack = thing._source_traceback
    return [f"created at {stack[-1].filename}:{stack[-1].lineno}"] if stack else []


def _future_repr_info(future: Any) -> list[str]:
    info = [future._state.lower()]
    if future._state == "FAILED":
        info = ["finished", f"exception={future._outcome!r}"]
    elif future._state == "FINISHED":
        info.append(f"result={reprlib.repr(future._outcome)}")
    if future._callbacks is not None:
        info.append(f"cb=[{', '.join(_format_waiting(future._waiters()))}]")
    return info + _created_at(future)


def _format_waiting(waiting: Sequence[Any]) -> Iterator[str]:
    """The first and the last of those who wait for a future, and how many stand between them."""
    for entry in (*waiting[:1], *waiting[1:][-1:]):
        if entry is not waiting[0] and len(waiting) > 2:
            yield f"<{len(waiting) - 2} more>"
        callback = getattr(entry, "_callback", None)  # a Handle's; a Task has none
        yield _format_callback_source(callback, ()) if callback else "Task.task_wakeup()"


def _task_repr_info(task: Any) -> list[str]:
    state, *rest = _future_repr_info(task)
    if task.cancelling() and not task.done():
        state = "cancelling"
    info = [state, f"name={task.get_name()!r}"]
    if task._coro is not None:
        info.append(f"coro=<{_format_coroutine(task._coro)}>")
    if task._fut_waiter is not None:
        info.append(f"wait_for={task._fut_waiter!r}")
    return info + rest


def _task_stack(task: Any, limit: int | None) -> list[FrameType]:
    """The frames of the task's coroutine, or else of the traceback that ended it, oldest first."""
    limit = None if limit is None else max(limit, 0)
    frame = getattr(task._coro, "cr_frame", None) or getattr(task._coro, "gi_frame", None)
    if frame is not None:
        return [frame for frame, _ in itertools.islice(traceback.walk_stack(frame), limit)][::-1]
    walk = traceback.walk_tb(task._outcome.__traceback__ if task._state == "FAILED" else None)
    return [frame for frame, _ in itertools.islice(walk, limit)]


def _print_task_stack(task: Any, limit: int | None, file: TextIO | None) -> None:
    frames = task.get_stack(limit=limit)
    error = task._outcome if task._state == "FAILED" else None
    title = "Stack" if error is None else "Traceback"
    title = f"{title} for {task!r} (most recent call last):" if frames else f"No stack for {task!r}"
    lines = traceback.StackSummary.extract((frame, frame.f_lineno) for frame in frames).format()
    if error is not None:
        lines += traceback.format_exception_only(error)
    print(f"{title}\n", *lines, sep="", end="", file=file or sys.stderr)


def _format_context(context: dict[str, Any]) -> str:
    """An exception handler's context as text: the message, then a line for each further key."""
    lines = [context.get("message") or "Unhandled exception in event loop"]
    for key in sorted(context.keys() - {"message", "exception"}):
        text = repr(context[key])
        if key in ("source_traceback", "handle_traceback"):
            what = "Object" if key == "source_traceback" else "Handle"
            stack = "".join(traceback.format_list(context[key])).rstrip()
            text = f"{what} created at (most recent call last):\n{stack}"
        lines.append(f"{key}: {text}")
    return "\n".join(lines)


def extract_stack() -> traceback.StackSummary:
    """The innermost frames that led into this package, oldest first."""
    frame: FrameType | None = sys._getframe(1)
    while frame and frame.f_globals.get("__package__") == __package__:
        frame = frame.f_back
    walk = traceback.walk_stack(frame or sys._getframe(1))
    # Without the lines: each would cost an access to a file, and printing looks them up.
    stack = traceback.StackSummary.extract(walk, limit=DEBUG_STACK_DEPTH, lookup_lines=False)
    stack.reverse()
    return stack
