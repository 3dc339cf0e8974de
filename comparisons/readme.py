"""The sections of `comparisons/README.md` that are written by commands.

A section is enclosed by two comments, which Markdown does not show:

    <!-- begin NAME -->
    …
    <!-- end NAME -->

A command replaces its own section and nothing else. A new section is added at the end of the file;
a missing file is created.
"""

from pathlib import Path
from typing import Final

README: Final = Path(__file__).with_name("README.md")


class BrokenSection(ValueError):
    """One of the two comments is missing, repeated, or in the wrong place."""


def put_section(path: Path, name: str, text: str) -> None:
    """Create or replace the section `name`.

    `text` is Markdown without the two comments. If the comments are wrong, BrokenSection is raised
    and nothing is written. OSError is raised if the file cannot be read or written.
    """
    begin, end = f"<!-- begin {name} -->", f"<!-- end {name} -->"
    section = f"{begin}\n\n{text.strip()}\n\n{end}"
    before = path.read_text(encoding="utf-8") if path.exists() else ""
    counts = before.count(begin), before.count(end)
    if counts == (0, 0):
        head = f"{before.rstrip()}\n\n" if before.strip() else ""
        path.write_text(f"{head}{section}\n", encoding="utf-8")
        return
    start, stop = before.find(begin), before.find(end)
    if counts != (1, 1) or stop < start:
        raise BrokenSection(f"{path.name}: section {name!r} must have one begin and then one end")
    after = before[stop + len(end) :]
    path.write_text(before[:start] + section + after, encoding="utf-8")
