"""Programs like those of asyncio's documentation run on miniloop after a change of one line.

Each program in docs_examples/ imports asyncio on one line. Its docstring contains its output, and
the Python version since which asyncio has the features that it uses. The test runs it in a process
of its own, unchanged and with that line changed. Both runs must print exactly that output, and
nothing on standard error, with warnings as errors.
"""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
PROGRAMS = sorted((HERE / "docs_examples").glob("[!_]*.py"))
IMPORT_LINE = "import asyncio\n"
PORTED_LINE = "import miniloop as asyncio\n"


def docstring_of(program: Path) -> str:
    docstring = ast.get_docstring(ast.parse(program.read_text(encoding="utf-8")))
    assert docstring is not None, f"{program.name} has no docstring with its output"
    return docstring


def promised_output(program: Path) -> str:
    _, found, output = docstring_of(program).partition("\nPrints:\n")
    assert found, f"{program.name} has no docstring with its output"
    return textwrap.dedent(output) + "\n"


def first_version(program: Path) -> tuple[int, ...]:
    """Return the version after `Since:` in the docstring; an older asyncio lacks a feature."""
    for line in docstring_of(program).splitlines():
        if line.startswith("Since: "):
            return tuple(int(part) for part in line.removeprefix("Since: ").split("."))
    return (3, 11)


def run(program: Path) -> tuple[int, str, str]:
    """Run a program; return its exit status, standard output and standard error."""
    command = [sys.executable, "-W", "error", "-X", "utf8", str(program)]
    environment = {**os.environ, "PYTHONPATH": str(HERE.parent), "PYTHONDONTWRITEBYTECODE": "1"}
    environment.pop("PYTHONASYNCIODEBUG", None)
    done = subprocess.run(
        command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    return done.returncode, done.stdout, done.stderr


def on_asyncio(program: Path) -> object:
    since = first_version(program)
    lacking = pytest.mark.xfail(
        reason="asyncio has this since Python {}.{}".format(*since), strict=True
    )
    return pytest.param(program, id=program.stem, marks=lacking if sys.version_info < since else ())


@pytest.mark.parametrize("program", [on_asyncio(program) for program in PROGRAMS])
def test_the_program_prints_the_promised_output_on_asyncio(program: Path) -> None:
    assert run(program) == (0, promised_output(program), "")


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.stem)
def test_the_program_prints_the_promised_output_on_miniloop(program: Path, tmp_path: Path) -> None:
    source = program.read_text(encoding="utf-8")
    assert source.count(IMPORT_LINE) == 1
    ported = tmp_path / program.name
    ported.write_text(source.replace(IMPORT_LINE, PORTED_LINE), encoding="utf-8")
    assert run(ported) == (0, promised_output(program), "")
