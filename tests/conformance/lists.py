"""The lists: which tests of which release count.

Purpose: `lists/LIST-VERSION.txt` holds the ids of the tests that asyncio itself passes on that
release without its C accelerator, without the prefix `test.test_asyncio.` that all share.
`public` tests use public names only; `hooks` tests also use the few private names by which the
suite's own loop is driven; `internals` tests reach deeper.
Rules: an interpreter is judged by the lists of its own release, or else by those of its minor
version, whose tests another release may lack.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).parent / "lists"
KINDS: Final = ("public", "hooks", "internals")
PREFIX: Final = "test.test_asyncio."


@dataclass(frozen=True)
class Lists:
    """All lists of one release: test id to the list that it stands in."""

    version: str
    tests: dict[str, str]

    @property
    def minor(self) -> str:
        return minor_of(self.version)


def minor_of(version: str) -> str:
    return ".".join(version.split(".")[:2])


def module_of(test: str) -> str:
    return test.split(".")[0]


def known_versions() -> list[str]:
    return sorted(path.stem.removeprefix("public-") for path in FOLDER.glob("public-*.txt"))


def read_lists(version: str) -> Lists:
    """Raise FileNotFoundError if there are none for this release."""
    tests = {}
    for kind in KINDS:
        text = (FOLDER / f"{kind}-{version}.txt").read_text(encoding="utf-8")
        tests.update(dict.fromkeys(text.split(), kind))
    return Lists(version, tests)


def lists_for(version: str) -> Lists | None:
    """The lists to judge an interpreter by, None if its minor version has none."""
    versions = known_versions()
    if version in versions:
        return read_lists(version)
    of_minor = [known for known in versions if minor_of(known) == minor_of(version)]
    return read_lists(of_minor[-1]) if of_minor else None
