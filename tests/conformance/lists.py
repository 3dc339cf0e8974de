"""The lists: which tests of each CPython release count.

Purpose: `lists/LIST-VERSION.txt` has the ids of the tests that asyncio itself passes on that
release without its C accelerator. The common prefix `test.test_asyncio.` is left out.
`public` tests use only public names. `hooks` tests also use the few private names through which the
suite drives its own loop. `internals` tests use other private names. For 3.14 and later, these
three have the tests of 3.13.0 that still exist, and `new` has those that were added since: it is
not divided, so some of its tests use private names.
Rules: an interpreter uses the lists of its own release. If there are none, it uses the newest lists
of its minor version, without the tests that its suite does not have.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).parent / "lists"
KINDS: Final = ("public", "hooks", "internals", "new")
PREFIX: Final = "test.test_asyncio."


@dataclass(frozen=True)
class Lists:
    """All lists of one release: test id to the name of its list."""

    version: str
    tests: dict[str, str]

    @property
    def minor(self) -> str:
        return minor_of(self.version)

    @property
    def kinds(self) -> list[str]:
        """The lists that this release has, in the order of KINDS."""
        present = set(self.tests.values())
        return [kind for kind in KINDS if kind in present]


def minor_of(version: str) -> str:
    return ".".join(version.split(".")[:2])


def module_of(test: str) -> str:
    return test.split(".")[0]


def known_versions() -> list[str]:
    """Return the releases that have lists, oldest first."""
    found = (path.stem.removeprefix("public-") for path in FOLDER.glob("public-*.txt"))
    return sorted(found, key=_by_number)


def _by_number(version: str) -> list[int]:
    return [int(part) for part in version.split(".")]


def read_lists(version: str) -> Lists:
    """Read the lists of a release; raise FileNotFoundError if there are none."""
    tests = {}
    for kind in KINDS:
        file = FOLDER / f"{kind}-{version}.txt"
        if kind != "new" or file.exists():  # the releases before 3.14 have no list `new`
            tests.update(dict.fromkeys(file.read_text(encoding="utf-8").split(), kind))
    return Lists(version, tests)


def lists_for(version: str) -> Lists | None:
    """Return the lists for an interpreter, or None if its minor version has none."""
    versions = known_versions()
    if version in versions:
        return read_lists(version)
    of_minor = [known for known in versions if minor_of(known) == minor_of(version)]
    return read_lists(of_minor[-1]) if of_minor else None
