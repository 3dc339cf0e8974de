"""What counts as a coroutine.

Purpose: the two questions that every entry point asks of its argument, and the name of a coroutine
for a log line.
Rules: an object is a coroutine by what it can do (`send`, `throw`, `close`, `__await__`), not by
the keyword that made it; a plain generator is none, although `types.coroutine` makes one out of it.
This file does not know what drives a coroutine: that is tasks.py.
"""

from __future__ import annotations

from types import CoroutineType, GeneratorType

from .hints import Any, Awaitable, Coroutine, TypeGuard

__all__ = ("iscoroutine", "iscoroutinefunction")

#: The mark of a generator function that `types.coroutine` has decorated, as in `inspect`.
CO_ITERABLE_COROUTINE = 0x100

#: `asyncio.coroutine` marked the functions that it decorated with this; some libraries still do.
_is_coroutine = object()


def iscoroutinefunction(func: object) -> bool:
    """Return True if calling `func` makes a coroutine object."""
    import inspect  # not at the top: it takes as long to load as a third of this package

    return inspect.iscoroutinefunction(func) or getattr(func, "_is_coroutine", 0) is _is_coroutine


def iscoroutine(obj: object) -> TypeGuard[Coroutine[Any, Any, Any]]:
    """Return True if `obj` is a coroutine object: native, decorated or a class of its own."""
    return isinstance(obj, (CoroutineType, Coroutine))  # the first answers at a third of the cost


def _isawaitable(obj: object) -> bool:
    """`inspect.isawaitable`: it can be awaited, were it only by the grace of `types.coroutine`."""
    decorated = isinstance(obj, GeneratorType) and obj.gi_code.co_flags & CO_ITERABLE_COROUTINE
    return bool(decorated) or isinstance(obj, Awaitable)


def _first(obj: object, *names: str) -> Any:
    """The first of these attributes that is there and is not empty; None if none is."""
    return next(filter(None, (getattr(obj, name, None) for name in names)), None)


def _format_coroutine(coro: Any) -> str:
    """The coroutine's name and the line it stands at, as a Task's repr shows them."""
    name = _first(coro, "__qualname__", "__name__") or f"<{type(coro).__name__} without __name__>"
    code = _first(coro, "cr_code", "gi_code")
    if code is None:
        return f"{name}() running" if _first(coro, "cr_running", "gi_running") else f"{name}()"
    frame = _first(coro, "cr_frame", "gi_frame")
    what, line = ("running", frame.f_lineno) if frame else ("done, defined", code.co_firstlineno)
    return f"{name}() {what} at {code.co_filename or '<empty co_filename>'}:{line}"
