"""Running a lesson's program: unmodified on asyncio, and on miniloop with one import changed.

Each run is a separate process that runs a copy of the script with the same file name. Standard
output is kept unmodified; the folder of the copy is removed from standard error.
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
TIMEOUT: Final = 60.0
"""Seconds after which a program is killed. All of them take far less than one second."""
UNSET: Final = ("PYTHONASYNCIODEBUG", "PYTHONDEVMODE", "PYTHONTRACEMALLOC", "PYTHONWARNINGS")
"""Environment variables that would change what a program prints, or its warnings."""


class Outcome(NamedTuple):
    status: int
    """The exit status; -1 if the program timed out."""
    out: str
    err: str


def ported(source: str, loop: str) -> str:
    """Return the script for the loop `asyncio` or `miniloop`."""
    return source.replace(IMPORTS["asyncio"], IMPORTS[loop], 1)


def execute(lesson: Lesson, loop: str, timeout: float = TIMEOUT) -> Outcome:
    """Run the script on the loop `asyncio` or `miniloop`, for at most `timeout` seconds."""
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
                timeout=timeout,
            )
        except subprocess.TimeoutExpired:
            return Outcome(-1, "", f"timed out after {timeout:g} seconds\n")
        return Outcome(done.returncode, done.stdout, done.stderr.replace(f"{folder}{os.sep}", ""))


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in UNSET}
    paths = filter(None, (str(ROOT), kept.get("PYTHONPATH")))
    return {**kept, "PYTHONPATH": os.pathsep.join(paths)}


class Comparison(NamedTuple):
    """The outcomes of one lesson on both loops."""

    asyncio: Outcome
    miniloop: Outcome
    older: bool
    """Whether this Python's asyncio is known to behave differently."""

    @property
    def same(self) -> bool:
        return self.asyncio == self.miniloop

    @property
    def failed(self) -> bool:
        """Whether a program failed, or the outputs differ and are not known to."""
        loops = (self.miniloop,) if self.older else (self.asyncio, self.miniloop)
        return any(loop.status != 0 for loop in loops) or not (self.same or self.older)


def compare(lesson: Lesson) -> Comparison:
    """Run the lesson on asyncio and on miniloop."""
    older = sys.version_info < lesson.since
    return Comparison(execute(lesson, "asyncio"), execute(lesson, "miniloop"), older)
