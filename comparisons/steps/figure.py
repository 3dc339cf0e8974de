"""Timelines of real runs: a panel per model, a lane per function, coloured by its state.

All panels share one time axis, so lengths can be compared.
"""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.patheffects import withStroke

from comparisons.steps.journal import State
from comparisons.steps.models import Run
from comparisons.steps.spans import Span, pauses, spans, totals
from comparisons.steps.story import Story

RUNNING, WAITING, PAUSED = "#2e7d32", "#ffd54f", "#c8e6c9"
INK = {State.RUNNING: "white", State.WAITING: "black"}
PAPER = {State.RUNNING: RUNNING, State.WAITING: WAITING}
LANE_HEIGHT = 0.7
LETTER = 1 / 90  # the width of a letter in a label, relative to the whole axis


def draw(runs: Sequence[Run], story: Story, folder: Path) -> list[Path]:
    """Write the figure as SVG and as PNG; return their paths."""
    lanes = [len(run.functions) for run in runs]
    # Not pyplot: it keeps a reference to every figure and selects a GUI backend.
    figure = Figure(figsize=(9, 1.4 + sum(0.45 + 0.32 * count for count in lanes)))
    FigureCanvasAgg(figure)
    figure.set_layout_engine("constrained")
    panels = figure.subplots(
        len(runs), 1, sharex=True, squeeze=False, gridspec_kw={"height_ratios": lanes}
    )[:, 0]
    longest = max(totals(run).whole for run in runs)
    panels[0].set_xlim(0, longest * 1.01)
    for panel, run in zip(panels, runs, strict=True):
        draw_panel(panel, run, heading(run, story), longest)
    panels[-1].set_xlabel("time in milliseconds")
    figure.suptitle(story.title, fontweight="bold")
    figure.legend(handles=legend(), loc="outside lower center", ncols=3, frameon=False)
    paths = [folder / f"{story.name}.{kind}" for kind in ("svg", "png")]
    for path in paths:
        figure.savefig(path, dpi=150)
    return paths


def draw_panel(panel: Axes, run: Run, title: str, longest: float) -> None:
    lane_of = {function: lane for lane, function in enumerate(run.functions)}
    for span in spans(run):
        draw_bar(panel, lane_of[span.function], span, PAPER[span.state])
        if span.end - span.start > longest * LETTER * (len(span.stage) + 1):
            draw_label(panel, lane_of[span.function], span)
    for pause in pauses(run):
        draw_bar(panel, lane_of[pause.function], pause, PAUSED)
    panel.set_title(title, loc="left", fontsize=10)
    panel.set_yticks(list(lane_of.values()), lane_labels(run))
    panel.set_ylim(len(lane_of) - 0.5, -0.5)
    panel.grid(axis="x", color="#dddddd", linewidth=0.6)
    panel.set_axisbelow(True)
    panel.spines[["top", "right", "left"]].set_visible(False)
    panel.tick_params(left=False)


def draw_bar(panel: Axes, lane: int, span: Span, colour: str) -> None:
    panel.barh(lane, span.end - span.start, LANE_HEIGHT, left=span.start, color=colour)


def draw_label(panel: Axes, lane: int, span: Span) -> None:
    panel.text(
        (span.start + span.end) / 2,
        lane,
        span.stage,
        ha="center",
        va="center",
        fontsize=8,
        color=INK[span.state],
        # Pauses are drawn across the bar; the outline keeps the label readable on top of them.
        path_effects=[withStroke(linewidth=2.5, foreground=PAPER[span.state])],
        zorder=3,
    )


def heading(run: Run, story: Story) -> str:
    """Return a heading such as `processes (2 bakers): 240 ms`."""
    count = len(run.journals)
    workers = f"{count} {story.worker}{'s' if count > 1 else ''}"
    return f"{run.model} ({workers}): {totals(run).whole:.0f} ms"


def lane_labels(run: Run) -> list[str]:
    if len(run.journals) == 1:
        return list(run.functions)
    return [f"{journal.events[0].function}, {journal.worker}" for journal in run.journals]


def legend() -> list[Patch]:
    return [
        Patch(color=RUNNING, label="running"),
        Patch(color=PAUSED, label="paused: another has the GIL or the core"),
        Patch(color=WAITING, label="waiting for a response"),
    ]
