"""How handles, futures, tasks and their places in the source appear in a repr or a log line.

Purpose: `<Task pending name='clock' coro=<tick() running at clock.py:12>>` instead of an address;
and the logger.
Rules: arguments are shown in debug mode only, for they may hold secrets, and are cut short. What
takes long to load is loaded with the first loop, not with the package, and kept: an exception may
be found lost at the interpreter's exit, when nothing can be loaded any more.
This file does not import the classes that it describes, and a reader of the core may skip it.
"""

from __future__ import annotations

import functools
import itertools
import reprlib
import sys
from types import FrameType, FunctionType

from .coroutines import _first, _format_coroutine
from .hints import Any, StackSummary, TextIO


@functools.cache
def _logging() -> Any:
    import logging

    return logging


@functools.cache
def _traceback() -> Any:
    import traceback

    return traceback


class _Logger:
    """The logger that bears the package's name."""

    def __getattr__(self, name: str) -> Any:
        return getattr(_logging().getLogger(__package__), name)


#: Everything that the package logs goes here.
logger = _Logger()

#: How many frames debug mode keeps of the stack that created a future, task or handle.
DEBUG_STACK_DEPTH = 10


def _format_callback_source(func: Any, args: tuple[Any, ...] | None, *, debug: bool = False) -> str:
    """The callback's name, in debug mode with its arguments, and where it is defined."""
    source = _get_function_source(func)
    calls = _format_call(args or (), {}, debug)
    while isinstance(func, functools.partial):
        calls = _format_call(func.args, func.keywords, debug) + calls
        func = func.func
    name = _first(func, "__qualname__", "__name__") or repr(func)
    return f"{name}{calls} at {source[0]}:{source[1]}" if source else f"{name}{calls}"


def _get_function_source(func: Any) -> tuple[str, int] | None:
    for _ in range(sys.getrecursionlimit()):  # what wraps itself shall not hang us
        if not hasattr(func, "__wrapped__"):
            break
        func = func.__wrapped__
    if isinstance(func, (functools.partial, functools.partialmethod)):
        return _get_function_source(func.func)
    if not isinstance(func, FunctionType):
        return None
    return func.__code__.co_filename, func.__code__.co_firstlineno


def _format_call(args: tuple[object, ...], kwargs: dict[str, object], debug: bool) -> str:
    named = [f"{key}={reprlib.repr(value)}" for key, value in kwargs.items()]
    return f"({', '.join([*map(reprlib.repr, args), *named])})" if debug else "()"


def _created_at(thing: Any) -> list[str]:
    """Where a handle, future or task was made, if debug mode was on then."""
    stack = getattr(thing, "_source_traceback", None)
    return [f"created at {stack[-1].filename}:{stack[-1].lineno}"] if stack else []


def _future_repr_info(future: Any) -> list[str]:
    info = [future._state.lower()]
    if future._state == "FINISHED":
        error = future._exception
        done = f"result={reprlib.repr(future._result)}" if error is None else f"exception={error!r}"
        info.append(done)
    if waiters := future._waiters:
        # The first and the last, and how many are between them.
        shown = [_format_waiter(waiter) for waiter in (waiters[0], *waiters[1:][-1:])]
        if len(waiters) > 2:
            shown.insert(1, f"<{len(waiters) - 2} more>")
        info.append(f"cb=[{', '.join(shown)}]")
    return info + _created_at(future)


def _format_waiter(waiter: Any) -> str:
    callback = getattr(waiter, "_callback", None)  # a Task has none
    return _format_callback_source(callback, ()) if callback else "Task.task_wakeup()"


def _task_repr_info(task: Any) -> list[str]:
    state, *rest = _future_repr_info(task)
    info = ["cancelling" if task.cancelling() and not task.done() else state]
    info.append(f"name={task.get_name()!r}")
    if task._coro is not None:
        info.append(f"coro=<{_format_coroutine(task._coro)}>")
    if task._fut_waiter is not None:
        info.append(f"wait_for={task._fut_waiter!r}")
    return info + rest


def _task_stack(task: Any, limit: int | None) -> list[FrameType]:
    """The frames of the task's coroutine, or else of the traceback that ended it, oldest first."""
    limit = None if limit is None else max(limit, 0)
    frame = _first(task._coro, "cr_frame", "gi_frame")
    if frame is not None:
        return [frame for frame, _ in itertools.islice(_traceback().walk_stack(frame), limit)][::-1]
    error = task._exception
    walk = _traceback().walk_tb(None if error is None else error.__traceback__)
    return [frame for frame, _ in itertools.islice(walk, limit)]


def _print_task_stack(task: Any, limit: int | None, file: TextIO | None) -> None:
    frames = task.get_stack(limit=limit)
    error = task._exception
    title = "Stack" if error is None else "Traceback"
    title = f"{title} for {task!r} (most recent call last):" if frames else f"No stack for {task!r}"
    lines = _traceback().StackSummary.extract((frame, frame.f_lineno) for frame in frames).format()
    if error is not None:
        lines += _traceback().format_exception_only(error)
    print(f"{title}\n", *lines, sep="", end="", file=file or sys.stderr)


def _format_context(context: dict[str, Any]) -> str:
    """An exception handler's context as text: the message, then a line for each further key."""
    lines = [context.get("message") or "Unhandled exception in event loop"]
    born = {"source_traceback": "Object", "handle_traceback": "Handle"}
    for key in sorted(context.keys() - {"message", "exception"}):
        text = repr(context[key])
        if key in born:
            stack = "".join(_traceback().format_list(context[key])).rstrip()
            text = f"{born[key]} created at (most recent call last):\n{stack}"
        lines.append(f"{key}: {text}")
    return "\n".join(lines)


def extract_stack() -> StackSummary:
    """The innermost frames that led into this package, oldest first."""
    walk = itertools.dropwhile(lambda step: step[0].f_globals.get("__package__") == __package__,
                               _traceback().walk_stack(sys._getframe(1)))  # fmt: skip
    # Without the lines: each would cost an access to a file, and printing looks them up.
    extract = _traceback().StackSummary.extract
    stack: StackSummary = extract(walk, limit=DEBUG_STACK_DEPTH, lookup_lines=False)
    stack.reverse()
    return stack
