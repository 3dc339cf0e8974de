"""Taking samples: pairs of a plain form and miniloop, one directly after the other.

What slows the machine down for a while slows down both samples of a pair, and not their ratio. The
figure of a row is the median of the ratios of its pairs, and its interval a bootstrap over pairs.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Final, NamedTuple

from comparisons.fast_paths.edits import EditError, copy_of_miniloop
from comparisons.fast_paths.paths import CONTROL, FAST_PATHS, FastPath
from comparisons.fast_paths.workloads import WORKLOADS
from comparisons.knockout.parts import interval
from comparisons.loops.measure import keep_bytecode_in
from comparisons.loops.workload import OnLoop
from comparisons.ratios import Ratio
from comparisons.supervisor import ChildError, ask

ENOUGH: Final = 1.10
"""A fast path is clearly worth its code if the plain form of a whole workload takes this many times
as long. Why others are kept: see the section in comparisons/README.md."""
SAMPLE_SECONDS: Final = 120.0
VALUES: Final = 8
"""Runs in a sample; the fastest one counts. Rather more pairs of short samples than longer ones."""
QUICK_VALUES: Final = 5


class Pair(NamedTuple):
    """CPU times in seconds."""

    plain: float
    miniloop: float


@dataclass
class Row:
    """A fast path on one workload."""

    path: FastPath
    workload: OnLoop
    pairs: list[Pair] = field(default_factory=list)
    error: str = ""

    @property
    def ratio(self) -> Ratio | None:
        """The time of the plain form divided by that of miniloop; None without samples."""
        if not self.pairs or self.error:
            return None
        value = _median_ratio(self.pairs)
        if len(self.pairs) < 2:
            return Ratio(value, None, None)
        return Ratio(value, *interval(_median_ratio, self.pairs))

    @property
    def verdict(self) -> str:
        """Whether the ratio reaches 1.10: "yes" or "no", with "?" if the interval contains 1.10."""
        ratio = self.ratio
        if ratio is None or self.path.name == CONTROL:
            return ""
        if ratio.low is None or ratio.high is None:
            unclear = True
        else:
            unclear = round(ratio.low, 2) < ENOUGH <= round(ratio.high, 2)
        # Rounded as the table shows it: next to 1.10, "no" would be a riddle.
        return ("yes" if round(ratio.value, 2) >= ENOUGH else "no") + "?" * unclear


def _median_ratio(pairs: Sequence[tuple[float, ...]]) -> float:
    return median(plain / miniloop for plain, miniloop in pairs)


class Experiment:
    """All rows; copies of miniloop are made in the folder `scratch`."""

    def __init__(self, names: Sequence[str], rounds: int, quick: bool, scratch: Path) -> None:
        self.rounds = rounds
        self.quick = quick
        self.rows = [
            Row(FAST_PATHS[name], WORKLOADS[workload])
            for name in names
            for workload in FAST_PATHS[name].workloads
        ]
        self._miniloop = copy_of_miniloop(scratch / "miniloop")
        self._copies: dict[str, Path] = {}
        for number, name in enumerate(names):
            try:
                copy = copy_of_miniloop(scratch / str(number), FAST_PATHS[name].edits)
            except EditError as error:
                for row in self.rows:
                    row.error = row.error or (str(error) if row.path.name == name else "")
            else:
                self._copies[name] = copy
        self._environment = keep_bytecode_in(scratch / "bytecode")

    def run(self) -> Iterator[Row]:
        """Take all samples; yield each row before its pair."""
        for number in range(self.rounds):
            for row in self.rows:
                yield row
                if not row.error:
                    self._take_pair(row, plain_first=number % 2 == 1)

    def _take_pair(self, row: Row, plain_first: bool) -> None:
        folders = {"plain": self._copies[row.path.name], "miniloop": self._miniloop}
        order = ("plain", "miniloop") if plain_first else ("miniloop", "plain")
        try:
            seconds = {side: self._sample(row.workload, folders[side]) for side in order}
        except ChildError as error:
            row.error = str(error)
        else:
            row.pairs.append(Pair(**seconds))

    def _sample(self, workload: OnLoop, folder: Path) -> float:
        question = {
            "folder": str(folder),
            "workload": workload.name,
            "size": workload.quick if self.quick else workload.size,
            "values": QUICK_VALUES if self.quick else VALUES,
        }
        answer = ask("comparisons.fast_paths.sample", question, SAMPLE_SECONDS, self._environment)
        return float(answer["seconds"])
