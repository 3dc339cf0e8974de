"""The measured tables in `comparisons/README.md`: sections that commands write, amid prose.

A section stands between two comments, which Markdown does not show:

    <!-- begin NAME -->
    …
    <!-- end NAME -->

A command replaces its own section and touches nothing else. A section that is not there yet is
added at the end of the file, and the file is made if there is none.
"""

from pathlib import Path
from typing import Final

README: Final = Path(__file__).with_name("README.md")


class BrokenSection(ValueError):
    """The file has one of the two comments twice, or without the other, or in the wrong order."""


def put_section(path: Path, name: str, text: str) -> None:
    """Create or replace the section; BrokenSection, and nothing written, if the marks are off.

    `text` is Markdown without the two comments. OSError if the file cannot be read or written.
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
        raise BrokenSection(f"{path.name}: section {name!r} must begin once and end once after it")
    after = before[stop + len(end) :]
    path.write_text(before[:start] + section + after, encoding="utf-8")
