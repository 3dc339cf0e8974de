"""The command: run both stories on each model, print the steps, draw the timelines."""

import argparse
import sys
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from rich.box import ASCII, ROUNDED
from rich.columns import Columns
from rich.console import Console
from rich.table import Table

from comparisons.steps.figure import draw
from comparisons.steps.models import MODELS, Address, Run, run_story
from comparisons.steps.service import RunFailed, running_service
from comparisons.steps.spans import totals
from comparisons.steps.story import BAKERY, FUNCTIONS, Story
from comparisons.steps.table import EMOJI, LETTERS, first_difference, legend, step_table, steps

RESULTS = Path(__file__).parents[2] / "results"
# The models whose tables are shown together, and an explanation.
SECTIONS = {
    ("sequential",): "One thread. While a function waits, no function runs.",
    ("asyncio", "miniloop"): "One thread, one task per function. While one waits, another runs.",
    ("threads",): (
        "One thread per function. The order may differ from run to run.\n"
        "Running threads alternate: only one of them has the GIL at any time."
    ),
    ("processes",): (
        "One process per function, each with its own GIL.\nThe order may differ from run to run."
    ),
}


def run(argv: list[str]) -> int:
    options = parser().parse_args(argv)
    report = Report(options)
    try:
        report.show()
    except (OSError, RunFailed) as error:
        report.fail(str(error))
    return 1 if report.failed else 0


def parser() -> argparse.ArgumentParser:
    build = argparse.ArgumentParser(
        prog="python -m comparisons steps",
        description="Show step by step how the same functions run sequentially, on asyncio, on "
        "miniloop, in threads and in processes. Check that asyncio and miniloop take the same "
        "steps, and draw timelines.",
        epilog="exit status: 0 success, 1 something failed, 2 invalid usage, 130 Ctrl-C",
        allow_abbrev=False,
    )
    add = build.add_argument
    models = f"models to run (default: {', '.join(MODELS)})"
    add("--models", type=known_models, default=list(MODELS), metavar="A,B", help=models)
    add("--ascii", action="store_true", help="use letters instead of emoji")
    out = "folder for the timelines (default: results/steps-DATE-TIME)"
    add("--out", type=Path, metavar="DIR", help=out)
    add("--no-figures", action="store_true", help="do not draw timelines")
    return build


def known_models(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    unknown = [name for name in names if name not in MODELS]
    if unknown or not names:
        problem = f"unknown model: {unknown[0]}" if unknown else "no model given"
        raise argparse.ArgumentTypeError(f"{problem}; choose from {', '.join(MODELS)}")
    return names


class Report:
    """Runs the stories, shows each result, and records whether anything failed."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.console = Console(highlight=False)
        self.signs = LETTERS if options.ascii or not can_show_emoji() else EMOJI
        self.failed = False

    def fail(self, line: str) -> None:
        self.failed = True
        self.console.file.flush()
        print(f"steps: {line}", file=sys.stderr)

    def show(self) -> None:
        with running_service() as address:
            self.console.print(f"[bold]{FUNCTIONS.title}[/]")
            self.console.print(legend(self.signs), end="\n\n")
            functions = [
                run
                for names, caption in SECTIONS.items()
                for run in self.show_section(names, caption, address)
            ]
            cakes = self.run_models(BAKERY, MODELS, address)
        if cakes:
            self.console.print(self.bakery_table(cakes))
            self.compare(cakes)
            self.console.print()
        if not self.options.no_figures:
            self.draw({FUNCTIONS: functions, BAKERY: cakes})

    def show_section(self, names: Iterable[str], caption: str, address: Address) -> list[Run]:
        runs = self.run_models(FUNCTIONS, names, address)
        if runs:
            tables = [step_table(run, self.signs) for run in runs]
            self.console.print(Columns(tables, padding=(0, 3)), caption)
            self.compare(runs)
            for run in runs:
                self.console.print(f"{run.model}: {time_spent(run)}")
            self.console.print()
        return runs

    def run_models(self, story: Story, names: Iterable[str], address: Address) -> list[Run]:
        """Run the requested models among these names; return the runs that did not fail."""
        runs = []
        for name in names:
            if name in self.options.models:
                try:
                    runs.append(run_story(name, story.functions, address))
                except RunFailed as failure:
                    self.fail(f"{name}: {failure}")
        return runs

    def compare(self, runs: list[Run]) -> None:
        """Check that all models have the same results, and both loops the same steps."""
        for run in runs[1:]:
            if run.results != runs[0].results:
                self.fail(f"{run.model} and {runs[0].model} returned different results")
        loops = [run for run in runs if run.model in ("asyncio", "miniloop")]
        if len(loops) == 2:
            difference = first_difference(*loops)
            if difference:
                self.fail(f"asyncio and miniloop took different steps: {difference}")
            else:
                self.console.print(
                    f"asyncio and miniloop took the same {len(steps(loops[0])) - 1} steps."
                )

    def bakery_table(self, runs: list[Run]) -> Table:
        box = ASCII if self.signs is LETTERS else ROUNDED
        table = Table(title=BAKERY.title, title_justify="left", title_style="bold", box=box)
        table.add_column("model")
        for heading in (
            "bakers",
            "total\nms",
            "at least one\nworks, ms",
            "two work,\nms",
            "idle\nms",
        ):
            table.add_column(heading, justify="right")
        for run in runs:
            spent = totals(run)
            times = (spent.whole, spent.at_least_one_ran, spent.at_least_two_ran, spent.none_ran)
            table.add_row(run.model, str(len(run.journals)), *(f"{time:.0f}" for time in times))
        return table

    def draw(self, stories: dict[Story, list[Run]]) -> None:
        folder = self.options.out or RESULTS / f"steps-{datetime.now():%Y%m%d-%H%M%S}"
        folder.mkdir(parents=True, exist_ok=True)
        for story, runs in stories.items():
            if runs:
                draw(runs, story, folder)
        self.console.print(f"Timelines: {folder}", soft_wrap=True)


def time_spent(run: Run) -> str:
    spent = totals(run)
    running = f"at least one running {spent.at_least_one_ran:.0f} ms"
    if len(run.journals) > 1:
        running += f", two or more {spent.at_least_two_ran:.0f} ms"
    return f"{spent.whole:.0f} ms; {running}, idle {spent.none_ran:.0f} ms"


def can_show_emoji() -> bool:
    """Return whether the output encoding has the emoji; whether the font does is unknown."""
    try:
        "".join(EMOJI.values()).encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return False
    return True
