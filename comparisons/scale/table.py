"""The figures as tables for a terminal of 80 columns, as Markdown and as JSON."""

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
    *("N", "model", "CPU µs each", "KiB each", "late p50 ms", "p99 ms", "max ms"),
    *("CPU s", "MiB"),
)
NOTES: Final = """\
Medians. Each: what one costs on top, CPU time and resident memory. CPU s and MiB: of the whole
process, or processes, its start and imports included; of connections the server's alone. Threads
and processes are one each; the processes are forked, and what they share is counted once."""


def figure(value: float) -> str:
    """Three figures, or all before the point."""
    size = abs(value)
    decimals = 0 if size >= 100 else 1 if size >= 10 else 2 if size >= 0.1 else 3
    return f"{value:,.{decimals}f}"


def cells(experiment: Experiment, point: Point) -> tuple[str, ...]:
    found = experiment.medians(point)
    name = (f"{point.many:,}", point.model)
    if found is None:
        word = "error" if point in experiment.errors else "–"
        return (*name, word, *("–" for _ in TITLES[3:]))
    late = (found.p50 * 1e3, found.p99 * 1e3, found.slowest * 1e3)
    each = (found.cpu_each * 1e6, found.memory_each / 2**10)
    return (*name, *map(figure, (*each, *late, found.cpu, found.memory / 2**20)))


def title(experiment: Experiment) -> str:
    return f"N {EXPERIMENTS[experiment.name]}"


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
        broken = heading.replace(" ", "\n", 1)
        table.add_column(broken, justify="left" if number == 1 else "right", no_wrap=True)
    numbers = [point.many for point in experiment.points]
    for point, following in zip(experiment.points, [*numbers[1:], 0], strict=True):
        table.add_row(*cells(experiment, point), end_section=point.many != following)
    lines = [Text(line, style="bold") for line in findings(experiment)]
    lines += [Text(line, style="yellow") for line in remarks(experiment)]
    lines += [Text(line, style="red") for line in complaints(experiment)]
    return Group(table, *lines, Text())


def findings(experiment: Experiment) -> list[str]:
    return [*experiment.growth(), *experiment.told_crossovers()]


def remarks(experiment: Experiment) -> list[str]:
    refused = [
        f"– {point.many:,} {point.model} left out: {why}"
        for point, why in experiment.refused.items()
    ]
    return [*refused, *(f"⚠ {warning}" for warning in experiment.warnings())]


def complaints(experiment: Experiment) -> list[str]:
    return [
        f"✗ {experiment.name}, {point.many:,} {point.model}: {error}"
        for point, error in experiment.errors.items()
    ]


def as_markdown(experiments: Sequence[Experiment], level: str = "##") -> list[str]:
    """The lines of all tables."""
    text: list[str] = []
    for experiment in experiments:
        text += [f"{level} {experiment.name}: {title(experiment)}", ""]
        text += markdown_table(TITLES, [cells(experiment, each) for each in experiment.points])
        told = (*findings(experiment), *remarks(experiment), *complaints(experiment))
        text += ["", *(f"- {escaped(line.removeprefix('– '))}" for line in told), ""]
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
