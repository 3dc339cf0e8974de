"""How many of what are tried, and what this machine has room for."""

from collections.abc import Iterator
from importlib.util import find_spec
from typing import Final, NamedTuple

LOOPS: Final = ("asyncio", "miniloop", "uvloop")
MODELS: Final = (*LOOPS, "threads", "processes")
EXPERIMENTS: Final = {
    "sleepers": "sleep at the same time; late: how much later than asked one wakes up",
    "connections": "are open at the same time, a line there and back on each; late: the answer to "
    "one line more",
}
ROUNDS: Final = 3
MOST: Final = {
    # experiment: the largest number of each model, and in --quick
    "sleepers": {
        **dict.fromkeys(LOOPS, (1_000_000, 100_000)),
        "threads": (10_000, 1_000),
        "processes": (1_000, 100),
    },
    "connections": {
        **dict.fromkeys(LOOPS, (10_000, 1_000)),
        "threads": (10_000, 1_000),
        "processes": (1_000, 100),
    },
}
BYTES_EACH: Final = {
    # A generous guess of what one needs; what is resident for a process includes the kernel's part.
    "sleepers": {**dict.fromkeys(LOOPS, 2_500), "threads": 60_000, "processes": 2_000_000},
    "connections": {**dict.fromkeys(LOOPS, 40_000), "threads": 80_000, "processes": 2_000_000},
}
OTHER_FILES: Final = 64
"""Descriptors that a process has open besides its connections."""


class Point(NamedTuple):
    experiment: str
    model: str
    many: int

    @property
    def slow(self) -> bool:
        """So many take so long that they are measured once: the most of each model."""
        return self.many >= MOST[self.experiment][self.model][False]


class Machine(NamedTuple):
    memory: int
    """Bytes that are available."""
    files: int
    """Descriptors that a process may have, once the soft limit is raised to the hard one."""

    def objection(self, point: Point) -> str:
        """Why there is no room; "" if there is."""
        needed = point.many * BYTES_EACH[point.experiment][point.model]
        if needed > self.memory:
            have = f"{needed / 2**30:.1f} GiB needed, {self.memory / 2**30:.1f} available"
            return f"not enough memory: {have}"
        if point.experiment == "connections" and point.many + OTHER_FILES > self.files:
            return f"a process may open no more than {self.files:,} descriptors"
        return ""


def this_machine() -> Machine:
    import psutil

    from comparisons.scale.serve import allow_many_files

    return Machine(psutil.virtual_memory().available, allow_many_files())


def installed() -> tuple[str, ...]:
    """The models that can be run here."""
    return tuple(model for model in MODELS if model != "uvloop" or find_spec("uvloop"))


def numbers(most: int) -> Iterator[int]:
    """10, 100, 1,000 and so on, and at last `most`."""
    number = 10
    while number < most:
        yield number
        number *= 10
    yield most


def points(experiment: str, models: tuple[str, ...], *, quick: bool, most: int) -> list[Point]:
    """All that is to be tried, the smallest numbers first; nothing has more than `most`."""
    limits = {model: min(MOST[experiment][model][quick], most) for model in models}
    wanted = (Point(experiment, model, many) for model in models for many in numbers(limits[model]))
    return sorted(wanted, key=lambda point: (point.many, MODELS.index(point.model)))
