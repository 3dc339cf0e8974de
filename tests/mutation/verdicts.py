"""What became of the mutants, and what is said of those that survive.

Purpose: to count, to show, to write down, and to compare the survivors with `survivors.toml`, in
which each is explained by a reader. An explanation names a mutant by its function and its line, as
it was and as it is, so that it does not outlive either.
This file does not know how a verdict comes about. Read mutants.py first.
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
    """What became of a mutant."""

    key: Key
    line: int
    operator: str
    outcome: str  # survived, failed (a test has), hung or crashed (in a test)
    killer: str  # of which tests that was one; empty for a survivor
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
    """Why no test can tell a mutant from the original."""

    key: Key
    why: str


class BadExplanations(Exception):
    """survivors.toml does not say what it has to."""


def read_explanations(file: Path) -> list[Explanation]:
    """Raises BadExplanations."""
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
        raise ValueError(f"an entry without words: {entry}")
    module, function, line, mutant, why = texts
    return Explanation((module, function, line, mutant, entry.get("nth", 1)), why.strip())


def outdated(explanations: Sequence[Explanation], config: Config) -> Iterator[str]:
    """Explanations of lines that are not there any more."""
    for entry in explanations:
        module, function, line, _, _ = entry.key
        source = config.source_of(module)
        if not source.is_file() or line not in _lines_of(function, source):
            yield f"{module}, {function}: there is no line {line!r}"


def _lines_of(function: str, file: Path) -> list[str]:
    """The lines of a function, or with "" of the file, without indentation and comments."""
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
    """The verdicts of a run, and what they are worth."""

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
        """Explanations of mutants that are killed."""
        for verdict in self.verdicts:
            if verdict.killed and verdict.key in self.explanations:
                yield f"explained, but killed by {verdict.test or verdict.killer}:\n{verdict}"

    def totals(self) -> dict[str, dict[str, int]]:
        """By module: mutants, those killed by each killer, survivors and how many are explained."""
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
        killed = f"{all_ - survived} of {all_} mutants are killed ({1 - survived / all_:.1%})"
        explained = f"of {survived} survivors {survived - len(self.unexplained)} are explained"
        return f"CPython {self.python}: {killed}; {explained}"

    def table(self, killers: Sequence[str]) -> Table:
        columns = ["mutants", *killers, "survived", "explained"]
        table = Table("module", title="mutants, and what has killed them", title_justify="left")
        for column in columns:
            table.add_column(column, justify="right")
        totals: Counter[str] = Counter()
        for module, counts in self.totals().items():
            totals.update(counts)
            table.add_row(module, *(str(counts.get(column, 0)) for column in columns))
        table.add_section()
        table.add_row("together", *(str(totals[column]) for column in columns))
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
    """What an earlier run has written. Raises ValueError or OSError."""
    try:
        entries = json.loads(file.read_text(encoding="utf-8"))["verdicts"]
        return [_verdict_from_json(entry) for entry in entries]
    except (KeyError, TypeError) as error:
        raise ValueError(f"{file} is no result of a run") from error


def _verdict_from_json(entry: dict[str, Any]) -> Verdict:
    module, function, before, after, nth = (
        entry[name] for name in ("module", "function", "before", "after", "nth")
    )
    rest = (entry[name] for name in ("line", "operator", "outcome", "killer", "test"))
    return Verdict((module, function, before, after, nth), *rest)
