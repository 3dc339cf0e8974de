"""What all rows say together: geometric means of the ratios, and the worst micro row."""

from collections.abc import Iterable, Sequence
from statistics import geometric_mean
from typing import Final, NamedTuple

from comparisons.loops.classics import CONTROL
from comparisons.loops.columns import REFERENCE
from comparisons.loops.measure import Row
from comparisons.loops.micro import GROUP as MICRO
from comparisons.loops.process import GROUP as PROCESS

OURS: Final = "miniloop"
NOT_A_WORKLOAD: Final = (CONTROL, PROCESS)
"""Groups that no mean includes: no loop changes the one, and the other is no work of a loop."""


class Mean(NamedTuple):
    name: str
    column: str
    to: str
    value: float
    rows: int


class Worst(NamedTuple):
    name: str
    value: float


def means(rows: Sequence[Row], columns: Sequence[str]) -> list[Mean]:
    """Of all columns against the reference, and of miniloop against uvloop."""
    pairs = [(column, REFERENCE) for column in columns if column != REFERENCE]
    if OURS in columns and "uvloop" in columns:
        pairs.append((OURS, "uvloop"))
    micro = [row for row in rows if row.workload.group == MICRO]
    counted = [row for row in rows if row.workload.group not in NOT_A_WORKLOAD]
    found = [
        mean(name, part, column, to)
        for column, to in pairs
        for name, part in (("micro rows", micro), ("all rows", counted))
    ]
    return [each for each in found if each is not None]


def mean(name: str, rows: Iterable[Row], column: str, to: str) -> Mean | None:
    """Over the rows that have both columns; None if there are none."""
    ratios = [row.relative(column, to) for row in rows]
    known = [ratio for ratio in ratios if ratio is not None]
    return Mean(name, column, to, geometric_mean(known), len(known)) if known else None


def worst_micro(rows: Iterable[Row]) -> Worst | None:
    """The micro row in which miniloop is furthest behind, or least ahead."""
    found = [
        Worst(row.workload.name, row.ratios[OURS].value)
        for row in rows
        if row.workload.group == MICRO and OURS in row.ratios
    ]
    return max(found, key=lambda worst: worst.value, default=None)
