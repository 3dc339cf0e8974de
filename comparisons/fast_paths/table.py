"""The figures as a table for an 80-column terminal, as Markdown and as JSON."""

from collections.abc import Sequence
from typing import Any, Final

from rich import box
from rich.console import Group
from rich.table import Table
from rich.text import Text

from comparisons.fast_paths.measure import Row
from comparisons.report import escaped, markdown_table

TITLES: Final = ("fast path", "where", "workload", "plain form", "ratio", "95 % interval", "≥ 1.10")
NOTES: Final = """\
Ratio: CPU time of miniloop with the plain form, divided by that of miniloop; the median of pairs of
samples that were taken one directly after the other. ≥ 1.10: whether the ratio of this fast path
alone reaches 1.10; with ?, the interval contains 1.10. Control: both sides of the pair are the same
code, so its interval shows the noise."""


def on_screen(rows: Sequence[Row]) -> Group:
    table = Table(box=box.SIMPLE_HEAD, padding=0, pad_edge=False, show_edge=False)
    for heading in ("fast path\nworkload", "file\nfunction"):
        table.add_column(heading, no_wrap=True)
    for heading in ("plain\n÷ fast", "95 %\ninterval", "≥\n1.10"):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in rows:
        file, function = _place(row)
        name = Text.assemble(row.path.name, "\n", (row.workload.name, "dim"))
        table.add_row(name, Text.assemble(f"{file}\n", (function, "dim")), *_figures(row))
    errors = (Text(line, style="red") for line in error_lines(rows))
    return Group(table, *errors, Text())


def _place(row: Row) -> tuple[str, str]:
    return (row.path.place.file, row.path.place.name) if row.path.place else ("", "")


def _figures(row: Row) -> tuple[str, str, str]:
    if (ratio := row.ratio) is None:
        return ("error" if row.error else "–", "–", "–")
    between = "–" if ratio.low is None else f"{ratio.low:.2f}–{ratio.high:.2f}"
    return (f"{ratio.value:.2f}", between, row.verdict)


def error_lines(rows: Sequence[Row]) -> list[str]:
    return [f"✗ {row.path.name}, {row.workload.name}: {row.error}" for row in rows if row.error]


def as_markdown(rows: Sequence[Row]) -> list[str]:
    """Return the lines of the table, the errors and the notes."""
    lines = markdown_table(
        TITLES,
        [
            (
                row.path.name,
                ": ".join(filter(None, _place(row))),
                row.workload.name,
                row.path.plain,
                *_figures(row),
            )
            for row in rows
        ],
    )
    return [*lines, "", *(f"{escaped(line)}\n" for line in error_lines(rows)), NOTES]


def as_data(rows: Sequence[Row]) -> list[dict[str, Any]]:
    return [
        {
            "name": row.path.name,
            "place": ": ".join(filter(None, _place(row))),
            "workload": row.workload.name,
            "plain_form": row.path.plain,
            "ratio": row.ratio._asdict() if row.ratio else None,
            "reaches_1.10": row.verdict,
            "pairs": [pair._asdict() for pair in row.pairs],
            "error": row.error or None,
        }
        for row in rows
    ]
