"""How to run a program on asyncio and on miniloop."""

from __future__ import annotations

import inspect
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest

import miniloop

PACKAGE = Path(inspect.getfile(miniloop)).parent
SECONDS = 60  # for one program; it takes a few at most

Run: TypeAlias = Callable[..., list[str]]


@pytest.fixture
def run() -> Run:
    """Run `python ARGUMENTS` on miniloop or on asyncio; return the lines that it prints."""

    def run(*arguments: str, on: str = "miniloop") -> list[str]:
        prefix = ["-m", "miniloop", "run", "--report"] if on == "miniloop" else []
        done = subprocess.run(
            [sys.executable, *prefix, *arguments],
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        errors = done.stderr if on == "asyncio" else without_reports(done.stderr)
        assert (done.returncode, errors) == (0, "")
        return done.stdout.splitlines()

    return run


def without_reports(text: str) -> str:
    """Return `text` without the reports of processes that have loaded asyncio from miniloop only.

    The processes are the program and its children. There is at least the program's own report.
    """
    places = [str(PACKAGE), str(PACKAGE / "trace"), "places.py"]
    reports = ("miniloop: process ", *[f"  from {place}: asyncio" for place in places])
    lines = text.splitlines()
    assert any(line.startswith("miniloop: process ") for line in lines), text
    return "\n".join(line for line in lines if not line.startswith(reports))
