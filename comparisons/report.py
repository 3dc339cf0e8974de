"""The report: tables for a terminal of 80 columns, `report.md` and `report.json`.

All three show the same figures. A row that failed stays in its table, with what went wrong below.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from rich import box
from rich.console import Group
from rich.table import Table
from rich.text import Text

from comparisons.experiment import Comparison, Row
from comparisons.findings import sentence
from comparisons.plan import REFERENCE
from comparisons.workloads import WORKLOADS

Header = dict[str, str]

COLUMNS: Final = (
    ("model", "model"),
    ("work\ners", "workers"),
    ("start\nup ms", "start-up ms"),
    ("disp.\nms", "dispatch ms"),
    ("work\nms", "work ms"),
    ("wall\nms", "wall ms"),
    ("ratio to sequential\n(95 % interval)", "ratio to sequential (95 % interval)"),
    ("CPU\ns", "CPU s"),
    ("peak\nMiB", "peak MiB"),
    ("same", "same result"),
)
NOTES: Final = (
    "Figures are medians.",
    "Wall time is dispatch and work, and for a cold pool its start-up, too: its workers are",
    "started on the clock.",
    "CPU is that of the wall time; memory is the sum of the peaks of a model's processes.",
)
LOOP_NOTES: Final = {
    "io": "A loop has up to 200 pages under way at once, on one thread.",
    "cpu": "On a loop each unit is a coroutine on the loop's one thread.",
    "cpu-native": "On a loop each unit is handed to a thread with to_thread (1+2: the loop's "
    "thread and two more).",
    "mixed": "A loop has up to 200 pages under way at once and writes files on its own thread.",
}
TICKS: Final = {True: "✓", False: "✗", None: "?"}


def milliseconds(seconds: float) -> str:
    """Three figures, or all before the point."""
    value = seconds * 1000
    if value < 0.005:
        return "0"
    decimals = 0 if value >= 100 else 1 if value >= 10 else 2
    return f"{value:.{decimals}f}"


def cells(row: Row) -> tuple[str, ...]:
    """What the table says of a model, column by column."""
    if not row.samples:
        return (row.model, row.workers, *("–" for _ in COLUMNS[3:]), "error" if row.error else "–")
    figures = row.medians
    times = (figures.startup, figures.dispatch, figures.work, figures.wall)
    return (
        row.model,
        row.workers,
        *map(milliseconds, times),
        _ratio(row),
        f"{figures.cpu:.2f}" if figures.cpu >= 0.1 else f"{figures.cpu:.3f}",
        f"{figures.memory / 2**20:.0f}",
        "error" if row.error else TICKS[row.same_result],
    )


def _ratio(row: Row) -> str:
    if row.model == REFERENCE:
        return "1.00"
    return str(row.ratio) if row.ratio else "–"


def caption(comparison: Comparison) -> str:
    """What was done, in one line or two."""
    job = comparison.rows[0].job
    about = WORKLOADS[comparison.workload]
    amount = f"{job.units} pages" if about.fetches else f"{job.units} units"
    tool = f" ({job.native})" if comparison.workload == "cpu-native" else ""
    return f"{about.about}{tool}, {amount}"


def remarks(comparison: Comparison) -> list[str]:
    """What one has to know to read the table."""
    lines = [LOOP_NOTES[comparison.workload]]
    if comparison.changing_pages:
        lines.append(
            f"{comparison.changing_pages} of the pages change from one fetch to the next: "
            "of these only the status was compared."
        )
    return lines


# for the terminal


def header_table(header: Header) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in header.items():
        table.add_row(name, Text(value))
    return table


def workload_table(comparison: Comparison) -> Group:
    table = Table(
        title=f"[bold]{comparison.workload}[/]: {caption(comparison)}",
        title_justify="left",
        title_style="",
        box=box.SIMPLE_HEAD,
        padding=0,  # the box puts a space between columns
        pad_edge=False,
        show_edge=False,
    )
    for number, (title, _) in enumerate(COLUMNS):
        left = number == 0
        table.add_column(title, justify="left" if left else "right", no_wrap=True)
    for row in comparison.rows:
        table.add_row(*cells(row), style="red" if row.error else "")
    return Group(table, *_lines_below(comparison))


def _lines_below(comparison: Comparison) -> list[Text]:
    found = sentence(comparison.rows)
    lines = [Text(found, style="bold")] if found else []
    lines += [Text(remark, style="dim") for remark in remarks(comparison)]
    lines += [Text(f"✗ {error}", style="red") for error in comparison.errors]
    return [*lines, Text()]


def notes() -> Text:
    return Text(" ".join(NOTES), style="dim")


# for files


def as_markdown(header: Header, comparisons: Sequence[Comparison], chart: str) -> str:
    lines = ["# One after the other, threads, processes, event loops", ""]
    lines += markdown_table(("", ""), [(name, escaped(value)) for name, value in header.items()])
    if chart:
        lines += ["", f"![wall time of each model, by workload]({chart})"]
    for comparison in comparisons:
        lines += ["", f"## {comparison.workload}: {caption(comparison)}", ""]
        titles = [title for _, title in COLUMNS]
        lines += markdown_table(titles, [cells(row) for row in comparison.rows])
        found = [sentence(comparison.rows)] if sentence(comparison.rows) else []
        errors = [f"✗ {escaped(error)}" for error in comparison.errors]
        for text in (*found, *remarks(comparison), *errors):
            lines += ["", text]
    return "\n".join([*lines, "", " ".join(NOTES), ""])


def escaped(text: str) -> str:
    """Text as it can stand in a cell of a Markdown table."""
    return text.replace("|", "\\|").replace("<", "&lt;")


def markdown_table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Its lines; all columns but the first are figures, unless there are only two."""
    rule = ["---"] + ["--:"] * (len(titles) - 1) if len(titles) > 2 else ["---"] * len(titles)
    return [f"| {' | '.join(line)} |" for line in (titles, rule, *rows)]


def as_data(header: Header, comparisons: Sequence[Comparison]) -> dict[str, Any]:
    return {
        "header": header,
        "notes": " ".join(NOTES),
        "workloads": [_workload(one) for one in comparisons],
    }


def _workload(comparison: Comparison) -> dict[str, Any]:
    job = comparison.rows[0].job
    return {
        "name": comparison.workload,
        "about": caption(comparison),
        "units": job.units,
        "rounds_per_unit": job.rounds,
        "finding": sentence(comparison.rows),
        "remarks": remarks(comparison),
        "rows": [_row(row) for row in comparison.rows],
    }


def _row(row: Row) -> dict[str, Any]:
    samples = [sample._asdict() for sample in row.samples]
    for sample in samples:
        del sample["results"]  # thousands of digests; whether they agree is `same_result`
    return {
        "model": row.model,
        "workers": row.workers,
        "median": row.medians._asdict() if samples else None,
        "ratio": row.ratio._asdict() if row.ratio else None,
        "no_difference": row.ratio.same if row.ratio else None,
        "same_result": row.same_result,
        "error": row.error or None,
        "samples": samples,
    }


def write(folder: Path, header: Header, comparisons: Sequence[Comparison], chart: str) -> None:
    """`report.md` and `report.json`; OSError if the disk does not take them."""
    data = json.dumps(as_data(header, comparisons), indent=2, ensure_ascii=False)
    (folder / "report.json").write_text(data + "\n", encoding="utf-8")
    (folder / "report.md").write_text(as_markdown(header, comparisons, chart), encoding="utf-8")
