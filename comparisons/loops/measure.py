"""Taking samples: each in a new process, the columns interleaved, in several rounds.

A round takes one sample of every row and column. The order of the columns rotates from round to
round, so that drift of the machine affects all columns equally. A column that failed once in a row
is not sampled again in that row; the others continue.
"""

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Final, NamedTuple

from comparisons.loops.columns import REFERENCE, title
from comparisons.loops.worker import Request
from comparisons.loops.workload import Figures, Workload
from comparisons.ratios import Ratio, ratio_of_medians
from comparisons.supervisor import ChildError, ask

WORKER: Final = "comparisons.loops.worker"
MOST_QUICK_VALUES: Final = 2
SAMPLE_SECONDS: Final = 300.0
"""The timeout of a sample in seconds."""


class Plan(NamedTuple):
    mode: str
    """"quick", "default" or "rigorous"."""
    rounds: int
    workloads: tuple[Workload, ...]
    columns: tuple[str, ...]

    def request(self, workload: Workload, column: str) -> Request:
        quick = self.mode == "quick"
        return Request(
            workload.key,
            column,
            size=workload.quick if quick else workload.size,
            values=min(workload.values, MOST_QUICK_VALUES) if quick else workload.values,
            warmup=workload.quick if workload.warmup is None else workload.warmup,
        )

    def columns_of(self, workload: Workload) -> tuple[str, ...]:
        return (*self.columns, *workload.also)


class Sample(NamedTuple):
    """The answer of one process."""

    values: list[Figures]
    warmups: list[Figures]

    def least(self, figure: str) -> float:
        """Return the lowest value: noise makes a run slower, never faster."""
        return min(value[figure] for value in self.values)


@dataclass
class Row:
    workload: Workload
    samples: dict[str, list[Sample]] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    impossible: set[str] = field(default_factory=set)
    """Columns whose loop cannot run this workload here."""
    ratios: dict[str, Ratio] = field(default_factory=dict)
    """The ratio to the reference for each other column."""

    @property
    def error_lines(self) -> list[str]:
        name = self.workload.key
        return [f"{name}, {title(at)}: {text}" for at, text in self.errors.items()]

    def figures(self, column: str) -> list[float]:
        """Return the compared figure of each process."""
        samples = self.samples.get(column, [])
        return [sample.least(self.workload.figure) for sample in samples]

    def judge(self) -> None:
        """Compare all columns that have samples with the reference."""
        reference = self.figures(REFERENCE)
        for column in self.samples:
            if column != REFERENCE and reference:
                self.ratios[column] = ratio_of_medians(self.figures(column), reference)

    def relative(self, column: str, to: str) -> float | None:
        """Return the ratio of medians of two columns; None if one of them has no sample."""
        mine, others = self.figures(column), self.figures(to)
        return median(mine) / median(others) if mine and others else None


class Experiment:
    def __init__(self, plan: Plan, scratch: Path) -> None:
        self.plan = plan
        self.rows = [Row(workload) for workload in plan.workloads]
        self._environment = keep_bytecode_in(scratch)

    @property
    def total(self) -> int:
        columns = sum(len(self.plan.columns_of(workload)) for workload in self.plan.workloads)
        return columns * self.plan.rounds

    def run(self) -> Iterator[tuple[Row, str]]:
        """Take all samples; yield the row and column before each sample."""
        for number in range(self.plan.rounds):
            for row in self.rows:
                for column in rotated(self.plan.columns_of(row.workload), number):
                    yield row, column
                    self._sample(row, column)

    def _sample(self, row: Row, column: str) -> None:
        if column in row.errors or column in row.impossible or REFERENCE in row.impossible:
            return
        request = self.plan.request(row.workload, column)
        try:
            answer = ask(WORKER, request._asdict(), SAMPLE_SECONDS, self._environment)
        except ChildError as error:
            row.errors[column] = str(error)
            return
        if answer.get("impossible"):
            row.impossible.add(column)
        else:
            row.samples.setdefault(column, []).append(Sample(**answer))


def keep_bytecode_in(scratch: Path) -> Mapping[str, str]:
    """Return environment variables with which only the first sample compiles the sources.

    Without them, if Python writes no bytecode, every sample would compile them again.
    """
    if not sys.dont_write_bytecode:
        return {}
    return {"PYTHONPYCACHEPREFIX": str(scratch), "PYTHONDONTWRITEBYTECODE": ""}


def rotated(columns: Sequence[str], number: int) -> list[str]:
    """Return the columns, rotated left `number` times."""
    start = number % len(columns)
    return [*columns[start:], *columns[:start]]
