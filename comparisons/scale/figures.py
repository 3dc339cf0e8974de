"""What a sample finds out, and what it may not have."""

from typing import NamedTuple


class Figures(NamedTuple):
    """Of one model with so many sleepers, or connections. Seconds and bytes."""

    cpu: float
    """Of the whole process and all below it, from its start on."""
    cpu_each: float
    """Of one: what came on top when there were many, divided."""
    memory: int
    """Resident while all slept, or all were open; what processes share is counted once."""
    memory_each: float
    p50: float
    """How late a sleeper woke up; of a connection, how long an answer took."""
    p99: float
    slowest: float


class Refused(Exception):
    """The machine does not give so many; the text says of what."""


def spread_of(values: list[float]) -> tuple[float, float, float]:
    """The median, the 99th percentile and the largest."""
    ordered = sorted(values)
    last = len(ordered) - 1
    return ordered[last // 2], ordered[round(last * 0.99)], ordered[last]
