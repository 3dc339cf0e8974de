"""Which N are measured for each model, and for which this machine has enough resources."""

from collections.abc import Iterator
from importlib.util import find_spec
from typing import Final, NamedTuple

LOOPS: Final = ("asyncio", "miniloop", "uvloop")
MODELS: Final = (*LOOPS, "threads", "processes")
EXPERIMENTS: Final = {
    "sleepers": "N sleep concurrently; delay: time past the requested wake-up",
    "connections": "N are open; delay: response time of a one-line request",
}
"""The description of each experiment."""
ROUNDS: Final = 3
MOST: Final = {
    # for each experiment and model: the largest N, and the largest N with --quick
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
    # A generous estimate of the memory of one; for a process, it includes memory of the kernel.
    "sleepers": {**dict.fromkeys(LOOPS, 2_500), "threads": 60_000, "processes": 2_000_000},
    "connections": {**dict.fromkeys(LOOPS, 40_000), "threads": 80_000, "processes": 2_000_000},
}
OTHER_FILES: Final = 64
"""Descriptors that a process needs in addition to its connections."""


class Point(NamedTuple):
    experiment: str
    model: str
    many: int

    @property
    def slow(self) -> bool:
        """Whether this is the largest N of the model, which is measured only once."""
        return self.many >= MOST[self.experiment][self.model][False]


class Machine(NamedTuple):
    memory: int
    """Available memory in bytes."""
    files: int
    """The number of descriptors that a process may open, with the soft limit raised."""

    def reason_to_skip(self, point: Point) -> str:
        """Say which resource is missing for this point; "" if there is enough."""
        needed = point.many * BYTES_EACH[point.experiment][point.model]
        if needed > self.memory:
            sizes = f"{needed / 2**30:.1f} GiB needed, {self.memory / 2**30:.1f} GiB available"
            return f"not enough memory: {sizes}"
        if point.experiment == "connections" and point.many + OTHER_FILES > self.files:
            return f"a process can open at most {self.files:,} descriptors"
        return ""


def this_machine() -> Machine:
    import psutil

    from comparisons.scale.serve import allow_many_files

    return Machine(psutil.virtual_memory().available, allow_many_files())


def installed() -> tuple[str, ...]:
    """Return the models that can run here."""
    return tuple(model for model in MODELS if model != "uvloop" or find_spec("uvloop"))


def numbers(most: int) -> Iterator[int]:
    """Yield 10, 100, 1,000 and so on, and finally `most`."""
    number = 10
    while number < most:
        yield number
        number *= 10
    yield most


def points(experiment: str, models: tuple[str, ...], *, quick: bool, most: int) -> list[Point]:
    """Return all points to measure, smallest N first; no N is larger than `most`."""
    limits = {model: min(MOST[experiment][model][quick], most) for model in models}
    found = (Point(experiment, model, many) for model in models for many in numbers(limits[model]))
    return sorted(found, key=lambda point: (point.many, MODELS.index(point.model)))
