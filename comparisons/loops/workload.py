"""The definition of a workload: a name, a function, and the expected answer.

The function is written once and gets `aio`: asyncio, or a module with asyncio's names. It runs
`size` operations and returns a count, which is compared with `expected(size)`, so that a loop
cannot be fast by doing the wrong thing.
"""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Final, NamedTuple, TypeAlias

WALL: Final = "wall"
CPU: Final = "cpu"
Figures: TypeAlias = dict[str, float]
"""The measurements of one run by name, such as `wall` and `cpu` in seconds."""


class Loop(NamedTuple):
    """The loop of a column: a module with asyncio's names, and its loop factory."""

    aio: ModuleType
    factory: Callable[[], Any] | None = None
    """None: the module's default."""

    def runner(self) -> Any:
        return self.aio.Runner(loop_factory=self.factory)


@dataclass(frozen=True, kw_only=True)
class Workload:
    """The fields that all kinds of workload have in common."""

    name: str
    group: str
    about: str
    """A description; {size} is replaced by the size."""
    size: int
    quick: int
    """The size for `--quick`."""
    in_quick: bool = True
    """Whether `--quick` includes it when it is not selected by name."""
    warmup: int | None = None
    """The size of the first run, which is not counted. None: the quick size; 0: no such run."""
    values: int = 1
    """The number of runs in one process; the sample is the lowest figure."""
    figure: str = WALL
    """The name of the figure that is compared; lower is better."""
    unit: str = "second"
    also: tuple[str, ...] = ()
    """Additional columns of this row."""
    possible: Callable[[Loop], bool] | None = None
    """Returns whether a loop can run it; None: every loop can."""

    @property
    def key(self) -> str:
        return f"{self.group}/{self.name}"


@dataclass(frozen=True, kw_only=True)
class OnLoop(Workload):
    """A coroutine, timed from its first to its last line on a running loop."""

    work: Callable[[ModuleType, int], Coroutine[Any, Any, int]]
    expected: Callable[[int], int]


@dataclass(frozen=True, kw_only=True)
class Standalone(Workload):
    """A plain function that creates its own loop or needs none."""

    work: Callable[[Loop, int], int]
    expected: Callable[[int], int]


@dataclass(frozen=True, kw_only=True)
class Measured(Workload):
    """A workload that measures itself; it gets the name of a column and a size."""

    sample: Callable[[str, int], Figures]


class WrongAnswerError(Exception):
    """The workload returned a wrong answer."""


def check(workload: OnLoop | Standalone, size: int, answer: int) -> None:
    """Raise WrongAnswerError if this is not the expected answer."""
    expected = workload.expected(size)
    if answer != expected:
        raise WrongAnswerError(f"{workload.key} returned {answer}, expected {expected}")
