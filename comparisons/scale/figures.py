"""The result of a sample, and the exception for missing resources."""

from typing import NamedTuple


class Figures(NamedTuple):
    """The figures of one model with N sleepers or connections, in seconds and bytes."""

    cpu: float
    """The CPU time of the process and its descendants, since their start."""
    cpu_each: float
    """The CPU time that each sleeper or connection adds."""
    memory: int
    """The memory resident while all sleep or are open; shared memory is counted once."""
    memory_each: float
    p50: float
    """The median delay: of a sleeper past its wake-up time, of a connection until its response."""
    p99: float
    slowest: float


class Refused(Exception):
    """The machine has too few resources; the message says of which kind."""


def spread_of(values: list[float]) -> tuple[float, float, float]:
    """Return the median, the 99th percentile and the maximum."""
    ordered = sorted(values)
    last = len(ordered) - 1
    return ordered[last // 2], ordered[round(last * 0.99)], ordered[last]
