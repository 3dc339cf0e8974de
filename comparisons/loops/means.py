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
    rows: int
    """How many rows it goes over."""
    to_reference: dict[str, float]
    """The mean of each column's ratios to the reference."""
    to_uvloop: float | None
    """That of miniloop's ratios to uvloop."""


class Worst(NamedTuple):
    name: str
    value: float


def means(rows: Sequence[Row], columns: Sequence[str]) -> list[Mean]:
    """Over the micro rows, and over all that a loop can change."""
    micro = [row for row in rows if row.workload.group == MICRO]
    counted = [row for row in rows if row.workload.group not in NOT_A_WORKLOAD]
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
    """Over the rows that have both columns; None if there are none."""
    ratios = [row.relative(column, to) for row in rows]
    known = [ratio for ratio in ratios if ratio is not None]
    return geometric_mean(known) if known else None


def worst_micro(rows: Iterable[Row]) -> Worst | None:
    """The micro row in which miniloop is furthest behind, or least ahead."""
    found = [
        Worst(row.workload.name, row.ratios[OURS].value)
        for row in rows
        if row.workload.group == MICRO and OURS in row.ratios
    ]
    return max(found, key=lambda worst: worst.value, default=None)
