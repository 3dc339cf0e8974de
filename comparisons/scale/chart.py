"""The log-log plot: a row of panels for each experiment, a curve for each model.

A line parallel to the thin dashed one is linear growth. The dotted lines mark the N from which
threads, or processes, cost more than miniloop.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from comparisons.chart import COLOURS as ALL_COLOURS
from comparisons.scale.experiment import Experiment
from comparisons.scale.growth import rounded

COLOURS: Final = {**ALL_COLOURS, "processes": ALL_COLOURS["processes-warm"]}
PANELS: Final = (
    # title, field of Figures, unit of the axis
    ("total CPU time (s)", "cpu", 1.0),
    ("total memory (MiB)", "memory", 2.0**20),
    ("p99 delay (ms)", "p99", 1e-3),
)


def draw(folder: Path, experiments: Sequence[Experiment]) -> str:
    """Write chart.svg and chart.png; return the second name, or "" if there is nothing to draw."""
    shown = [one for one in experiments if one.samples]
    if not shown:
        return ""
    size = (13, 4.2 * len(shown) + 0.5)
    figure = Figure(figsize=size, layout=ConstrainedLayoutEngine(w_pad=0.1, h_pad=0.1))
    rows = figure.subplots(len(shown), len(PANELS), squeeze=False)
    legend: dict[str, Any] = {}
    for row, experiment in zip(rows, shown, strict=True):
        for panel, (title, field, unit) in zip(row, PANELS, strict=True):
            _draw_panel(panel, experiment, field, unit, legend)
            panel.set_title(f"{experiment.name}: {title}", fontsize=10, loc="left")
    figure.legend(
        list(legend.values()), list(legend), loc="outside lower center", ncols=6, fontsize=9
    )
    figure.savefig(folder / "chart.svg")
    figure.savefig(folder / "chart.png", dpi=110)
    return "chart.png"


def _draw_panel(
    panel: Axes, experiment: Experiment, field: str, unit: float, legend: dict[str, Any]
) -> None:
    panel.set_xscale("log")
    panel.set_yscale("log")
    panel.set_xlabel("N", fontsize=9)
    panel.grid(alpha=0.3)
    panel.spines[["top", "right"]].set_visible(False)
    for model in experiment.models:
        curve = {many: value / unit for many, value in experiment.curve(model, field).items()}
        drawn = {many: value for many, value in curve.items() if value > 0}
        if drawn:
            [line] = panel.plot(
                list(drawn), list(drawn.values()), marker="o", ms=4, color=COLOURS[model]
            )
            legend[model] = line
    if field != "p99":
        _draw_slope(panel, experiment, field, unit, legend)
        _draw_crossovers(panel, experiment, field)


def _draw_slope(
    panel: Axes, experiment: Experiment, field: str, unit: float, legend: dict[str, Any]
) -> None:
    """Draw a line of linear growth through miniloop's last point."""
    curve = experiment.curve("miniloop", field)
    if len(curve) < 2:
        return
    most = max(curve)
    ends = [max(min(curve), most // 30), most]
    heights = [curve[most] / unit * many / most for many in ends]
    [line] = panel.plot(ends, heights, color="#bbbbbb", lw=1, ls="--", zorder=0)
    legend["∝ N"] = line


def _draw_crossovers(panel: Axes, experiment: Experiment, field: str) -> None:
    least, most = panel.get_xlim()
    for number, (model, at) in enumerate(experiment.crossovers(field).items()):
        if at is not None:
            in_right_half = at * at > least * most
            panel.axvline(at, color=COLOURS[model], ls=":", lw=1.2)
            panel.annotate(
                f"{model} cost more from N ≈ {rounded(at):,}",
                xy=(at, 0.98 - 0.06 * number),
                xycoords=("data", "axes fraction"),
                xytext=(-4 if in_right_half else 4, 0),
                ha="right" if in_right_half else "left",
                textcoords="offset points",
                color=COLOURS[model],
                fontsize=8,
                va="top",
            )
