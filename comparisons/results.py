"""Where a run writes: a folder of its own below `results/`, or the one that was asked for."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from itertools import count
from pathlib import Path

from comparisons.supervisor import ROOT


@contextmanager
def results_folder(wished: Path | None, command: str = "") -> Iterator[Path]:
    """Where to write; if nothing is written, a folder made for it goes again."""
    folder = wished or _dated_folder(command)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        yield folder
    finally:
        if wished is None and not any(folder.iterdir()):
            folder.rmdir()


def _dated_folder(command: str) -> Path:
    name = f"{command}-" if command else ""
    stamp = name + datetime.now().strftime("%Y-%m-%d-%H%M%S")
    names = (stamp if number == 1 else f"{stamp}-{number}" for number in count(1))
    folders = (ROOT / "results" / name for name in names)
    return next(folder for folder in folders if not folder.exists())


def shortest(folder: Path) -> Path:
    """The path as one would type it here."""
    path, here = folder.resolve(), Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path
