"""The names that annotations are written with.

Purpose: what `typing` has, for type checkers alone. To load `typing` takes longer than to load the
core ring, and the interpreter, which keeps annotations as text, never asks what they mean.
Rules: a type checker takes TYPE_CHECKING to be true and reads the first half; the interpreter reads
the second, where a name is there to be imported and means nothing. What collections.abc has is
cheap, and is there for both.
This file does not know what is annotated with these names, and a reader may skip it.
"""

from collections.abc import *  # noqa: F403 - what other files import from here
from types import GenericAlias

TYPE_CHECKING = False
if TYPE_CHECKING:
    import concurrent.futures
    from concurrent.futures import Executor as Executor
    from subprocess import Popen as Popen
    from traceback import StackSummary as StackSummary
    from typing import *  # noqa: F403 - as above
    from typing import ParamSpec, TypeVar

    T = TypeVar("T")
    P = ParamSpec("P")
    ThreadFuture = concurrent.futures.Future[T]
else:
    Any = Final = Literal = P = Self = T = TextIO = TypeAlias = TypeGuard = object
    Executor = Popen = StackSummary = ThreadFuture = object

    class Generic:
        """The base of `Queue[int]` and its like; the `int` is for type checkers alone."""

        __slots__ = ()
        __class_getitem__ = classmethod(GenericAlias)
