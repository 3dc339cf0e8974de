"""One run of the main comparison: measure and show each workload, then write the report.

If a workload is interrupted, even by Ctrl-C, its table is shown with the samples taken so far.
Progress goes to standard error; with `--json`, so does everything except the report.
"""

import json
from collections.abc import Sequence
from contextlib import nullcontext
from importlib.util import find_spec
from pathlib import Path

from rich.console import Console

from comparisons import report
from comparisons.experiment import Comparison
from comparisons.machine import describe
from comparisons.options import Settings
from comparisons.progress import progress
from comparisons.results import results_folder, shortest
from comparisons.supervisor import ChildError, page_server
from comparisons.workloads import WORKLOADS


class Run:
    def __init__(self, settings: Settings, arguments: Sequence[str]) -> None:
        self._plan = settings.plan
        self._out = settings.out
        self._json = settings.json
        self._screen = Console(stderr=settings.json, highlight=False)
        self._header = describe(settings.plan, arguments)
        self._comparisons: list[Comparison] = []
        self._problems: list[str] = []

    def complete(self) -> int:
        """Run and return the exit status; KeyboardInterrupt and OSError from output propagate."""
        with results_folder(self._out) as folder:
            self._screen.print(report.header_table(self._header), "")
            try:
                self._measure(folder)
            except ChildError as error:
                self._problems.append(str(error))
            self._screen.print(report.notes(), "")
            self._write(folder)
            if self._json:
                print(json.dumps(report.as_data(self._header, self._comparisons), indent=2))
        for problem in self._problems:
            self._screen.print(f"✗ {problem}", style="red", markup=False, soft_wrap=True)
        self._screen.print(f"results: {shortest(folder)}", markup=False, soft_wrap=True)
        failed = self._problems or any(one.errors for one in self._comparisons)
        return 1 if failed else 0

    def _measure(self, folder: Path) -> None:
        fetching = any(WORKLOADS[name].fetches for name in self._plan.workloads)
        own_server = fetching and not self._plan.urls
        with page_server(self._plan.latency) if own_server else nullcontext("") as address:
            for workload in self._plan.workloads:
                try:
                    comparison = Comparison.prepared(workload, self._plan, address)
                except ChildError as error:
                    self._problems.append(f"{workload}: {error}")
                else:
                    self._comparisons.append(comparison)
                    self._compare(comparison, folder)

    def _compare(self, comparison: Comparison, folder: Path) -> None:
        try:
            self._take_samples(comparison, folder)
        finally:
            comparison.judge()
            self._screen.print(report.workload_table(comparison))

    def _take_samples(self, comparison: Comparison, folder: Path) -> None:
        with progress() as bars:
            total = len(comparison.rows) * self._plan.samples
            bar = bars.add_task(comparison.workload, total=total, model="")
            for done, row in enumerate(comparison.samples(folder)):
                bars.update(bar, completed=done, model=row.model)
            bars.update(bar, completed=total, model="")

    def _write(self, folder: Path) -> None:
        try:
            chart = self._draw(folder)
            report.write(folder, self._header, self._comparisons, chart)
        except OSError as error:
            reason = error.strerror or error
            self._problems.append(f"cannot write the report to {folder}: {reason}")

    def _draw(self, folder: Path) -> str:
        if not find_spec("matplotlib"):
            self._problems.append("no chart without matplotlib: python -m pip install matplotlib")
            return ""
        from comparisons.chart import draw  # takes a second to import, and is optional

        return draw(folder, self._comparisons)
