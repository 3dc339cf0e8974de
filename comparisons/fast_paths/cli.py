"""One run: take the samples, show the table, then write the report."""

import json
import platform
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console
from rich.text import Text

from comparisons.fast_paths import table
from comparisons.fast_paths.measure import Experiment, Row
from comparisons.fast_paths.options import Settings
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
            "libraries": libraries(()),
            "samples": f"{settings.rounds} pairs for each row, each sample the lowest CPU time of "
            "several runs in a new process",
            **occasion(arguments),
        }
        self._rows: list[Row] = []
        self._problems: list[str] = []

    def complete(self) -> int:
        """Run and return the exit status; KeyboardInterrupt and OSError from output propagate."""
        with (
            results_folder(self._settings.out, "fastpaths") as folder,
            TemporaryDirectory(prefix="fastpaths-") as scratch,
        ):
            self._screen.print(header_table(self._header), "")
            self._measure(Path(scratch))
            self._screen.print(Text(table.NOTES.replace("\n", " "), style="dim"), "")
            self._write(folder)
            for problem in self._problems:
                self._screen.print(f"✗ {problem}", style="red", markup=False, soft_wrap=True)
            self._screen.print(f"results: {shortest(folder)}", markup=False, soft_wrap=True)
        return 1 if self._problems or any(row.error for row in self._rows) else 0

    def _measure(self, scratch: Path) -> None:
        settings = self._settings
        experiment = Experiment(settings.names, settings.rounds, settings.quick, scratch)
        self._rows = experiment.rows
        try:
            with progress() as bars:
                total = len(self._rows) * settings.rounds
                bar = bars.add_task("fast paths", total=total, model="")
                for done, row in enumerate(experiment.run()):
                    bars.update(bar, completed=done, model=row.path.name)
                bars.update(bar, completed=total, model="")
        finally:
            self._screen.print(table.on_screen(self._rows))  # after Ctrl-C, the samples so far

    def _write(self, folder: Path) -> None:
        data = {"header": self._header, "fast_paths": table.as_data(self._rows)}
        text = json.dumps(data, indent=2, ensure_ascii=False)
        (folder / "report.json").write_text(text + "\n", encoding="utf-8")
        lines = ["# The fast paths of miniloop", "", *self._header_lines(), ""]
        lines += table.as_markdown(self._rows)
        (folder / "report.md").write_text("\n".join([*lines, ""]), encoding="utf-8")
        if self._settings.save_readme:
            self._save_readme()

    def _header_lines(self) -> list[str]:
        return markdown_table(
            ("", ""), [(name, escaped(each)) for name, each in self._header.items()]
        )

    def _save_readme(self) -> None:
        if any(row.error for row in self._rows):
            self._problems.append(f"{README.name} was not changed, because there were errors")
            return
        minor = ".".join(platform.python_version_tuple()[:2])
        lines = [f"### fast paths, CPython {minor}", "", *self._header_lines(), ""]
        lines += table.as_markdown(self._rows)
        try:
            put_section(README, f"fastpaths-{minor}", "\n".join(lines))
        except BrokenSection as error:
            self._problems.append(str(error))
