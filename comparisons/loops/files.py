"""The files of a run: report.md, report.json, and a file for each column that pyperf can read.

To compare two columns, or two runs: `python -m pyperf compare_to asyncio.pyperf.json
miniloop.pyperf.json`.
"""

import json
import platform
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import pyperf

from comparisons.loops.columns import COLUMNS
from comparisons.loops.means import means, worst_micro
from comparisons.loops.measure import Plan, Row, Sample
from comparisons.loops.table import NOTES, about, in_markdown
from comparisons.loops.workload import Workload
from comparisons.readme import README, put_section
from comparisons.report import escaped, markdown_table

Header = dict[str, str]
IN_README: Final = ("machine", "cores", "load", "Python", "libraries", "samples", "started")
NOT_KEPT: Final = ("hostname", "mem_max_rss", "name")
"""Metadata that pyperf collects about this process, which does not describe the samples."""


def write(folder: Path, header: Header, rows: Sequence[Row], plan: Plan, chart: str) -> None:
    """Write all files except the chart; raise OSError if that fails."""
    report = json.dumps(as_data(header, rows, plan), indent=2, ensure_ascii=False)
    (folder / "report.json").write_text(report + "\n", encoding="utf-8")
    text = "\n".join(as_markdown(header, rows, plan, chart))
    (folder / "report.md").write_text(text + "\n", encoding="utf-8")
    machine = _metadata_of_pyperf()
    for column in plan.columns:
        benchmarks = list(_benchmarks(rows, column, machine))
        if benchmarks:
            suite = pyperf.BenchmarkSuite(benchmarks)
            suite.dump(str(folder / f"{column}.pyperf.json"), replace=True)


# for readers


def as_markdown(header: Header, rows: Sequence[Row], plan: Plan, chart: str) -> list[str]:
    facts = [(name, escaped(value)) for name, value in header.items()]
    lines = ["# Event loops", "", *markdown_table(("", ""), facts)]
    if chart:
        lines += ["", f"![ratios to asyncio, by workload]({chart})"]
    return [*lines, "", *in_markdown(rows, plan), "", NOTES]


def save_in_readme(header: Header, rows: Sequence[Row], plan: Plan, path: Path = README) -> None:
    """Replace the section of this Python version in the README.

    Raises OSError if the file cannot be written, BrokenSection if its section marks are wrong.
    """
    release = ".".join(platform.python_version_tuple()[:2])
    facts = [f"- {name}: {header[name]}" for name in IN_README]
    lines = [f"### CPython {release}", "", *facts, "", *in_markdown(rows, plan)]
    put_section(path, f"loops-{release}", "\n".join(lines))


# for programs


def as_data(header: Header, rows: Sequence[Row], plan: Plan) -> dict[str, Any]:
    worst = worst_micro(rows)
    return {
        "header": header,
        "notes": NOTES,
        "columns": {column: COLUMNS[column].title for column in plan.columns},
        "means": [mean._asdict() for mean in means(rows, plan.columns)],
        "worst_micro": worst._asdict() if worst else None,
        "rows": [_row(row, plan) for row in rows],
    }


def _row(row: Row, plan: Plan) -> dict[str, Any]:
    workload = row.workload
    return {
        "key": workload.key,
        "about": about(row, plan),
        "figure": workload.figure,
        "unit": workload.unit,
        "ratios": {
            column: {**ratio._asdict(), "no_difference": ratio.same}
            for column, ratio in row.ratios.items()
        },
        "impossible": sorted(row.impossible),
        "errors": row.errors,
        "samples": {
            column: [sample._asdict() for sample in samples]
            for column, samples in row.samples.items()
        },
    }


def _metadata_of_pyperf() -> dict[str, Any]:
    found: dict[str, Any] = pyperf.Run([1.0]).get_metadata()
    return {name: value for name, value in found.items() if name not in NOT_KEPT}


def _benchmarks(rows: Sequence[Row], column: str, machine: dict[str, Any]) -> Iterator[Any]:
    for row in rows:
        samples = row.samples.get(column, [])
        if samples:
            facts = {**machine, "name": row.workload.key, "unit": row.workload.unit}
            yield pyperf.Benchmark([_run(sample, row.workload, facts) for sample in samples])


def _run(sample: Sample, workload: Workload, metadata: dict[str, Any]) -> Any:
    """Convert a sample for pyperf, without the warm-up, which often has a different size."""
    values = [value[workload.figure] for value in sample.values]
    return pyperf.Run(values, metadata=metadata, collect_metadata=False)
