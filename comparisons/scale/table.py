"""The figures as tables for an 80-column terminal, as Markdown and as JSON."""

from collections.abc import Sequence
from typing import Any, Final

from rich import box
from rich.console import Group
from rich.table import Table
from rich.text import Text

from comparisons.report import escaped, markdown_table
from comparisons.scale.experiment import Experiment
from comparisons.scale.plan import EXPERIMENTS, Point

TITLES: Final = (
    *("N", "model", "CPU µs each", "KiB each", "p50 delay ms", "p99 delay ms", "max delay ms"),
    *("total CPU s", "total MiB"),
)
NOTES: Final = """\
All figures are medians. CPU µs each and KiB each: the CPU time and resident memory that each
sleeper or connection adds. Total CPU s and total MiB: the whole process, or all processes,
including start-up and imports. For connections: the server only, with CPU time in steps of 10 ms.
There is one task, thread or process per sleeper or connection. Processes are forked; memory that
they share is counted once."""


def figure(value: float) -> str:
    """Format with three significant digits, or all before the point."""
    size = abs(value)
    decimals = 0 if size >= 100 else 1 if size >= 10 else 2 if size >= 0.1 else 3
    return f"{value:,.{decimals}f}"


def cells(experiment: Experiment, point: Point) -> tuple[str, ...]:
    found = experiment.medians(point)
    name = (f"{point.many:,}", point.model)
    if found is None:
        word = "error" if point in experiment.errors else "–"
        return (*name, word, *("–" for _ in TITLES[3:]))
    delays = (found.p50 * 1e3, found.p99 * 1e3, found.slowest * 1e3)
    each = (found.cpu_each * 1e6, found.memory_each / 2**10)
    return (*name, *map(figure, (*each, *delays, found.cpu, found.memory / 2**20)))


def title(experiment: Experiment) -> str:
    return EXPERIMENTS[experiment.name]


def on_screen(experiment: Experiment) -> Group:
    table = Table(
        title=f"[bold]{experiment.name}[/]: {title(experiment)}",
        title_justify="left",
        title_style="",
        box=box.SIMPLE_HEAD,
        padding=0,
        pad_edge=False,
        show_edge=False,
    )
    for number, heading in enumerate(TITLES):
        table.add_column(
            heading.replace(" ", "\n"), justify="left" if number == 1 else "right", no_wrap=True
        )
    numbers = [point.many for point in experiment.points]
    for point, following in zip(experiment.points, [*numbers[1:], 0], strict=True):
        table.add_row(*cells(experiment, point), end_section=point.many != following)
    lines = [Text(line, style="bold") for line in findings(experiment)]
    lines += [Text(line, style="yellow") for line in remarks(experiment)]
    lines += [Text(line, style="red") for line in error_lines(experiment)]
    return Group(table, *lines, Text())


def findings(experiment: Experiment) -> list[str]:
    return [*experiment.growth(), *experiment.crossover_sentences()]


def remarks(experiment: Experiment) -> list[str]:
    refused = [
        f"– {point.many:,} {point.model} skipped: {why}"
        for point, why in experiment.refused.items()
    ]
    return [*refused, *(f"⚠ {warning}" for warning in experiment.warnings())]


def error_lines(experiment: Experiment) -> list[str]:
    return [
        f"✗ {experiment.name}, {point.many:,} {point.model}: {error}"
        for point, error in experiment.errors.items()
    ]


def as_markdown(experiments: Sequence[Experiment], level: str = "##") -> list[str]:
    """Return the lines of all tables."""
    text: list[str] = []
    for experiment in experiments:
        text += [f"{level} {experiment.name}: {title(experiment)}", ""]
        text += markdown_table(TITLES, [cells(experiment, each) for each in experiment.points])
        lines = (*findings(experiment), *remarks(experiment), *error_lines(experiment))
        text += ["", *(f"- {escaped(line.removeprefix('– '))}" for line in lines), ""]
    return [*text, NOTES]


def as_data(experiment: Experiment) -> dict[str, Any]:
    return {
        "name": experiment.name,
        "about": title(experiment),
        "points": [
            {
                "model": point.model,
                "many": point.many,
                "samples": [each._asdict() for each in experiment.samples.get(point, [])],
                "refused": experiment.refused.get(point),
                "error": experiment.errors.get(point),
            }
            for point in experiment.points
        ],
        "exponents": {model: experiment.exponents(model) for model in experiment.models},
        "crossovers": {name: experiment.crossovers(name) for name in ("cpu", "memory")},
        "warnings": experiment.warnings(),
    }
