"""What a workload is: a name, some work, and the answer it must come to.

The work is written once, against `aio`: asyncio, or a module with asyncio's names. It does `size`
of something and returns what it counted meanwhile, which is compared with `expected(size)`: a fast
wrong answer is an error.
"""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Final, NamedTuple, TypeAlias

WALL: Final = "wall"
CPU: Final = "cpu"
Figures: TypeAlias = dict[str, float]
"""What one run of a workload gives: figures by name, such as `wall` and `cpu` in seconds."""


class Loop(NamedTuple):
    """One column's loop: the module that stands for asyncio, and who makes its event loop."""

    aio: ModuleType
    factory: Callable[[], Any] | None = None
    """None: the module's own."""

    def runner(self) -> Any:
        return self.aio.Runner(loop_factory=self.factory)


@dataclass(frozen=True, kw_only=True)
class Workload:
    """What all kinds have in common."""

    name: str
    group: str
    about: str
    """With {size} where the size belongs."""
    size: int
    quick: int
    """The size for `--quick`."""
    in_quick: bool = True
    """Whether `--quick` has it at all, unless it is asked for by name."""
    warmup: int | None = None
    """The size of the run that goes before and is not counted; None: as for `--quick`, 0: none."""
    values: int = 1
    """How many figures one process gives, one after the other; the least is its own."""
    figure: str = WALL
    """Which of the figures is compared; less is better."""
    unit: str = "second"
    also: tuple[str, ...] = ()
    """Columns that only some rows have, beside those that all have."""
    possible: Callable[[Loop], bool] | None = None
    """Says whether a loop can do it at all; None: each can."""

    @property
    def key(self) -> str:
        return f"{self.group}/{self.name}"


@dataclass(frozen=True, kw_only=True)
class OnLoop(Workload):
    """A coroutine, timed from its first line to its last on a loop that runs already."""

    work: Callable[[ModuleType, int], Coroutine[Any, Any, int]]
    expected: Callable[[int], int]


@dataclass(frozen=True, kw_only=True)
class Outside(Workload):
    """A plain function: what makes its loop itself, or needs none."""

    work: Callable[[Loop, int], int]
    expected: Callable[[int], int]


@dataclass(frozen=True, kw_only=True)
class Measured(Workload):
    """What takes its figures itself; it is given the name of a column and a size."""

    sample: Callable[[str, int], Figures]


class WrongAnswerError(Exception):
    """The work was done, but not the work that was asked for."""


def check(workload: OnLoop | Outside, size: int, answer: int) -> None:
    expected = workload.expected(size)
    if answer != expected:
        raise WrongAnswerError(f"{workload.key} came to {answer}, which should be {expected}")
