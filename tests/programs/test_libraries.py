"""Libraries are imported, and used, with miniloop in asyncio's place."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest

from .conftest import Run

HERE = Path(__file__).parent


def needs(*libraries: str) -> None:
    """Skip the test if a library is missing; the extra `[programs]` installs all of them."""
    for library in libraries:
        if find_spec(library) is None:
            pytest.skip(f"{library} is not installed: it comes with the extra [programs]")


@pytest.mark.parametrize(
    "library",
    [
        "anyio._backends._asyncio",
        "aiohttp",
        "aiostream",
        "websockets",
        "websockets.asyncio.client",
        "websockets.asyncio.server",
        "distributed",
    ],
)
def test_a_library_is_imported(run: Run, library: str) -> None:
    needs(library.split(".")[0])
    assert run("-c", f"import asyncio, {library}; print('imported')") == ["imported"]


SQUARES = "0 1 4 9 16 25 36 49 64 81 100 121 144 169 196 225 256 289 324 361"

#: The libraries that each program needs, and what it prints.
PROGRAMS = {
    "aiohttp_sockets.py": (
        ["aiohttp"],
        [f"answers: {SQUARES}", "lines of 2 11 100001 bytes", "echo 0", "echo 1", "echo 2"],
    ),
    "anyio_tasks.py": (
        ["anyio"],
        [
            "callers: 0 1 2",
            "a process wrote b'hello\\n' and ended with 0",
            "in a thread: 42",
            "cancelled after the deadline: True",
        ],
    ),
    "cluster.py": (
        ["distributed"],
        [
            "squares: 0 1 4 9 16 25 36 49 64 81",
            "counts: 1 2 3",
            "workers with the same loop as here: 2",
        ],
    ),
    "http_requests.py": (["httpx", "starlette", "uvicorn"], [f"20 answers: {SQUARES}"]),
    "http_workers.py": (
        ["httpx", "starlette", "uvicorn"],
        [
            f"20 answers: {SQUARES}",
            "from worker processes: True",
            "with the same loop as here: True",
        ],
    ),
    "loop_of_a_library.py": (
        ["aiostream"],
        ["[100, 20, 3]", "the clock jumped by 3.0 17.0 30.0 50.0"],
    ),
    "stream_operators.py": (["aiostream"], ["[0, 4, 16, 36, 64]"]),
    "websocket_echo.py": (["websockets"], ["echo 0", "echo 1", "echo 2"]),
}


@pytest.mark.parametrize("implementation", ["asyncio", "miniloop"])
@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_prints_the_same_on_both(run: Run, program: str, implementation: str) -> None:
    libraries, lines = PROGRAMS[program]
    needs(*libraries)
    assert run(str(HERE / program), on=implementation) == lines


def test_every_program_is_run() -> None:
    others = {"__init__.py", "conftest.py", Path(__file__).name}
    assert {file.name for file in HERE.glob("*.py")} - others == set(PROGRAMS)
