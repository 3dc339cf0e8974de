"""How handles, futures and tasks appear in a repr or in the log.

Purpose: a repr like `<Task pending name='clock' coro=<tick() running at clock.py:12>>` instead of a
memory address; and the logger.

Invariants:

- The arguments of a callback are shown in debug mode only, because they may hold secrets. They are
  abbreviated.

Does not import the classes that it describes. A reader of the core can skip this file.
"""

from __future__ import annotations

import functools
import logging
import reprlib
import sys
import traceback
from itertools import dropwhile, islice
from types import FrameType, FunctionType

from .coroutines import _first, _format_coroutine
from .hints import Any, StackSummary, TextIO

#: All log messages of the package go to this logger.
logger = logging.getLogger(__package__)

#: In debug mode, a future, task or handle stores this many frames of the stack that created it.
DEBUG_STACK_DEPTH = 10


def _format_callback_source(func: Any, args: tuple[Any, ...] | None, *, debug: bool = False) -> str:
    """Return the name of a callback, its arguments in debug mode, and its place in the source."""
    source = _get_function_source(func)
    calls = _format_call(args or (), {}, debug)
    while isinstance(func, functools.partial):
        calls = _format_call(func.args, func.keywords, debug) + calls
        func = func.func
    name = _first(func, "__qualname__", "__name__") or repr(func)
    return f"{name}{calls} at {source[0]}:{source[1]}" if source else f"{name}{calls}"


def _get_function_source(func: Any) -> tuple[str, int] | None:
    """Return the file and the line of the function inside decorators and partials, or None."""
    for _ in range(sys.getrecursionlimit()):  # not `while True`: an object may wrap itself
        if not hasattr(func, "__wrapped__"):
            break
        func = func.__wrapped__
    if isinstance(func, (functools.partial, functools.partialmethod)):
        return _get_function_source(func.func)
    if not isinstance(func, FunctionType):
        return None
    return func.__code__.co_filename, func.__code__.co_firstlineno


def _format_call(args: tuple[object, ...], kwargs: dict[str, object], debug: bool) -> str:
    """Return the arguments as text in debug mode, and `()` otherwise."""
    named = [f"{key}={reprlib.repr(value)}" for key, value in kwargs.items()]
    return f"({', '.join([*map(reprlib.repr, args), *named])})" if debug else "()"


def _created_at(thing: Any) -> list[str]:
    """Return where a handle, future or task was created, if that was in debug mode."""
    stack = getattr(thing, "_source_traceback", None)
    return [f"created at {stack[-1].filename}:{stack[-1].lineno}"] if stack else []


def _future_repr_info(future: Any) -> list[str]:
    info = [future._state.lower()]
    if future._state == "FINISHED":
        error = future._exception
        done = f"result={reprlib.repr(future._result)}" if error is None else f"exception={error!r}"
        info.append(done)
    if waiters := future._waiters():
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
    """Return the frames of the coroutine, or of the exception if it has ended; oldest first."""
    limit = None if limit is None else max(limit, 0)
    if (frame := _first(task._coro, "cr_frame", "gi_frame")) is not None:
        return [frame for frame, _ in islice(traceback.walk_stack(frame), limit)][::-1]
    walk = traceback.walk_tb(getattr(task._exception, "__traceback__", None))
    return [frame for frame, _ in islice(walk, limit)]


def _print_task_stack(task: Any, limit: int | None, file: TextIO | None) -> None:
    frames = task.get_stack(limit=limit)
    error = task._exception
    title = "Stack" if error is None else "Traceback"
    title = f"{title} for {task!r} (most recent call last):" if frames else f"No stack for {task!r}"
    lines = traceback.StackSummary.extract((f, f.f_lineno) for f in frames).format()
    if error is not None:
        lines += traceback.format_exception_only(error)
    print(f"{title}\n", *lines, sep="", end="", file=file or sys.stderr)


def _format_context(context: dict[str, Any]) -> str:
    """Return the context of an exception handler as text: the message, then a line for each key."""
    lines = [context.get("message") or "Unhandled exception in event loop"]
    stacks = {"source_traceback": "Object", "handle_traceback": "Handle"}
    for key in sorted(context.keys() - {"message", "exception"}):
        text = repr(context[key])
        if key in stacks:
            stack = "".join(traceback.format_list(context[key])).rstrip()
            text = f"{stacks[key]} created at (most recent call last):\n{stack}"
        lines.append(f"{key}: {text}")
    return "\n".join(lines)


def extract_stack() -> StackSummary:
    """Return the innermost frames of the program, without those of this package; oldest first."""
    walk = dropwhile(lambda step: step[0].f_globals.get("__package__") == __package__,
                     traceback.walk_stack(sys._getframe(1)))  # fmt: skip
    # Without the source lines, since each would read a file. Printing the stack reads them.
    extract = traceback.StackSummary.extract
    stack: StackSummary = extract(walk, limit=DEBUG_STACK_DEPTH, lookup_lines=False)
    stack.reverse()
    return stack
