"""The names that annotations are written with.

Purpose: one place for the names of `typing` and `collections.abc`, and for a few types of our own.
Invariants: `typing.get_type_hints()` can evaluate every annotation of this package, and beartype
and pydantic accept the results. At run time some names mean `object` or a type that accepts
everything: classes that are slow to import, and names that those two refuse in single functions.
This file does not depend on any other, and a reader may skip it.
"""

# isort: off
from typing import *  # noqa: F403 - what other files import from here
from collections.abc import *  # type: ignore[assignment] # noqa: F403 - the Callable of this one

# isort: on
from traceback import StackSummary as StackSummary
from types import GenericAlias
from typing import TYPE_CHECKING, Any, ParamSpec, TypeAlias, TypeVar, Union

T = TypeVar("T")
Coro: TypeAlias = Coroutine[Any, Any, T]  # noqa: F405

if TYPE_CHECKING:
    import concurrent.futures
    from concurrent.futures import Executor as Executor
    from subprocess import Popen as Popen

    P = ParamSpec("P")
    ThreadFuture = concurrent.futures.Future[T]
else:
    # This accepts everything, and can be written with brackets: `Popen[bytes]`.
    Executor = Popen = Self = ThreadFuture = TypeGuard = Union[Any, T]  # noqa: UP007

    class _AnyArguments(list):
        """The meaning of a ParamSpec: `Callable[[...], T]` is the same as `Callable[..., T]`."""

        args = kwargs = object

    P = _AnyArguments([...])

    class Generic:
        """The base of `Queue[int]` and the like; only type checkers make use of the `int`."""

        __slots__ = ()
        __class_getitem__ = classmethod(GenericAlias)
