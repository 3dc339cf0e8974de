"""Which objects are coroutines.

Purpose: the checks that functions apply to their arguments, and the text that shows a coroutine in
a repr. Also the warning that deprecated functions give, because one of the checks is deprecated.

Invariant: an object is a coroutine if it has the methods `send`, `throw`, `close` and `__await__`.
It need not come from an `async def`. A generator is not a coroutine. If `types.coroutine` decorated
its function, it can be awaited, but a Task does not accept it.

Does not depend on tasks, which run coroutines: see tasks.py.
"""

from __future__ import annotations

import sys
import warnings
from types import CoroutineType, GeneratorType

from .hints import Any, Awaitable, Coroutine, TypeGuard

__all__ = ("iscoroutine", "iscoroutinefunction")

#: The flag that `types.coroutine` sets in the code of a generator function; `inspect` has the same.
CO_ITERABLE_COROUTINE = 0x100

#: `asyncio.coroutine` marked decorated functions with this object; some libraries still do that.
_is_coroutine = object()


def iscoroutinefunction(func: object) -> bool:
    """Return True if calling `func` returns a coroutine object. Deprecated since Python 3.14."""
    _deprecated("iscoroutinefunction", "; use inspect.iscoroutinefunction() instead")
    return _iscoroutinefunction(func)


def _deprecated(name: str, advice: str = "") -> None:
    """Warn the caller of the caller that asyncio will not have `name` in Python 3.16.

    Not before Python 3.14: there the standard library itself uses these names (unittest.mock), and
    programs run with `-W error`.
    """
    if sys.version_info >= (3, 14):
        what = f"'{__package__}.{name}' is deprecated and slated for removal in Python 3.16"
        warnings.warn(what + advice, DeprecationWarning, stacklevel=3)


def _iscoroutinefunction(func: object) -> bool:
    import inspect  # not at the top: it takes a third as long as importing this package

    return inspect.iscoroutinefunction(func) or getattr(func, "_is_coroutine", 0) is _is_coroutine


def iscoroutine(obj: object) -> TypeGuard[Coroutine[Any, Any, Any]]:
    """Return True if `obj` is a coroutine object.

    Either it comes from an `async def`, or its class has the methods of collections.abc.Coroutine.
    """
    return isinstance(obj, (CoroutineType, Coroutine))  # the first check is three times as fast


def _isawaitable(obj: object) -> bool:
    """Return True if `obj` can be awaited, also a generator made a coroutine by `types.coroutine`.

    This is `inspect.isawaitable`, without importing `inspect`.
    """
    decorated = isinstance(obj, GeneratorType) and obj.gi_code.co_flags & CO_ITERABLE_COROUTINE
    return bool(decorated) or isinstance(obj, Awaitable)


def _first(obj: object, *names: str) -> Any:
    """Return the first of the named attributes that exists and is true, or None."""
    return next(filter(None, (getattr(obj, name, None) for name in names)), None)


def _format_coroutine(coro: Any) -> str:
    """Return the name of a coroutine and its current line, as shown in the repr of a Task."""
    name = _first(coro, "__qualname__", "__name__") or f"<{type(coro).__name__} without __name__>"
    if (code := _first(coro, "cr_code", "gi_code")) is None:
        return f"{name}() running" if _first(coro, "cr_running", "gi_running") else f"{name}()"
    frame = _first(coro, "cr_frame", "gi_frame")
    what, line = ("running", frame.f_lineno) if frame else ("done, defined", code.co_firstlineno)
    return f"{name}() {what} at {code.co_filename or '<empty co_filename>'}:{line}"
