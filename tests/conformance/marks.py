"""The marks: which listed tests are not applicable, the kind of reason, and the reason.

Purpose: reads `marks.toml` and finds the mark of a test.
Rules: each pattern of a mark matches a listed test on each of the mark's interpreters. Only tests
in the lists `internals` and `new` may have the kind `internals`. No test has two marks.
"""

from __future__ import annotations

import fnmatch
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.conformance.lists import Lists

FILE: Final = Path(__file__).parent / "marks.toml"
KINDS: Final = {
    "older": "expects older behaviour that a later release changed",
    "deprecated": "tests something deprecated in 3.13 or removed in 3.14",
    "accelerator": "needs the C module _asyncio",
    "internals": "uses private names",
}
#: The lists of which a test may have a mark of the kind `internals`.
MAY_USE_PRIVATE_NAMES: Final = ("internals", "new")
FIELDS: Final = {"kind", "tests", "reason", "pythons"}


class BadMarks(Exception):
    """The file of marks is invalid."""


@dataclass(frozen=True)
class Mark:
    kind: str
    patterns: tuple[str, ...]
    reason: str
    pythons: tuple[str, ...] = ()

    def is_for(self, minor: str) -> bool:
        return not self.pythons or minor in self.pythons

    def matches(self, test: str) -> bool:
        return any(fnmatch.fnmatchcase(test, pattern) for pattern in self.patterns)


def read_marks(text: str) -> list[Mark]:
    try:
        tables = tomllib.loads(text).get("mark", [])
    except tomllib.TOMLDecodeError as error:
        raise BadMarks(str(error)) from error
    return [_mark_from(table) for table in tables]


def _mark_from(table: dict[str, Any]) -> Mark:
    if not {"kind", "tests", "reason"} <= table.keys() <= FIELDS:
        raise BadMarks(
            f"a mark needs kind, tests, reason and optionally pythons, not {sorted(table)}"
        )
    if table["kind"] not in KINDS:
        raise BadMarks(f"unknown kind {table['kind']!r}: choose from {', '.join(KINDS)}")
    if not table["reason"].strip() or not table["tests"]:
        raise BadMarks(f"a mark has no reason or no tests: {table}")
    pythons = tuple(table.get("pythons", ()))
    return Mark(table["kind"], tuple(table["tests"]), table["reason"], pythons)


def marked(tests: Iterable[str], marks: list[Mark], minor: str) -> dict[str, Mark]:
    """Return the mark of each test that is marked on that minor version."""
    here = [mark for mark in marks if mark.is_for(minor)]
    found = ((test, next((m for m in here if m.matches(test)), None)) for test in tests)
    return {test: mark for test, mark in found if mark is not None}


def complaints(marks: list[Mark], all_lists: list[Lists]) -> Iterator[str]:
    """Yield what is wrong with the marks, independent of test outcomes."""
    for lists in all_lists:
        here = [mark for mark in marks if mark.is_for(lists.minor)]
        for mark in here:
            for pattern in mark.patterns:
                if not fnmatch.filter(lists.tests, pattern):
                    yield f"{pattern} matches no listed test of {lists.version}"
        for test, kind in lists.tests.items():
            of_test = [mark for mark in here if mark.matches(test)]
            if len(of_test) > 1:
                yield f"{test} has {len(of_test)} marks on {lists.version}"
            if kind not in MAY_USE_PRIVATE_NAMES and any(
                mark.kind == "internals" for mark in of_test
            ):
                yield f"{test} is marked as internals, but is listed in {kind}-{lists.version}"
