"""A program that behaves differently on two implementations, and how it is shown.

This file does not know how programs are generated or run. It gets the script, which can be run on
its own, and the trace of each implementation.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

__all__ = ["FOUND", "Difference", "first_difference", "side_by_side"]

FOUND = Path(__file__).parent / "found"
"""The folder of saved scripts. `test_found.py` runs all of them."""

WIDTH = 80


@dataclass(frozen=True)
class Difference:
    """A difference: its `name`, which is also the file name, the `script`, and each trace."""

    name: str
    script: str
    traces: Mapping[str, Sequence[str]]

    def show(self) -> str:
        """Return the script and the traces side by side, with the first different step marked."""
        return f"{self.name}\n\n{self.script}\n{side_by_side(self.traces)}"

    def save(self, folder: Path = FOUND) -> Path:
        """Write the script to a file named after the difference; return its path."""
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{self.name}.py"
        path.write_text(self.script, encoding="utf-8")
        return path


def first_difference(traces: Mapping[str, Sequence[str]]) -> int | None:
    """Return the index of the first step that is not equal in all traces; None if all are equal."""
    for number, steps in enumerate(zip_longest(*traces.values())):
        if any(step != steps[0] for step in steps):
            return number
    return None


def side_by_side(traces: Mapping[str, Sequence[str]], width: int = WIDTH) -> str:
    """Return the traces as a table of `width` columns; an arrow marks the first different step."""
    mark = first_difference(traces)
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1), show_edge=False)
    table.add_column("", width=1)
    for name in traces:
        table.add_column(name, ratio=1, overflow="fold")
    for number, steps in enumerate(zip_longest(*traces.values(), fillvalue="–")):
        table.add_row("→" if number == mark else "", *(Text(step) for step in steps))
    page = io.StringIO()
    Console(file=page, width=width, color_system=None, legacy_windows=False).print(table)
    return "\n".join(line.rstrip() for line in page.getvalue().splitlines()) + "\n"
