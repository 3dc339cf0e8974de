"""The tables: for a terminal of 80 columns, and in Markdown. Both show the same figures."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from statistics import median
from typing import Final

from rich import box
from rich.console import Group
from rich.table import Table
from rich.text import Text

from comparisons.loops.columns import COLUMNS, REFERENCE
from comparisons.loops.means import Mean, means, worst_micro
from comparisons.loops.measure import Plan, Row
from comparisons.ratios import Ratio, figure

NONE: Final = "–"
MEANS: Final = "geometric mean"
NOTES: Final = (
    "The first column is asyncio's median; the others are ratios of medians to it, with 95 % "
    "intervals. Below 1 is faster, or less; with ≈ the interval holds 1. Rows of the group curio "
    "compare CPU time. The controls are driven by hand: they shall be at 1."
)


def amount(value: float, unit: str) -> str:
    """Three figures, or all before the point: `1.23 ms`, `1,069 B`."""
    if unit == "byte":
        return f"{value:,.0f} B"
    factor, name = (1000, "ms") if value >= 0.0005 else (1_000_000, "µs")
    scaled = value * factor
    decimals = 0 if scaled >= 100 else 1 if scaled >= 10 else 2
    return f"{scaled:,.{decimals}f} {name}"


def cells(row: Row, columns: Sequence[str]) -> list[str]:
    """What the row says, column by column: the reference's figure, and ratios."""
    return [_cell(row, column) for column in columns]


def _cell(row: Row, column: str) -> str:
    if column in row.errors:
        return "error"
    if column == REFERENCE:
        figures = row.figures(column)
        return amount(median(figures), row.workload.unit) if figures else NONE
    return ratio_text(row.ratios[column]) if column in row.ratios else NONE


def ratio_text(ratio: Ratio) -> str:
    if ratio.low is None or ratio.high is None:
        return f"{ratio.mark}{figure(ratio.value)}"
    return f"{ratio.mark}{figure(ratio.value)} {figure(ratio.low)}–{figure(ratio.high)}"


def about(row: Row, plan: Plan) -> str:
    return row.workload.about.format(size=f"{plan.request(row.workload, REFERENCE).size:,}")


def mean_cells(mean: Mean, columns: Sequence[str]) -> list[str]:
    known = {REFERENCE: "1.00"} | {
        column: figure(value) for column, value in mean.to_reference.items()
    }
    return [f"{mean.name} ({mean.rows})", *(known.get(column, NONE) for column in columns)]


def summary(rows: Sequence[Row], plan: Plan) -> Iterator[str]:
    """What the table does not say: miniloop against uvloop, and the worst row."""
    for mean in means(rows, plan.columns):
        if mean.to_uvloop is not None:
            yield f"miniloop to uvloop, geometric mean of {mean.name}: {figure(mean.to_uvloop)}"
    worst = worst_micro(rows)
    if worst is not None:
        yield f"the worst micro row of miniloop: {worst.name}, {figure(worst.value)}"


# for the terminal


def on_screen(rows: Sequence[Row], plan: Plan) -> Group:
    table = Table(box=box.SIMPLE_HEAD, padding=0, pad_edge=False, show_edge=False)
    table.add_column("workload", no_wrap=True)
    for column in plan.columns:
        title = COLUMNS[column].title.replace(" ", "\n", 1)
        table.add_column(title, justify="right", no_wrap=True)
    for name, group in groupby(rows, key=lambda row: row.workload.group):
        table.add_row(f"[bold]{name}[/]")
        for row in group:
            style = "red" if row.errors else ""
            table.add_row(f" {row.workload.name}", *cells(row, plan.columns), style=style)
    table.add_row(f"[bold]{MEANS}[/]")
    for mean in means(rows, plan.columns):
        name, *ratios = mean_cells(mean, plan.columns)
        table.add_row(f" {name}", *ratios)
    lines = [Text(line, style="bold") for line in summary(rows, plan)]
    return Group(table, Text(), *lines, Text(), Text(NOTES, style="dim"))


# for files


def in_markdown(rows: Sequence[Row], plan: Plan) -> list[str]:
    lines: list[str] = []
    for name, group in groupby(rows, key=lambda row: row.workload.group):
        lines += [*_heading(name, plan), *(_markdown_row(row, plan) for row in group), ""]
    lines += [
        *_heading(MEANS, plan),
        *(_line(mean_cells(mean, plan.columns)) for mean in means(rows, plan.columns)),
        "",
        *(f"- {line}" for line in summary(rows, plan)),
    ]
    complaints = [complaint for row in rows for complaint in row.complaints]
    lines += [f"- ✗ {complaint.replace('<', '&lt;')}" for complaint in complaints]
    return lines


def _heading(name: str, plan: Plan) -> list[str]:
    titles = [COLUMNS[column].title for column in plan.columns]
    return [_line([name, *titles]), f"| --- |{' --: |' * len(titles)}"]


def _markdown_row(row: Row, plan: Plan) -> str:
    return _line([f"{row.workload.name} ({about(row, plan)})", *cells(row, plan.columns)])


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
