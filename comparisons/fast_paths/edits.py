"""Copies of miniloop in which a fast path is replaced by its plain form.

An edit is the text of the fast path and the text that replaces it. So the two copies that are
measured differ in nothing else. Why not replace a function at run time: most fast paths are one
line of a long function, and a copy of that function would soon differ from it in other lines too.
"""

from collections.abc import Sequence
from pathlib import Path
from shutil import copytree, ignore_patterns
from typing import Final, NamedTuple

from comparisons.supervisor import ROOT

PACKAGE: Final = "miniloop"


class EditError(Exception):
    """The text of a fast path is not in miniloop, or more than once; the message says which."""


class Edit(NamedTuple):
    file: str
    """The file in `miniloop/`: `kernel.py`."""
    fast: str
    """Text that the file contains exactly once."""
    plain: str
    """The text that replaces it."""

    def applied(self, text: str) -> str:
        """Return the file's text with the plain form; raise EditError if that is impossible."""
        if (count := text.count(self.fast)) != 1:
            first = self.fast.strip().partition("\n")[0]
            raise EditError(
                f"{PACKAGE}/{self.file} has the text {first!r}… {count} times instead of once: "
                "update comparisons/fast_paths/paths.py"
            )
        return text.replace(self.fast, self.plain)


def copy_of_miniloop(folder: Path, edits: Sequence[Edit] = ()) -> Path:
    """Copy miniloop into `folder`, which is created, and apply the edits; return `folder`."""
    package = folder / PACKAGE
    copytree(ROOT / PACKAGE, package, ignore=ignore_patterns("__pycache__"))
    for edit in edits:
        path = package / edit.file
        text = path.read_text(encoding="utf-8") if path.is_file() else ""
        path.write_text(edit.applied(text), encoding="utf-8")
    return folder
