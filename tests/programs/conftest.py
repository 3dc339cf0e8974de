"""The folder in which miniloop is asyncio, and how to run a program there."""

from __future__ import annotations

import inspect
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest

import miniloop
from tests.conformance.shadow import NO_ACCELERATOR

PACKAGE = Path(inspect.getfile(miniloop)).parent
SECONDS = 60  # for one program; it takes a few at most

Run: TypeAlias = Callable[..., list[str]]


@pytest.fixture(scope="session")
def stand_in(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with miniloop as `asyncio` and nothing added to it, unlike the conformance suite's.

    `_asyncio` raises ImportError there, so that no part of the real asyncio is used by accident.
    """
    folder = tmp_path_factory.mktemp("stand_in")
    shutil.copytree(PACKAGE, folder / "asyncio", ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "_asyncio.py").write_text(NO_ACCELERATOR, encoding="utf-8")
    return folder


@pytest.fixture
def run(stand_in: Path) -> Run:
    """Run `python ARGUMENTS` on miniloop or on asyncio; return the lines that it prints."""

    def run(*arguments: str, on: str = "miniloop") -> list[str]:
        done = subprocess.run(
            [sys.executable, *arguments],
            env={**os.environ, "PYTHONPATH": str(stand_in) if on == "miniloop" else ""},
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout.splitlines()

    return run
