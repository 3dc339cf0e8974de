"""What a workload is: a name, some work, and the answer it must come to.

The work is written once, against `aio`: asyncio, or a module with asyncio's names. It does `size`
of something and returns what it counted meanwhile, which is compared with `expected(size)`: a fast
wrong answer is an error.
"""

from collections.abc import Callable, Coroutine
from types import ModuleType
from typing import Any, NamedTuple, TypeAlias


class Loop(NamedTuple):
    """One column's loop: the module that stands for asyncio, and who makes its event loop."""

    aio: ModuleType
    factory: Callable[[], Any] | None = None
    """None: the module's own."""

    def runner(self) -> Any:
        return self.aio.Runner(loop_factory=self.factory)


class OnLoop(NamedTuple):
    """A coroutine, timed from its first line to its last on a loop that runs already."""

    name: str
    group: str
    about: str
    size: int
    work: Callable[[ModuleType, int], Coroutine[Any, Any, int]]
    expected: Callable[[int], int]
    needs: str = ""
    """A name that not every asyncio has: without it the column has no figure."""


class Outside(NamedTuple):
    """A plain function: what makes its loop itself, or needs none."""

    name: str
    group: str
    about: str
    size: int
    work: Callable[[Loop, int], int]
    expected: Callable[[int], int]
    needs: str = ""


Workload: TypeAlias = OnLoop | Outside


class WrongAnswerError(Exception):
    """The work was done, but not the work that was asked for."""


def check(workload: Workload, size: int, answer: int) -> None:
    expected = workload.expected(size)
    if answer != expected:
        raise WrongAnswerError(f"{workload.name} came to {answer}, which should be {expected}")
