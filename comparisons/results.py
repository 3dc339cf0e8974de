"""The folder for the results of a run: a new one in `results/`, or the requested one."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from itertools import count
from pathlib import Path

from comparisons.supervisor import ROOT


@contextmanager
def results_folder(requested: Path | None, command: str = "") -> Iterator[Path]:
    """Create the results folder; on exit, remove it again if it is new and empty."""
    folder = requested or _dated_folder(command)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        yield folder
    finally:
        if requested is None and not any(folder.iterdir()):
            folder.rmdir()


def _dated_folder(command: str) -> Path:
    name = f"{command}-" if command else ""
    stamp = name + datetime.now().strftime("%Y-%m-%d-%H%M%S")
    names = (stamp if number == 1 else f"{stamp}-{number}" for number in count(1))
    folders = (ROOT / "results" / name for name in names)
    return next(folder for folder in folders if not folder.exists())


def shortest(folder: Path) -> Path:
    """Return the path relative to the current directory if it is inside it, else absolute."""
    path, here = folder.resolve(), Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path
