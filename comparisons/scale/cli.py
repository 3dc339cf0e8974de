"""One run: take the samples of each experiment, show its table, then write the report."""

import json
import platform
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.text import Text

from comparisons.machine import environment, libraries, occasion
from comparisons.progress import progress
from comparisons.readme import README, BrokenSection, put_section
from comparisons.report import escaped, header_table, markdown_table
from comparisons.results import results_folder, shortest
from comparisons.scale import table
from comparisons.scale.chart import draw
from comparisons.scale.experiment import Experiment
from comparisons.scale.options import Settings
from comparisons.scale.plan import points, this_machine


class Run:
    def __init__(self, settings: Settings, arguments: Sequence[str]) -> None:
        self._settings = settings
        self._screen = Console(highlight=False)
        self._machine = this_machine()
        self._header = {
            **environment(),
            "memory": f"{self._machine.memory / 2**30:.1f} GiB available",
            "descriptors": f"{self._machine.files:,} per process (the limit is raised)",
            "libraries": libraries(("uvloop",)),
            "samples": f"{settings.rounds} of each, interleaved; 1 of the largest N",
            **occasion(arguments),
        }
        self._experiments: list[Experiment] = []
        self._problems: list[str] = []

    def complete(self) -> int:
        """Run and return the exit status; KeyboardInterrupt and OSError from output propagate."""
        settings = self._settings
        with results_folder(settings.out, "scale") as folder:
            self._screen.print(header_table(self._header), "")
            for name in settings.experiments:
                planned = points(name, settings.models, quick=settings.quick, most=settings.most)
                experiment = Experiment(name, planned, settings.rounds)
                experiment.refuse(self._machine)
                self._experiments.append(experiment)
                self._measure(experiment)
            self._screen.print(Text(table.NOTES.replace("\n", " "), style="dim"), "")
            self._write(folder)
            for problem in self._problems:
                self._screen.print(f"✗ {problem}", style="red", markup=False, soft_wrap=True)
            self._screen.print(f"results: {shortest(folder)}", markup=False, soft_wrap=True)
        return 1 if self._problems or any(one.errors for one in self._experiments) else 0

    def _measure(self, experiment: Experiment) -> None:
        try:
            with progress() as bars:
                total = len(experiment.tries)
                bar = bars.add_task(experiment.name, total=total, model="")
                for done, point in enumerate(experiment.take()):
                    bars.update(bar, completed=done, model=f"{point.many:,} {point.model}")
                bars.update(bar, completed=total, model="")
        finally:
            self._screen.print(table.on_screen(experiment))  # after Ctrl-C, the samples so far

    def _write(self, folder: Path) -> None:
        chart = draw(folder, self._experiments)
        data = {"header": self._header, "experiments": list(map(table.as_data, self._experiments))}
        text = json.dumps(data, indent=2, ensure_ascii=False)
        (folder / "report.json").write_text(text + "\n", encoding="utf-8")
        picture = [f"![CPU time, memory and delay by N]({chart})", ""] if chart else []
        lines = [
            "# Many sleepers and many open connections",
            "",
            *self._header_lines(),
            "",
            *picture,
        ]
        lines += table.as_markdown(self._experiments)
        (folder / "report.md").write_text("\n".join([*lines, ""]), encoding="utf-8")
        if self._settings.save_readme:
            self._save_readme()

    def _header_lines(self) -> list[str]:
        return markdown_table(
            ("", ""), [(name, escaped(text)) for name, text in self._header.items()]
        )

    def _save_readme(self) -> None:
        if any(one.errors for one in self._experiments):
            self._problems.append(f"{README.name} was not changed, because there were errors")
            return
        minor = ".".join(platform.python_version_tuple()[:2])
        lines = [f"### scale, CPython {minor}", "", *self._header_lines(), ""]
        lines += table.as_markdown(self._experiments, "####")
        try:
            put_section(README, f"scale-{minor}", "\n".join(lines))
        except BrokenSection as error:
            self._problems.append(str(error))
