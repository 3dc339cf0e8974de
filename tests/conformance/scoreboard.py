"""The scoreboard: verdicts as a table and as JSON, and a comparison with recorded totals.

Purpose: gives each listed test a verdict, counts them per module and per list, and collects the
complaints that make the command fail.
Rules: a listed test passes or fails, unless a mark makes it not applicable. A skipped test does not
pass. A marked test that passes is a complaint: its mark is obsolete.
`scoreboard.json` has the totals of each release, in the full and in the plain shadow. Fewer passed
or more not applicable is worse.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from rich.table import Table

from tests.conformance.lists import Lists, module_of
from tests.conformance.marks import Mark
from tests.conformance.supervisor import ModuleRun, Outcome

RECORD: Final = Path(__file__).parent / "scoreboard.json"
PASSED: Final = "passed"
FAILED: Final = "failed"
NOT_APPLICABLE: Final = "not applicable"
STATUSES: Final = (PASSED, FAILED, NOT_APPLICABLE)
#: The two shadows of which the totals are recorded.
FULL: Final = "full"
PLAIN: Final = "plain"


@dataclass(frozen=True)
class Verdict:
    """The meaning of an outcome; `obsolete` if a marked test passes."""

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
    def obsolete(self) -> bool:
        return self.outcome.passed and self.mark is not None

    @property
    def summary(self) -> str:
        """The last line of the failure's text, which names the exception."""
        lines = [line for line in self.outcome.fault.splitlines() if line.strip()]
        return lines[-1].strip() if lines else ""


class Scoreboard:
    """The verdicts of one run."""

    def __init__(
        self,
        name: str,
        version: str,
        lists: Lists,
        marks: dict[str, Mark],
        runs: list[ModuleRun],
        plain: bool = False,
    ) -> None:
        self.name = name
        self.version = version
        self._runs = runs
        self.plain = plain
        self.lists = lists
        self.verdicts = [
            Verdict(test, lists.tests[test], outcome, marks.get(test))
            for run in runs
            for test, outcome in sorted(run.outcomes.items())
            if version == lists.version or test in run.suite or not run.suite
        ]

    @property
    def shadow(self) -> str:
        return PLAIN if self.plain else FULL

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
        """Yield errors other than failed tests."""
        for run in self._runs:
            if run.real_asyncio:
                names = ", ".join(sorted(run.real_asyncio))
                yield f"{run.module} loaded the real asyncio: {names}"
        for verdict in self.verdicts:
            if verdict.obsolete and verdict.mark:
                yield f"{verdict.test} passes, but is marked: {verdict.mark.reason}"

    def totals(self) -> dict[str, dict[str, int]]:
        """Count tests by list and status."""
        return {
            kind: _counts(verdict for verdict in self.verdicts if verdict.list == kind)
            for kind in self.lists.kinds
        }

    def modules(self) -> dict[str, dict[str, int]]:
        return {
            run.module: _counts(v for v in self.verdicts if module_of(v.test) == run.module)
            for run in self._runs
        }

    def summary(self) -> str:
        """Summarize the lists that must pass: all but internals."""
        bar = Counter(v.status for v in self.verdicts if v.list != "internals")
        counts = ", ".join(f"{bar[status]} {status}" for status in STATUSES)
        share = bar[NOT_APPLICABLE] / (bar.total() or 1)
        *others, last = (kind for kind in self.lists.kinds if kind != "internals")
        names = f"{', '.join(others)} and {last}" if others else last
        where = " in the plain shadow" if self.plain else ""
        return f"CPython {self.version}, {names}{where}: {counts} ({share:.1%} of all)."

    def as_json(self) -> dict[str, Any]:
        others = [verdict for verdict in self.verdicts if verdict.status != PASSED]
        return {
            "implementation": self.name,
            "shadow": self.shadow,
            "python": self.version,
            "lists": self.totals(),
            "modules": self.modules(),
            "not listed": self.in_no_list,
            "passed on the second try": self.at_second_try,
            "complaints": list(self.complaints()),
            "tests": {verdict.test: _as_json(verdict) for verdict in others},
        }

    def table(self) -> Table:
        where = ", plain shadow" if self.plain else ""
        table = Table(title=f"{self.name}: asyncio tests of CPython {self.version}{where}")
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


def read_record(shadow: str = FULL) -> dict[str, dict[str, dict[str, int]]]:
    """Read the recorded counts: release to list to status to number of tests."""
    if not RECORD.exists():
        return {}
    record: dict[str, dict[str, dict[str, int]]] = json.loads(RECORD.read_text(encoding="utf-8"))[
        shadow
    ]
    return record


def write_record(board: Scoreboard) -> None:
    record = {shadow: read_record(shadow) for shadow in (FULL, PLAIN)}
    record[board.shadow][board.version] = board.totals()
    RECORD.write_text(json.dumps(record, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def worse_than_recorded(
    totals: dict[str, dict[str, int]], recorded: dict[str, dict[str, int]]
) -> Iterator[str]:
    for kind, before in recorded.items():
        now = totals[kind]
        if now[PASSED] < before[PASSED]:
            yield f"{kind}: {now[PASSED]} passed, fewer than the recorded {before[PASSED]}"
        if now[NOT_APPLICABLE] > before[NOT_APPLICABLE]:
            were = before[NOT_APPLICABLE]
            yield f"{kind}: {now[NOT_APPLICABLE]} not applicable, more than the recorded {were}"
