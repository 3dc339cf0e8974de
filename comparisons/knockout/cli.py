"""One run: take the samples of each workload, show its table, then write the report."""

import json
import platform
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.text import Text

from comparisons.knockout import table
from comparisons.knockout.chart import draw
from comparisons.knockout.ladder import WORKLOADS
from comparisons.knockout.options import Settings
from comparisons.knockout.parts import Measurement
from comparisons.machine import environment, libraries, occasion
from comparisons.progress import progress
from comparisons.readme import README, BrokenSection, put_section
from comparisons.report import escaped, header_table, markdown_table
from comparisons.results import results_folder, shortest


class Run:
    def __init__(self, settings: Settings, arguments: Sequence[str]) -> None:
        self._settings = settings
        self._screen = Console(highlight=False)
        self._header = {
            **environment(),
            "libraries": libraries(("uvloop",)),
            "samples": f"{settings.rounds} of each rung, interleaved, "
            f"each the lowest of {settings.values} runs",
            **occasion(arguments),
        }
        self._measurements: list[Measurement] = []
        self._problems: list[str] = []

    def complete(self) -> int:
        """Run and return the exit status; KeyboardInterrupt and OSError from output propagate."""
        with results_folder(self._settings.out, "knockout") as folder:
            self._screen.print(header_table(self._header), "")
            for name in self._settings.workloads:
                measurement = Measurement(WORKLOADS[name], self._settings.whole)
                self._measurements.append(measurement)
                self._measure(measurement)
            self._screen.print(Text(table.NOTES.replace("\n", " "), style="dim"), "")
            self._write(folder)
            for problem in self._problems:
                self._screen.print(f"✗ {problem}", style="red", markup=False, soft_wrap=True)
            self._screen.print(f"results: {shortest(folder)}", markup=False, soft_wrap=True)
        failed = self._problems or any(one.errors for one in self._measurements)
        return 1 if failed else 0

    def _measure(self, measurement: Measurement) -> None:
        try:
            with progress() as bars:
                total = len(measurement.names) * self._settings.rounds
                bar = bars.add_task(measurement.workload.name, total=total, model="")
                samples = measurement.take(self._settings.rounds, self._settings.values)
                for done, name in enumerate(samples):
                    bars.update(bar, completed=done, model=name)
                bars.update(bar, completed=total, model="")
        finally:
            self._screen.print(table.on_screen(measurement))  # after Ctrl-C, the samples so far

    def _write(self, folder: Path) -> None:
        chart = draw(folder, self._measurements)
        data = {"header": self._header, "workloads": list(map(table.as_data, self._measurements))}
        text = json.dumps(data, indent=2, ensure_ascii=False)
        (folder / "report.json").write_text(text + "\n", encoding="utf-8")
        picture = [f"![the cost of each part]({chart})", ""] if chart else []
        lines = ["# The cost of each part of miniloop", "", *self._header_lines(), "", *picture]
        lines += table.as_markdown(self._measurements)
        (folder / "report.md").write_text("\n".join([*lines, ""]), encoding="utf-8")
        if self._settings.save_readme:
            self._save_readme()

    def _header_lines(self) -> list[str]:
        return markdown_table(
            ("", ""), [(name, escaped(each)) for name, each in self._header.items()]
        )

    def _save_readme(self) -> None:
        if any(one.errors for one in self._measurements):
            self._problems.append(f"{README.name} was not changed, because there were errors")
            return
        minor = ".".join(platform.python_version_tuple()[:2])
        lines = [f"### knockout, CPython {minor}", "", *self._header_lines(), ""]
        lines += table.as_markdown(self._measurements, "####")
        try:
            put_section(README, f"knockout-{minor}", "\n".join(lines))
        except BrokenSection as error:
            self._problems.append(str(error))
