"""The figures as tables for a terminal of 80 columns, as Markdown and as JSON."""

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

TITLES: Final = ("part", "without it", "ns", "95 % interval", "share")
NOTES: Final = """\
ns: nanoseconds of CPU time, the difference between the medians of two rungs of a ladder, one with
the part and one without. ≈: the interval holds zero. share: of miniloop's time; of a loop, its
ratio to miniloop. without it: the rung that lacks the part is miniloop's real code, the same
patched in one place, or a loop written for the ladder. spared: what miniloop does without, and
would cost on top."""


class Line(NamedTuple):
    cells: tuple[str, ...]
    style: str = ""


def lines(measurement: Measurement) -> list[Line]:
    """Bottom up: the floor's parts first, so that the figures add up to miniloop's."""
    parts = measurement.parts()
    own = [part for part in reversed(parts) if not part.spared]
    spared = [part for part in reversed(parts) if part.spared]
    return [
        *(Line(_part(measurement, part)) for part in own),
        Line(_loop(measurement, MINILOOP), "bold"),
        *(Line(_part(measurement, part), "dim") for part in spared),
        *(Line(_loop(measurement, name)) for name in measurement.whole),
    ]


def _part(measurement: Measurement, part: Part) -> tuple[str, ...]:
    share = measurement.share(part)
    name = f"spared: {part.name}" if part.spared else part.name
    figure = f"{part.nanoseconds:{'+' if part.spared else ''}.0f}"
    return (
        name,
        "–" if part.spared else part.how,
        f"≈{figure}" if part.nothing else figure,
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
    return f"{workload.about}: ns a {workload.unit}"


def on_screen(measurement: Measurement) -> Group:
    table = Table(
        title=f"[bold]{measurement.workload.name}[/]: {title(measurement)}",
        title_justify="left",
        title_style="",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        show_edge=False,
    )
    for number, heading in enumerate(TITLES):
        table.add_column(heading, justify="left" if number < 2 else "right", no_wrap=True)
    for cells, style in lines(measurement):
        table.add_row(*cells, style=style)
    return Group(table, *(Text(line, style="red") for line in complaints(measurement)), Text())


def complaints(measurement: Measurement) -> list[str]:
    name = measurement.workload.name
    return [f"✗ {name}, {rung}: {error}" for rung, error in measurement.errors.items()]


def as_markdown(measurements: Sequence[Measurement], level: str = "##") -> list[str]:
    """The lines of all tables."""
    text: list[str] = []
    for measurement in measurements:
        text += [f"{level} {measurement.workload.name}: {title(measurement)}", ""]
        text += markdown_table(TITLES, [line.cells for line in lines(measurement)])
        text += [""] + [f"{escaped(line)}\n" for line in complaints(measurement)]
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
