"""The grouped bar chart: a group of bars for each row, a bar for each loop, as SVG and PNG.

A bar shows a ratio to asyncio (C). Bars start at 1 and the axis is logarithmic, so a bar for
"twice as fast" is as long as one for "twice as slow".
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import FixedLocator, FuncFormatter, NullFormatter

from comparisons.loops.columns import COLUMNS, REFERENCE
from comparisons.loops.measure import Row
from comparisons.ratios import Ratio
from comparisons.ratios import figure as ratio_figure

TICKS: Final = (0.1, 0.2, 0.3, 0.5, 0.7, 1, 1.5, 2, 3, 5, 10)
GROUP_HEIGHT: Final = 0.82
"""The share of a row's height that its bars fill."""


def draw(folder: Path, rows: Sequence[Row], columns: Sequence[str]) -> str:
    """Write chart.svg and chart.png; return the first name, or "" if there is nothing to draw."""
    shown = [row for row in rows if row.ratios]
    others = [column for column in columns if column != REFERENCE]
    if not shown:
        return ""
    half = -(-len(shown) // 2) if len(shown) > 8 else len(shown)
    parts = [part for part in (shown[:half], shown[half:]) if part]
    drawn = Figure(
        figsize=(6.2 * len(parts), 0.16 * half * (len(others) + 1) + 1.6),
        layout=ConstrainedLayoutEngine(w_pad=0.1),
    )
    panels = drawn.subplots(1, len(parts), squeeze=False, sharex=True).flatten()
    for panel, part in zip(panels, parts, strict=True):
        _draw_panel(panel, part, others)
    handles, labels = panels[0].get_legend_handles_labels()
    drawn.legend(handles, labels, loc="outside upper center", ncols=len(others), frameon=False)
    # A Figure without pyplot needs no display: savefig selects the backend by the file format.
    drawn.savefig(folder / "chart.svg")
    drawn.savefig(folder / "chart.png", dpi=150)
    return "chart.svg"


def _draw_panel(panel: Axes, rows: Sequence[Row], columns: Sequence[str]) -> None:
    height = GROUP_HEIGHT / len(columns)
    for number, column in enumerate(columns):
        shift = (number - (len(columns) - 1) / 2) * height
        _draw_bars(panel, rows, column, shift, height)
    panel.axvline(1, color="#333333", linewidth=0.8)
    panel.set_yticks(range(len(rows)), [row.workload.key for row in rows], fontsize=7)
    panel.set_ylim(len(rows) - 0.4, -0.6)
    panel.set_xscale("log")
    panel.margins(x=0.12)  # space for the labels next to the bars
    panel.xaxis.set_major_locator(FixedLocator(list(TICKS)))
    panel.xaxis.set_major_formatter(FuncFormatter(lambda value, _place: f"{value:g}"))
    panel.xaxis.set_minor_formatter(NullFormatter())
    panel.grid(axis="x", color="#dddddd", linewidth=0.6)
    panel.set_axisbelow(True)
    panel.set_xlabel(f"ratio to {COLUMNS[REFERENCE].title}; below 1 is faster", fontsize=8)
    panel.spines[["top", "right"]].set_visible(False)


def _draw_bars(panel: Axes, rows: Sequence[Row], column: str, shift: float, height: float) -> None:
    known = [(place, row.ratios[column]) for place, row in enumerate(rows) if column in row.ratios]
    places = [place + shift for place, _ in known]
    values = [ratio.value for _, ratio in known]
    about = COLUMNS[column]
    panel.barh(
        places,
        [value - 1 for value in values],
        height,
        left=1,
        color=about.colour,
        label=about.title,
        xerr=[
            [ratio.value - (ratio.low or ratio.value) for _, ratio in known],
            [(ratio.high or ratio.value) - ratio.value for _, ratio in known],
        ],
        error_kw={"elinewidth": 0.6, "ecolor": "#333333"},
    )
    for place, (_, ratio) in zip(places, known, strict=True):
        _label(panel, place, ratio)


def _label(panel: Axes, place: float, ratio: Ratio) -> None:
    """Write the ratio next to the end of the whisker."""
    slower = ratio.value >= 1
    end = (ratio.high if slower else ratio.low) or ratio.value
    panel.annotate(
        ratio_figure(ratio.value),
        (end, place),
        xytext=(3 if slower else -3, 0),
        textcoords="offset points",
        ha="left" if slower else "right",
        va="center",
        fontsize=5,
    )
