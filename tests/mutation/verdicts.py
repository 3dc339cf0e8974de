"""The results for all mutants, and the explanations of survivors.

Purpose: counts, prints and saves the results, and compares the survivors with `survivors.toml`, in
which a person explains each one. An explanation names a mutant by its function, its original line
and its changed line. If one of these disappears, the explanation is reported.
Does not depend on how a verdict is reached. Read mutants.py first.
"""

from __future__ import annotations

import ast
import json
import tomllib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from rich.table import Table

from tests.mutation.config import Config
from tests.mutation.lines import Key, bare_line

RECORD: Final = Path(__file__).with_name("record.json")


@dataclass(frozen=True)
class Verdict:
    """The result for one mutant."""

    key: Key
    line: int
    operator: str
    outcome: str  # survived, failed (a test failed), hung or crashed (in a test)
    killer: str  # the group of the test that killed it; "" for a survivor
    test: str

    @property
    def killed(self) -> bool:
        return self.outcome != "survived"

    def __str__(self) -> str:
        module, function, before, after, nth = self.key
        number = f" ({nth})" if nth > 1 else ""
        return f"{module}:{self.line} {function}\n    - {before}\n    + {after}{number}"


@dataclass(frozen=True)
class Explanation:
    """The reason why no test can distinguish a mutant from the original."""

    key: Key
    why: str


class BadExplanations(Exception):
    """survivors.toml is invalid."""


def read_explanations(file: Path) -> list[Explanation]:
    """Read the explanations; raise BadExplanations if the file is invalid."""
    try:
        entries = tomllib.loads(file.read_text(encoding="utf-8")).get("survivor", [])
        found = [_explanation(entry) for entry in entries]
    except (OSError, ValueError) as error:
        raise BadExplanations(f"{file}: {error}") from error
    except KeyError as missing:
        raise BadExplanations(f"{file}: an entry has no {missing}") from missing
    for key, count in Counter(entry.key for entry in found).items():
        if count > 1:
            raise BadExplanations(f"{file}: {key} is explained twice")
    return found


def _explanation(entry: dict[str, Any]) -> Explanation:
    texts = [entry[name] for name in ("module", "function", "line", "mutant", "why")]
    if not all(isinstance(text, str) for text in texts) or not entry["why"].strip():
        raise ValueError(f"an entry has no reason or a wrong type: {entry}")
    module, function, line, mutant, why = texts
    return Explanation((module, function, line, mutant, entry.get("nth", 1)), why.strip())


def outdated(explanations: Sequence[Explanation], config: Config) -> Iterator[str]:
    """Yield the explanations whose line no longer exists."""
    for entry in explanations:
        module, function, line, _, _ = entry.key
        source = config.source_of(module)
        if not source.is_file() or line not in _lines_of(function, source):
            yield f"{module}, {function}: there is no line {line!r}"


def _lines_of(function: str, file: Path) -> list[str]:
    """Return the lines of a function (of the file for ""), without indentation and comments."""
    text = file.read_text(encoding="utf-8")
    lines = [bare_line(line) for line in text.splitlines()]
    if not function:
        return lines
    node: Any = ast.parse(text)
    for name in function.split("."):
        node = next((n for n in node.body if getattr(n, "name", "") == name), None)
        if node is None:
            return []
    first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
    return lines[first - 1 : node.end_lineno]


@dataclass
class Results:
    """The verdicts of a run, and their totals."""

    python: str
    explanations: dict[Key, Explanation]
    verdicts: list[Verdict] = field(default_factory=list)

    @property
    def survivors(self) -> list[Verdict]:
        return [verdict for verdict in self.verdicts if not verdict.killed]

    @property
    def unexplained(self) -> list[Verdict]:
        return [verdict for verdict in self.survivors if verdict.key not in self.explanations]

    def needless(self) -> Iterator[str]:
        """Yield the explanations of mutants that are killed."""
        for verdict in self.verdicts:
            if verdict.killed and verdict.key in self.explanations:
                yield f"explained, but killed by {verdict.test or verdict.killer}:\n{verdict}"

    def totals(self) -> dict[str, dict[str, int]]:
        """Count by module: mutants, kills by each killer, survivors, and explained survivors."""
        modules: dict[str, Counter[str]] = {}
        for verdict in self.verdicts:
            counts = modules.setdefault(verdict.key[0], Counter())
            counts["mutants"] += 1
            counts[verdict.killer or "survived"] += 1
            counts["explained"] += not verdict.killed and verdict.key in self.explanations
        return {module: dict(counts) for module, counts in modules.items()}

    def as_json(self) -> dict[str, Any]:
        return {
            "python": self.python,
            "modules": self.totals(),
            "verdicts": [_verdict_as_json(verdict) for verdict in self.verdicts],
        }

    def summary(self) -> str:
        survived, all_ = len(self.survivors), len(self.verdicts)
        killed = f"{all_ - survived} of {all_} mutants killed ({1 - survived / all_:.1%})"
        explained = f"{survived - len(self.unexplained)} of {survived} survivors explained"
        return f"CPython {self.python}: {killed}; {explained}"

    def table(self, killers: Sequence[str]) -> Table:
        columns = ["mutants", *killers, "survived", "explained"]
        table = Table(
            "module", title="Mutants, and those killed by each group of tests", title_justify="left"
        )
        for column in columns:
            table.add_column(column, justify="right")
        totals: Counter[str] = Counter()
        for module, counts in self.totals().items():
            totals.update(counts)
            table.add_row(module, *(str(counts.get(column, 0)) for column in columns))
        table.add_section()
        table.add_row("total", *(str(totals[column]) for column in columns))
        return table


def _verdict_as_json(verdict: Verdict) -> dict[str, Any]:
    module, function, before, after, nth = verdict.key
    return {
        "module": module,
        "function": function,
        "line": verdict.line,
        "operator": verdict.operator,
        "before": before,
        "after": after,
        "nth": nth,
        "outcome": verdict.outcome,
        "killer": verdict.killer,
        "test": verdict.test,
    }


def read_verdicts(file: Path) -> list[Verdict]:
    """Read the results of an earlier run; raise ValueError or OSError."""
    try:
        entries = json.loads(file.read_text(encoding="utf-8"))["verdicts"]
        return [_verdict_from_json(entry) for entry in entries]
    except (KeyError, TypeError) as error:
        raise ValueError(f"{file} has no results of a run") from error


def _verdict_from_json(entry: dict[str, Any]) -> Verdict:
    module, function, before, after, nth = (
        entry[name] for name in ("module", "function", "before", "after", "nth")
    )
    rest = (entry[name] for name in ("line", "operator", "outcome", "killer", "test"))
    return Verdict((module, function, before, after, nth), *rest)
