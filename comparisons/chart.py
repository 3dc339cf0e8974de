"""The bar chart of wall times: one panel for each workload, as SVG and PNG.

Bars are medians; whiskers span from the fastest to the slowest sample. The axis is linear and
starts at zero, so the length of a bar is proportional to its time.
"""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from comparisons.experiment import Comparison, Row
from comparisons.plan import REFERENCE
from comparisons.ratios import figure as ratio_figure
from comparisons.report import caption, milliseconds

COLOURS: Final = {
    "sequential": "#8c8c8c",
    "threads": "#dd8452",
    "processes-cold": "#b9a3d6",
    "processes-warm": "#8172b3",
    "asyncio": "#4c72b0",
    "miniloop": "#55a868",
    "uvloop": "#64b5cd",
}
ROOM_FOR_LABELS: Final = 1.38
"""The width of a panel divided by its longest bar; labels need the rest."""


def draw(folder: Path, comparisons: Sequence[Comparison]) -> str:
    """Write chart.svg and chart.png; return the first name, or "" if there is nothing to draw."""
    shown = [one for one in comparisons if any(row.samples for row in one.rows)]
    if not shown:
        return ""
    columns = min(2, len(shown))
    lines = math.ceil(len(shown) / columns)
    tallest = max(len(one.rows) for one in shown)
    layout = ConstrainedLayoutEngine(h_pad=0.12)
    figure = Figure(figsize=(6.4 * columns, (0.42 * tallest + 1.3) * lines), layout=layout)
    panels = figure.subplots(lines, columns, squeeze=False).flatten()
    for panel, comparison in zip(panels, shown, strict=False):
        _draw_panel(panel, comparison)
    for panel in panels[len(shown) :]:
        panel.remove()
    # A Figure without pyplot needs no display: savefig selects the backend by the file format.
    figure.savefig(folder / "chart.svg")
    figure.savefig(folder / "chart.png", dpi=150)
    return "chart.svg"


def _draw_panel(panel: Axes, comparison: Comparison) -> None:
    rows = [row for row in comparison.rows if row.samples]
    longest = max(max(row.walls) for row in rows) * 1000
    for place, row in enumerate(rows):
        _draw_bar(panel, place, row, longest)
    panel.set_yticks(range(len(rows)), [row.model for row in rows])
    panel.invert_yaxis()
    panel.set_xlim(0, longest * ROOM_FOR_LABELS)
    panel.set_xlabel("wall time in ms (median; whiskers: fastest and slowest sample)", fontsize=8)
    panel.set_title(f"{comparison.workload}: {caption(comparison)}", fontsize=9, loc="left")
    panel.spines[["top", "right"]].set_visible(False)


def _draw_bar(panel: Axes, place: int, row: Row, longest: float) -> None:
    middle = row.medians.wall * 1000
    least, most = min(row.walls) * 1000, max(row.walls) * 1000
    whiskers = [[middle - least], [most - middle]]
    panel.barh(place, middle, color=COLOURS[row.model], xerr=whiskers, capsize=3, ecolor="#333333")
    text = f"{milliseconds(row.medians.wall)} ms"
    if row.ratio and row.model != REFERENCE:
        text += f"  ({row.ratio.mark}{ratio_figure(row.ratio.value)})"
    panel.text(most + longest * 0.02, place, text, va="center", fontsize=8)
