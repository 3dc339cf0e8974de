"""The report: tables for an 80-column terminal, `report.md` and `report.json`.

All three show the same figures. A row that failed stays in its table; its error is shown below.
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
    ("pool\nsize", "pool size"),
    ("start\nup ms", "start-up ms"),
    ("submit\nms", "submit ms"),
    ("work\nms", "work ms"),
    ("wall\nms", "wall ms"),
    ("ratio to sequential\n(95 % interval)", "ratio to sequential (95 % interval)"),
    ("CPU\ns", "CPU s"),
    ("peak\nMiB", "peak MiB"),
    ("same", "same result"),
)
NOTES: Final = (
    "All figures are medians of the samples.",
    "The wall time is submit plus work; for processes-cold it also includes the start-up.",
    "Submit is the time to submit the units to the pool, or to create the tasks.",
    "CPU s: CPU seconds during the wall time, worker processes included.",
    "Peak MiB: the sum of the memory peaks of all processes of a model.",
    "≈: the interval contains 1, so there is no clear difference.",
    "Same: every result equals the sequential one.",
)
LOOP_NOTES: Final = {
    "io": "A loop fetches up to 200 pages concurrently, on one thread.",
    "cpu": "On a loop, each unit is a task on the loop's thread; none of them ever waits.",
    "cpu-native": "On a loop, each unit runs in a thread through to_thread (pool size 1+2: the "
    "loop's thread and two more).",
    "mixed": "A loop fetches up to 200 pages concurrently and writes files on its own thread.",
}
TICKS: Final = {True: "✓", False: "✗", None: "?"}


def milliseconds(seconds: float) -> str:
    """Format seconds as milliseconds with three significant digits, or all before the point."""
    value = seconds * 1000
    if value < 0.005:
        return "0"
    decimals = 0 if value >= 100 else 1 if value >= 10 else 2
    return f"{value:.{decimals}f}"


def cells(row: Row) -> tuple[str, ...]:
    """Return the cells of a model's row."""
    if not row.samples:
        return (row.model, row.workers, *("–" for _ in COLUMNS[3:]), "error" if row.error else "–")
    figures = row.medians
    times = (figures.startup, figures.submit, figures.work, figures.wall)
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
    """Describe the workload and its size."""
    job = comparison.rows[0].job
    about = WORKLOADS[comparison.workload]
    amount = f"{job.units} pages" if about.fetches else f"{job.units} units"
    tool = f" ({job.native})" if comparison.workload == "cpu-native" else ""
    return f"{about.about}{tool}, {amount}"


def remarks(comparison: Comparison) -> list[str]:
    """Return the remarks that belong below the table."""
    lines = [LOOP_NOTES[comparison.workload]]
    if comparison.changing_pages:
        lines.append(
            f"{comparison.changing_pages} of the pages changed between fetches: "
            "only their status was compared."
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
    lines = ["# Sequential code, threads, processes and event loops", ""]
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
    """Escape the text for a cell of a Markdown table."""
    return text.replace("|", "\\|").replace("<", "&lt;")


def markdown_table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Return the lines of a table; columns after the first are right-aligned if more than two."""
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
        del sample["results"]  # thousands of digests; `same_result` says whether they agree
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
    """Write `report.md` and `report.json`; raise OSError if that fails."""
    data = json.dumps(as_data(header, comparisons), indent=2, ensure_ascii=False)
    (folder / "report.json").write_text(data + "\n", encoding="utf-8")
    (folder / "report.md").write_text(as_markdown(header, comparisons, chart), encoding="utf-8")
