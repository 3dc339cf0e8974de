"""The scoreboard: what the outcomes mean, as a table, as JSON, and beside the recorded totals.

Purpose: a verdict for each listed test, totals per module and per list, and the complaints that
make the exit status.
Rules: a listed test passes or is a failure, unless a mark says that it is not applicable; being
skipped is no pass. A marked test that passes is a complaint, for the mark is rotten.
`scoreboard.json` holds the totals of each release; fewer passed, or more not applicable, is worse.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from rich.table import Table

from tests.conformance.lists import KINDS, Lists, module_of
from tests.conformance.marks import Mark
from tests.conformance.supervisor import ModuleRun, Outcome

RECORD: Final = Path(__file__).parent / "scoreboard.json"
PASSED: Final = "passed"
FAILED: Final = "failed"
NOT_APPLICABLE: Final = "not applicable"
STATUSES: Final = (PASSED, FAILED, NOT_APPLICABLE)


@dataclass(frozen=True)
class Verdict:
    """What a test's outcome means: `rotten` if it has a mark and passes."""

    test: str
    list: str
    outcome: Outcome
    mark: Mark | None

    @property
    def status(self) -> str:
        if self.outcome.passed:
            return PASSED
        return NOT_APPLICABLE if self.mark else FAILED

    @property
    def rotten(self) -> bool:
        return self.outcome.passed and self.mark is not None

    @property
    def summary(self) -> str:
        """The last line of the fault, which names the exception."""
        lines = [line for line in self.outcome.fault.splitlines() if line.strip()]
        return lines[-1].strip() if lines else ""


class Scoreboard:
    """The verdicts of one run."""

    def __init__(
        self, name: str, version: str, lists: Lists, marks: dict[str, Mark], runs: list[ModuleRun]
    ) -> None:
        self.name = name
        self.version = version
        self._runs = runs
        self.lists = lists
        self.verdicts = [
            Verdict(test, lists.tests[test], outcome, marks.get(test))
            for run in runs
            for test, outcome in sorted(run.outcomes.items())
            if version == lists.version or test in run.suite or not run.suite
        ]

    @property
    def failures(self) -> list[Verdict]:
        return [verdict for verdict in self.verdicts if verdict.status == FAILED]

    @property
    def at_second_try(self) -> list[str]:
        return [v.test for v in self.verdicts if v.outcome.passed and v.outcome.tries > 1]

    @property
    def in_no_list(self) -> int:
        return len(set().union(*(run.suite for run in self._runs)) - self.lists.tests.keys())

    def complaints(self) -> Iterator[str]:
        """What is wrong besides the failures."""
        for run in self._runs:
            if run.real_asyncio:
                names = ", ".join(sorted(run.real_asyncio))
                yield f"{run.module} has loaded the real asyncio: {names}"
        for verdict in self.verdicts:
            if verdict.rotten and verdict.mark:
                yield f"{verdict.test} passes, but has a mark: {verdict.mark.reason}"

    def totals(self) -> dict[str, dict[str, int]]:
        """List to status to number."""
        return {
            kind: _counts(verdict for verdict in self.verdicts if verdict.list == kind)
            for kind in KINDS
        }

    def modules(self) -> dict[str, dict[str, int]]:
        return {
            run.module: _counts(v for v in self.verdicts if module_of(v.test) == run.module)
            for run in self._runs
        }

    def summary(self) -> str:
        """A line on the two lists that are the bar."""
        bar = Counter(v.status for v in self.verdicts if v.list in ("public", "hooks"))
        counts = ", ".join(f"{bar[status]} {status}" for status in STATUSES)
        share = bar[NOT_APPLICABLE] / (bar.total() or 1)
        return f"CPython {self.version}, public and hooks: {counts} ({share:.1%})."

    def as_json(self) -> dict[str, Any]:
        others = [verdict for verdict in self.verdicts if verdict.status != PASSED]
        return {
            "implementation": self.name,
            "python": self.version,
            "lists": self.totals(),
            "modules": self.modules(),
            "in no list": self.in_no_list,
            "passed at the second try": self.at_second_try,
            "complaints": list(self.complaints()),
            "tests": {verdict.test: _as_json(verdict) for verdict in others},
        }

    def table(self) -> Table:
        table = Table(title=f"{self.name} under the tests of CPython {self.version}")
        table.add_column("test module")
        for status in STATUSES:
            table.add_column(status, justify="right")
        for module, counts in self.modules().items():
            table.add_row(module, *_cells(counts))
        table.add_section()
        for kind, counts in self.totals().items():
            table.add_row(f"list: {kind}", *_cells(counts))
        return table


def _counts(verdicts: Iterable[Verdict]) -> dict[str, int]:
    counted = Counter(verdict.status for verdict in verdicts)
    return {status: counted[status] for status in STATUSES}


def _cells(counts: dict[str, int]) -> list[str]:
    styles = dict(zip(STATUSES, ("green", "bold red", "yellow"), strict=True))
    return [f"[{styles[status]}]{n}[/]" if n else "·" for status, n in counts.items()]


def _as_json(verdict: Verdict) -> dict[str, str]:
    mark = verdict.mark
    marked = {"kind": mark.kind, "reason": mark.reason} if mark else {}
    fault = verdict.outcome.fault
    return {"list": verdict.list, "status": verdict.status, "fault": fault, **marked}


def read_record() -> dict[str, dict[str, dict[str, int]]]:
    """Release to list to status to number, of the runs that have been recorded."""
    if not RECORD.exists():
        return {}
    record: dict[str, dict[str, dict[str, int]]] = json.loads(RECORD.read_text(encoding="utf-8"))
    return record


def write_record(board: Scoreboard) -> None:
    record = read_record() | {board.version: board.totals()}
    RECORD.write_text(json.dumps(record, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def worse_than_recorded(
    totals: dict[str, dict[str, int]], recorded: dict[str, dict[str, int]]
) -> Iterator[str]:
    for kind, before in recorded.items():
        now = totals[kind]
        if now[PASSED] < before[PASSED]:
            yield f"{kind}: {now[PASSED]} passed, and the record has {before[PASSED]}"
        if now[NOT_APPLICABLE] > before[NOT_APPLICABLE]:
            were = before[NOT_APPLICABLE]
            yield f"{kind}: {now[NOT_APPLICABLE]} not applicable, and the record has {were}"
