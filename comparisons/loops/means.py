"""Summaries over all rows: geometric means of the ratios, and miniloop's worst micro row."""

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
"""Groups left out of the means: the event loop does not run them."""


class Mean(NamedTuple):
    name: str
    rows: int
    """The number of rows."""
    to_reference: dict[str, float]
    """For each column, the mean of its ratios to the reference."""
    to_uvloop: float | None
    """The mean of miniloop's ratios to uvloop."""


class Worst(NamedTuple):
    name: str
    value: float


def means(rows: Sequence[Row], columns: Sequence[str]) -> list[Mean]:
    """Return the means over the micro rows, and over all rows that an event loop runs."""
    counted = [
        row for row in rows if row.workload.group not in NOT_A_WORKLOAD and row.figures(REFERENCE)
    ]
    micro = [row for row in counted if row.workload.group == MICRO]
    others = [column for column in columns if column != REFERENCE]
    return [
        Mean(
            name,
            len(part),
            {column: mean for column in others if (mean := _mean(part, column, REFERENCE))},
            _mean(part, OURS, "uvloop"),
        )
        for name, part in (("micro rows", micro), ("all rows", counted))
        if part
    ]


def _mean(rows: Iterable[Row], column: str, to: str) -> float | None:
    """Return the mean over the rows that have both columns; None if there are none."""
    ratios = [row.relative(column, to) for row in rows]
    known = [ratio for ratio in ratios if ratio is not None]
    return geometric_mean(known) if known else None


def worst_micro(rows: Iterable[Row]) -> Worst | None:
    """Return the micro row with the highest ratio of miniloop to the reference."""
    found = [
        Worst(row.workload.name, row.ratios[OURS].value)
        for row in rows
        if row.workload.group == MICRO and OURS in row.ratios
    ]
    return max(found, key=lambda worst: worst.value, default=None)
