"""One run of the command: measure, show, write. Progress goes to standard error.

If the run is interrupted, even by Ctrl-C, the table is shown with the samples taken so far.
"""

import tempfile
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from comparisons.loops import files, table
from comparisons.loops.figure import draw
from comparisons.loops.measure import Experiment
from comparisons.loops.options import Settings
from comparisons.machine import environment, libraries, occasion
from comparisons.progress import progress
from comparisons.readme import BrokenSection
from comparisons.report import header_table
from comparisons.results import results_folder, shortest


def run(settings: Settings, arguments: Sequence[str]) -> int:
    """Run and return the exit status; KeyboardInterrupt and OSError from output propagate."""
    return Run(settings, arguments).complete()


class Run:
    def __init__(self, settings: Settings, arguments: Sequence[str]) -> None:
        self._settings = settings
        self._screen = Console(highlight=False)
        plan = settings.plan
        self._header = {
            **environment(),
            "libraries": libraries(("uvloop",)),
            "samples": f"{plan.rounds} of each figure, each in a new process, interleaved"
            f" ({plan.mode} mode)",
            **occasion(["loops", *arguments]),
        }
        self._problems: list[str] = []

    def complete(self) -> int:
        self._screen.print(header_table(self._header), "")
        with (
            results_folder(self._settings.out, "loops") as folder,
            tempfile.TemporaryDirectory(prefix="bytecode-") as scratch,
        ):
            experiment = Experiment(self._settings.plan, Path(scratch))
            try:
                self._measure(experiment)
            finally:
                self._show(experiment)
            self._write(experiment, folder)
        for problem in self._problems:
            self._screen.print(f"✗ {problem}", style="red", markup=False, soft_wrap=True)
        self._screen.print(f"results: {shortest(folder)}", markup=False, soft_wrap=True)
        return 1 if self._problems else 0

    def _measure(self, experiment: Experiment) -> None:
        with progress() as shown:
            bar = shown.add_task("loops", total=experiment.total, model="")
            for done, (row, column) in enumerate(experiment.run()):
                shown.update(bar, completed=done, model=f"{row.workload.key}, {column}")
            shown.update(bar, completed=experiment.total, model="")

    def _show(self, experiment: Experiment) -> None:
        for row in experiment.rows:
            row.judge()
            self._problems += row.error_lines
        self._screen.print(table.on_screen(experiment.rows, experiment.plan), "")

    def _write(self, experiment: Experiment, folder: Path) -> None:
        rows, plan = experiment.rows, experiment.plan
        where = f"the report to {folder}"
        try:
            chart = draw(folder, rows, plan.columns)
            files.write(folder, self._header, rows, plan, chart)
            if self._settings.save_readme:
                where = "comparisons/README.md"
                files.save_in_readme(self._header, rows, plan)
        except OSError as error:
            self._problems.append(f"cannot write {where}: {error.strerror or error}")
        except BrokenSection as error:
            self._problems.append(f"cannot write {where}: {error}")
