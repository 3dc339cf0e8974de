"""What counts as a coroutine.

Purpose: the two questions that every entry point asks of its argument, and the name of a coroutine
for a log line.
Rules: an object is a coroutine by what it can do (`send`, `throw`, `close`, `__await__`), not by
the keyword that made it; a plain generator is none, although `types.coroutine` makes one out of it.
This file does not know what drives a coroutine: that is tasks.py.
"""

from __future__ import annotations

import collections.abc
import inspect
from types import CoroutineType
from typing import Any, TypeGuard

__all__ = ("iscoroutine", "iscoroutinefunction")

#: `asyncio.coroutine` marked the functions that it decorated with this; some libraries still do.
_is_coroutine = object()


def iscoroutinefunction(func: object) -> bool:
    """Return True if calling `func` makes a coroutine object."""
    return inspect.iscoroutinefunction(func) or getattr(func, "_is_coroutine", 0) is _is_coroutine


def iscoroutine(obj: object) -> TypeGuard[collections.abc.Coroutine[Any, Any, Any]]:
    """Return True if `obj` is a coroutine object: native, decorated or a class of its own."""
    return isinstance(obj, (CoroutineType, collections.abc.Coroutine))


def _format_coroutine(coro: Any) -> str:
    """The coroutine's name and the line it stands at, as a Task's repr shows them."""
    name = getattr(coro, "__qualname__", None) or getattr(coro, "__name__", None)
    name = f"{name or f'<{type(coro).__name__} without __name__>'}()"
    code = getattr(coro, "cr_code", None) or getattr(coro, "gi_code", None)
    if code is None:
        running = getattr(coro, "cr_running", None) or getattr(coro, "gi_running", None)
        return f"{name} running" if running else name
    frame = getattr(coro, "cr_frame", None) or getattr(coro, "gi_frame", None)
    filename = code.co_filename or "<empty co_filename>"
    if frame is None:
        return f"{name} done, defined at {filename}:{code.co_firstlineno}"
    return f"{name} running at {filename}:{frame.f_lineno}"
