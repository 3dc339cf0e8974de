"""The tables, for an 80-column terminal and in Markdown. Both show the same figures."""

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from statistics import median
from typing import Final, Literal

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from comparisons.loops.columns import COLUMNS, FLOOR, REFERENCE
from comparisons.loops.means import Mean, means, worst_micro
from comparisons.loops.measure import Plan, Row
from comparisons.ratios import Ratio, figure, ratio_of_medians
from comparisons.report import escaped, markdown_table

NONE: Final = "–"
MEANS: Final = "geometric mean"
OVER_FLOOR: Final = "ratio to bare epoll"
NOTES: Final = (
    "The first column is asyncio's median; the other columns are ratios of medians to it, with "
    "95 % intervals. Below 1 is faster, or less memory. ≈: the interval contains 1 (or there is "
    "only one sample), so there is no clear difference. The groups curio and echo compare CPU "
    "time. The control rows use no event loop: their ratio should be 1."
)

FLOOR_NOTE: Final = (
    "CPU time per echoed message. The column epoll is a bare loop written by hand; the other "
    "columns are ratios to it."
)


def amount(value: float, unit: str) -> str:
    """Format with three significant digits, or all before the point: `1.23 ms`, `1,069 B`."""
    if unit == "byte":
        return f"{value:,.0f} B"
    factor, name = (1000, "ms") if value >= 0.0005 else (1_000_000, "µs")
    scaled = value * factor
    decimals = 0 if scaled >= 100 else 1 if scaled >= 10 else 2
    return f"{scaled:,.{decimals}f} {name}"


def cells(row: Row, columns: Sequence[str]) -> list[str]:
    """Return the cells of a row: the figure of the reference, and the ratios."""
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
        return without_interval(ratio)
    return f"{without_interval(ratio)} {figure(ratio.low)}–{figure(ratio.high)}"


def about(row: Row, plan: Plan) -> str:
    return row.workload.about.format(size=f"{plan.request(row.workload, REFERENCE).size:,}")


def mean_cells(mean: Mean, columns: Sequence[str]) -> list[str]:
    known = {REFERENCE: "1.00"} | {
        column: figure(value) for column, value in mean.to_reference.items()
    }
    return [f"{mean.name} ({mean.rows})", *(known.get(column, NONE) for column in columns)]


def summary(rows: Sequence[Row], plan: Plan) -> Iterator[str]:
    """Yield the lines below the table: miniloop compared with uvloop, and the worst row."""
    for mean in means(rows, plan.columns):
        if mean.to_uvloop is not None:
            rows_of_both = f"geometric mean over {mean.name} that both have"
            yield f"ratio of miniloop to uvloop, {rows_of_both}: {figure(mean.to_uvloop)}"
    worst = worst_micro(rows)
    if worst is not None:
        yield f"miniloop's highest ratio in a micro row: {figure(worst.value)}, {worst.name}"


# CPU time per message, relative to the bare loop


def over_floor(rows: Sequence[Row], plan: Plan) -> list[tuple[Row, dict[str, Ratio]]]:
    """Return the rows measured on the bare loop, and for each column the ratio to it."""
    return [
        (row, {column: ratio_of_medians(row.figures(column), floor) for column in measured})
        for row in rows
        if (floor := row.figures(FLOOR))
        if (measured := [column for column in plan.columns if column in row.samples])
    ]


def floor_cells(
    row: Row, ratios: dict[str, Ratio], plan: Plan, show: Callable[[Ratio], str]
) -> list[str]:
    floor = amount(median(row.figures(FLOOR)), row.workload.unit)
    over = (show(ratios[column]) if column in ratios else NONE for column in plan.columns)
    return [row.workload.name, floor, *over]


def without_interval(ratio: Ratio) -> str:
    return f"{ratio.mark}{figure(ratio.value)}"


def titles(first: str, plan: Plan) -> list[str]:
    return [first, *(COLUMNS[column].title for column in plan.columns)]


def floor_titles(plan: Plan) -> list[str]:
    return [OVER_FLOOR, FLOOR, *(COLUMNS[column].title for column in plan.columns)]


# for the terminal


def on_screen(rows: Sequence[Row], plan: Plan) -> Group:
    table = _table(titles("workload", plan))
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
    floor: list[RenderableType] = []
    if over_floor(rows, plan):
        floor = [Text(), _floor_on_screen(rows, plan)]
    return Group(table, Text(), *lines, Text(), Text(NOTES, style="dim"), *floor)


def _floor_on_screen(rows: Sequence[Row], plan: Plan) -> Group:
    table = _table(floor_titles(plan))
    for row, ratios in over_floor(rows, plan):
        table.add_row(*floor_cells(row, ratios, plan, without_interval))
    return Group(table, Text(FLOOR_NOTE, style="dim"))


def _table(titles: Sequence[str]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=0, pad_edge=False, show_edge=False)
    for number, title in enumerate(titles):
        justify: Literal["left", "right"] = "right" if number else "left"
        table.add_column(title.replace(" (", "\n("), justify=justify, no_wrap=True)
    return table


# for files


def in_markdown(rows: Sequence[Row], plan: Plan) -> list[str]:
    """Return the lines of a table for each group, of the means, and of the errors."""
    lines: list[str] = []
    for name, group in groupby(rows, key=lambda row: row.workload.group):
        described = [_with_about(row, plan) for row in group]
        lines += [*markdown_table(titles(name, plan), described), ""]
    floor = [floor_cells(row, ratios, plan, ratio_text) for row, ratios in over_floor(rows, plan)]
    if floor:
        lines += [*markdown_table(floor_titles(plan), floor), "", FLOOR_NOTE, ""]
    summaries = [mean_cells(mean, plan.columns) for mean in means(rows, plan.columns)]
    lines += [*markdown_table(titles(MEANS, plan), summaries), ""]
    lines += [f"- {line}" for line in summary(rows, plan)]
    errors = [error for row in rows for error in row.error_lines]
    return lines + [f"- ✗ {escaped(error)}" for error in errors]


def _with_about(row: Row, plan: Plan) -> list[str]:
    return [f"{row.workload.name} ({about(row, plan)})", *cells(row, plan.columns)]
