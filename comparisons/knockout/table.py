"""The figures as tables for an 80-column terminal, as Markdown and as JSON."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from rich import box
from rich.console import Group
from rich.table import Table
from rich.text import Text

from comparisons.knockout.ladder import MINILOOP
from comparisons.knockout.parts import Measurement, Part
from comparisons.ratios import ratio_of_medians
from comparisons.report import escaped, markdown_table

TITLES: Final = ("part", "measured against", "ns", "95 % interval", "of miniloop")
NOTES: Final = """\
ns: nanoseconds of CPU time. The cost of a part is the difference between the medians of a loop with
the part and a loop without it. Measured against: the loop without it is miniloop with one attribute
patched, or a separate loop written for this. Of miniloop: share of miniloop's time; for complete
loops, the ratio to it. +: a part that miniloop does not have, and what it would add. ≈: the
interval contains zero (for complete loops, the ratio 1), so there is no clear difference."""


class Line(NamedTuple):
    cells: tuple[str, ...]
    style: str = ""


def lines(measurement: Measurement) -> list[Line]:
    """Return the lines from the bottom up, so that the parts add up to the line of miniloop."""
    parts = measurement.parts()
    own = [part for part in reversed(parts) if not part.absent]
    absent = [part for part in reversed(parts) if part.absent]
    return [
        *(Line(_part(measurement, part)) for part in own),
        Line(_loop(measurement, MINILOOP), "bold"),
        *(Line(_part(measurement, part), "dim") for part in absent),
        *(Line(_loop(measurement, name)) for name in measurement.whole),
    ]


def _part(measurement: Measurement, part: Part) -> tuple[str, ...]:
    share = measurement.share(part)
    name = f"+ {part.name}" if part.absent else part.name
    figure = f"{part.nanoseconds:{'+' if part.absent else ''}.0f}"
    return (
        name,
        "–" if part.absent else part.how,
        f"≈{figure}" if part.unclear else figure,
        "–" if part.low is None else f"{part.low:.0f} to {part.high:.0f}",
        "–" if share is None else f"{share:.0%}".replace("-0%", "0%"),
    )


def _loop(measurement: Measurement, name: str) -> tuple[str, ...]:
    value, reference = measurement.median(name), measurement.median(MINILOOP)
    if value is None:
        return (name, "", "error" if name in measurement.errors else "–", "", "–")
    if name == MINILOOP or reference is None:
        return (name, "", f"{value:.0f}", "", "100%" if name == MINILOOP else "–")
    ratio = ratio_of_medians(measurement.samples[name], measurement.samples[MINILOOP])
    between = "" if ratio.low is None else f"× {ratio.low:.2f} to {ratio.high:.2f}"
    return (name, "", f"{value:.0f}", between, f"{ratio.mark}× {ratio.value:.2f}")


def title(measurement: Measurement) -> str:
    workload = measurement.workload
    return f"{workload.about}, ns per {workload.unit}"


def on_screen(measurement: Measurement) -> Group:
    table = Table(
        title=f"[bold]{measurement.workload.name}[/]: {title(measurement)}",
        title_justify="left",
        title_style="",
        box=box.SIMPLE_HEAD,
        padding=0,
        pad_edge=False,
        show_edge=False,
    )
    for number, heading in enumerate(TITLES):
        lines_of_heading = heading.replace("measured ", "measured\n").replace("of ", "of\n")
        table.add_column(lines_of_heading, justify="left" if number < 2 else "right", no_wrap=True)
    for cells, style in lines(measurement):
        table.add_row(*cells, style=style)
    return Group(table, *(Text(line, style="red") for line in error_lines(measurement)), Text())


def error_lines(measurement: Measurement) -> list[str]:
    name = measurement.workload.name
    return [f"✗ {name}, {rung}: {error}" for rung, error in measurement.errors.items()]


def as_markdown(measurements: Sequence[Measurement], level: str = "##") -> list[str]:
    """Return the lines of all tables."""
    text: list[str] = []
    for measurement in measurements:
        text += [f"{level} {measurement.workload.name}: {title(measurement)}", ""]
        text += markdown_table(TITLES, [line.cells for line in lines(measurement)])
        text += [""] + [f"{escaped(line)}\n" for line in error_lines(measurement)]
    return [*text, NOTES]


def as_data(measurement: Measurement) -> dict[str, Any]:
    workload = measurement.workload
    return {
        "name": workload.name,
        "about": workload.about,
        "nanoseconds_per": workload.unit,
        "rungs": [
            {"name": rung.name, "part": rung.part, "how": rung.how} for rung in workload.rungs
        ],
        "samples": measurement.samples,
        "parts": [part._asdict() for part in measurement.parts()],
        "errors": measurement.errors,
    }
