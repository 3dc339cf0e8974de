"""The stacked bar chart: a panel for each workload, with miniloop's parts and the complete loops.

Parts that miniloop does not have are hatched and follow the end of its bar; they are not part of
its time. The axes are linear and start at zero.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.patches import Patch

from comparisons.knockout.ladder import MINILOOP, WORKLOADS
from comparisons.knockout.parts import Measurement
from comparisons.knockout.table import title

LEAST_SHARE_WITH_FIGURE: Final = 0.035
"""The share of the panel's width from which a segment is wide enough for its figure."""
GREYS: Final = (14, 15)
"""Indices of the grey colours, which are used for the complete loops only."""


def draw(folder: Path, measurements: Sequence[Measurement]) -> str:
    """Write chart.svg and chart.png; return the second name, or "" if there is nothing to draw."""
    shown = [one for one in measurements if one.median(MINILOOP) is not None]
    if not shown:
        return ""
    figure = Figure(figsize=(9, 2.0 * len(shown) + 1.1), layout=ConstrainedLayoutEngine(h_pad=0.1))
    panels = figure.subplots(len(shown), 1, squeeze=False).flatten()
    legend: dict[str, Any] = {}
    for panel, measurement in zip(panels, shown, strict=True):
        _draw_panel(panel, measurement, legend)
    figure.legend(
        list(legend.values()), list(legend), loc="outside lower center", ncols=4, fontsize=8
    )
    figure.savefig(folder / "chart.svg")
    figure.savefig(folder / "chart.png", dpi=130)
    return "chart.png"


def _colours() -> dict[str, Any]:
    """Return a colour for each part, the same in all panels and in every run."""
    names = dict.fromkeys(rung.part for each in WORKLOADS.values() for rung in each.rungs)
    colours = [colormaps["tab20"](number) for number in range(20) if number not in GREYS]
    return dict(zip(names, colours, strict=False))


def _draw_panel(panel: Axes, measurement: Measurement, legend: dict[str, Any]) -> None:
    known = {name: measurement.median(name) for name in measurement.whole}
    whole = {name: value for name, value in known.items() if value is not None}
    parts = list(reversed(measurement.parts()))
    longest = max(*whole.values(), sum(max(0.0, part.nanoseconds) for part in parts), 1.0)
    miniloop = sum(part.nanoseconds for part in parts if not part.absent)
    colours, end = _colours(), 0.0
    for part in sorted(parts, key=lambda part: part.absent):
        width = max(0.0, part.nanoseconds)  # a negative cost cannot be drawn
        style: dict[str, Any] = {"color": colours[part.name]}
        if part.absent:
            style = {"facecolor": "white", "edgecolor": colours[part.name], "hatch": "////"}
        panel.barh(0, width, left=end, **style)
        name = f"not in miniloop: {part.name}" if part.absent else part.name
        legend.setdefault(name, Patch(**style))
        if width > longest * LEAST_SHARE_WITH_FIGURE:
            box = {"facecolor": "white", "edgecolor": "none", "pad": 1, "alpha": 0.7}
            middle = end + width / 2
            panel.text(middle, 0, f"{width:.0f}", ha="center", va="center", fontsize=7, bbox=box)
        end += width
    for place, value in enumerate(whole.values(), 1):
        panel.barh(place, value, color="#9a9a9a")
        panel.text(value + longest * 0.01, place, f"{value:.0f}", va="center", fontsize=7)
    panel.set_yticks(range(len(whole) + 1), [f"{MINILOOP}: {miniloop:.0f}", *whole], fontsize=8)
    panel.invert_yaxis()
    panel.set_xlim(0, longest * 1.08)
    panel.set_title(f"{measurement.workload.name}: {title(measurement)}", fontsize=9, loc="left")
    panel.spines[["top", "right"]].set_visible(False)
