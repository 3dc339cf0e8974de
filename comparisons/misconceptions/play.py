"""Running a lesson's program: as it is, on asyncio, and on miniloop by another import.

Each run is a process of its own, on a copy of the script under the script's own name. What it
prints is taken as it is; of its messages, the folder of the copy is left out.
"""

import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, NamedTuple

from comparisons.misconceptions.lesson import ROOT, Lesson

IMPORTS: Final = {"asyncio": "import asyncio\n", "miniloop": "import miniloop as asyncio\n"}
"""The one line that differs, by the name of the loop."""
LIMIT: Final = 60.0
"""Seconds, after which a program that does not end is ended. All take far less than one."""
DISTURBING: Final = ("PYTHONASYNCIODEBUG", "PYTHONDEVMODE", "PYTHONTRACEMALLOC", "PYTHONWARNINGS")
"""In the environment: they change what a program prints, or what it is warned of."""


class Outcome(NamedTuple):
    status: int
    """The exit status; -1 if the program did not end."""
    out: str
    err: str


def ported(source: str, loop: str) -> str:
    """The script for the loop `asyncio` or `miniloop`."""
    return source.replace(IMPORTS["asyncio"], IMPORTS[loop], 1)


def play(lesson: Lesson, loop: str, limit: float = LIMIT) -> Outcome:
    """Run the lesson's script on the loop `asyncio` or `miniloop`, for `limit` seconds at most."""
    with TemporaryDirectory(prefix="misconceptions-") as name:
        folder = Path(name).resolve()
        script = folder / lesson.path.name
        script.write_text(ported(lesson.path.read_text(encoding="utf-8"), loop), encoding="utf-8")
        command = [sys.executable, "-W", "default", "-X", "utf8", str(script)]
        try:
            done = subprocess.run(
                command,
                env=_environment(),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                encoding="utf-8",
                timeout=limit,
            )
        except subprocess.TimeoutExpired:
            return Outcome(-1, "", f"did not end within {limit:g} seconds\n")
        return Outcome(done.returncode, done.stdout, done.stderr.replace(f"{folder}{os.sep}", ""))


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in DISTURBING}
    paths = filter(None, (str(ROOT), kept.get("PYTHONPATH")))
    return {**kept, "PYTHONPATH": os.pathsep.join(paths)}


class Comparison(NamedTuple):
    """One lesson on both loops."""

    asyncio: Outcome
    miniloop: Outcome
    older: bool
    """This Python's asyncio is known to do otherwise."""

    @property
    def same(self) -> bool:
        return self.asyncio == self.miniloop

    @property
    def failed(self) -> bool:
        """Something is wrong: a program has failed, or they differ without being known to."""
        loops = (self.miniloop,) if self.older else (self.asyncio, self.miniloop)
        return any(loop.status != 0 for loop in loops) or not (self.same or self.older)


def compare(lesson: Lesson) -> Comparison:
    older = sys.version_info < lesson.since
    return Comparison(play(lesson, "asyncio"), play(lesson, "miniloop"), older)
