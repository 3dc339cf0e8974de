"""The names that annotations are written with.

Purpose: what `typing` offers, without loading `typing`: that takes longer than loading the core
ring, and the interpreter keeps annotations as text and never evaluates them.
Invariants: a type checker takes TYPE_CHECKING to be true and reads the first half. At run time the
second half counts. Its names are there to be imported, and for libraries that evaluate annotations
(`typing.get_type_hints()`, pydantic, beartype): each means `object`, which accepts everything, or a
class that is never wrong. Names of collections.abc are cheap, and the same for both.
This file does not depend on any other, and a reader may skip it.
"""

from collections.abc import *  # noqa: F403 - what other files import from here
from collections.abc import Coroutine
from types import GenericAlias

TYPE_CHECKING = False
if TYPE_CHECKING:
    import concurrent.futures
    from concurrent.futures import Executor as Executor
    from subprocess import Popen as Popen
    from traceback import StackSummary as StackSummary
    from typing import *  # noqa: F403 - as above
    from typing import Any, ParamSpec, TypeAlias, TypeVar

    T = TypeVar("T")
    P = ParamSpec("P")
    ThreadFuture = concurrent.futures.Future[T]
    Coro: TypeAlias = Coroutine[Any, Any, T]
else:
    Any = Final = Self = T = TextIO = TypeAlias = Executor = Popen = StackSummary = object

    def _form(meaning):
        """Return a name that is written with brackets, `Name[...]`, and then means `meaning`."""
        return type("Form", (), {"__class_getitem__": lambda cls, item: meaning})

    Literal = ThreadFuture = _form(object)
    TypeGuard = _form(bool)
    # Not `Coroutine[Any, Any, T]`: T is `object` here, which `Coro[int]` cannot replace.
    Coro = _form(Coroutine)

    class _AnyArguments(list):
        """The meaning of a ParamSpec: `Callable[[...], T]` is the same as `Callable[..., T]`."""

        args = kwargs = object

    P = _AnyArguments([...])

    class Generic:
        """The base of `Queue[int]` and the like; only type checkers make use of the `int`."""

        __slots__ = ()
        __class_getitem__ = classmethod(GenericAlias)
