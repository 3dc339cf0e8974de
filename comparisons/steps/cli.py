"""The command: run both stories under each model, print what happened, draw the timelines."""

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
from comparisons.steps.outside import RunFailed, outside
from comparisons.steps.spans import totals
from comparisons.steps.story import BAKERY, FUNCTIONS, Story
from comparisons.steps.table import EMOJI, LETTERS, first_difference, legend, step_table, steps

RESULTS = Path(__file__).parents[2] / "results"
# The models whose tables stand side by side, and what a reader should see in them.
SECTIONS = {
    ("sequential",): "One thread. While a function waits, nobody runs.",
    ("asyncio", "miniloop"): "One thread, a task each. While one waits, another runs.",
    ("threads",): (
        "A thread each; the next run may show another order.\n"
        "Those that are running still take turns: one at a time has the GIL."
    ),
    ("processes",): "A process each, with its own GIL; the next run may show another order.",
}


def run(argv: list[str]) -> int:
    options = parser().parse_args(argv)
    report = Report(options)
    try:
        report.tell()
    except (OSError, RunFailed) as error:
        report.complain(str(error))
    return 1 if report.failed else 0


def parser() -> argparse.ArgumentParser:
    build = argparse.ArgumentParser(
        prog="python -m comparisons steps",
        description="The same functions under every model of execution, step by step.",
        allow_abbrev=False,
    )
    build.add_argument(
        "--models", type=known_models, default=list(MODELS), help="some of: " + ",".join(MODELS)
    )
    build.add_argument("--ascii", action="store_true", help="letters instead of emoji")
    build.add_argument("--out", type=Path, help="the folder for the figures")
    build.add_argument("--no-figures", action="store_true", help="print the tables only")
    return build


def known_models(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    unknown = [name for name in names if name not in MODELS]
    if unknown or not names:
        what = f"unknown model {unknown[0]!r}" if unknown else "no model named"
        raise argparse.ArgumentTypeError(f"{what}; known: {', '.join(MODELS)}")
    return names


class Report:
    """Runs the stories, shows them as they come, and knows whether anything went wrong."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.console = Console(highlight=False)
        self.signs = LETTERS if options.ascii or not can_show_emoji() else EMOJI
        self.failed = False

    def complain(self, line: str) -> None:
        self.failed = True
        self.console.file.flush()
        print(f"steps: {line}", file=sys.stderr)

    def tell(self) -> None:
        with outside() as address:
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
                self.console.print(f"{run.model}: {where_time_went(run)}")
            self.console.print()
        return runs

    def run_models(self, story: Story, names: Iterable[str], address: Address) -> list[Run]:
        """The models among these names that were asked for; those that fail are left out."""
        runs = []
        for name in names:
            if name in self.options.models:
                try:
                    runs.append(run_story(name, story.functions, address))
                except RunFailed as failure:
                    self.complain(f"{name}: {failure}")
        return runs

    def compare(self, runs: list[Run]) -> None:
        """Every model must come to the same results, and the two loops to the same steps."""
        for run in runs[1:]:
            if run.results != runs[0].results:
                self.complain(f"{run.model} and {runs[0].model} came to different results")
        loops = [run for run in runs if run.model in ("asyncio", "miniloop")]
        if len(loops) == 2:
            difference = first_difference(*loops)
            if difference:
                self.complain(f"asyncio and miniloop took different steps: {difference}")
            else:
                self.console.print(
                    f"asyncio and miniloop: the same {len(steps(loops[0])) - 1} steps."
                )

    def bakery_table(self, runs: list[Run]) -> Table:
        box = ASCII if self.signs is LETTERS else ROUNDED
        table = Table(title=BAKERY.title, title_justify="left", title_style="bold", box=box)
        table.add_column("model")
        for heading in ("bakers", "ms", "at least one works", "two work", "none works"):
            table.add_column(heading, justify="right")
        for run in runs:
            spent = totals(run)
            times = (spent.whole, spent.somebody_ran, spent.several_ran, spent.nobody_ran)
            table.add_row(run.model, str(len(run.journals)), *(f"{time:.0f}" for time in times))
        return table

    def draw(self, stories: dict[Story, list[Run]]) -> None:
        folder = self.options.out or RESULTS / f"steps-{datetime.now():%Y%m%d-%H%M%S}"
        folder.mkdir(parents=True, exist_ok=True)
        for story, runs in stories.items():
            if runs:
                draw(runs, story, folder)
        self.console.print(f"Timelines: {folder}", soft_wrap=True)


def where_time_went(run: Run) -> str:
    spent = totals(run)
    ran = f"one or more ran for {spent.somebody_ran:.0f}"
    if len(run.journals) > 1:
        ran += f", two or more for {spent.several_ran:.0f}"
    return f"{spent.whole:.0f} ms: {ran}, none for {spent.nobody_ran:.0f}"


def can_show_emoji() -> bool:
    """Whether the encoding of the output has them; a terminal's font is its own affair."""
    try:
        "".join(EMOJI.values()).encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return False
    return True
