"""Libraries are imported, and used, with miniloop in asyncio's place."""

from __future__ import annotations

from pathlib import Path

import pytest

from .conftest import Run

HERE = Path(__file__).parent


def test_asyncio_is_miniloop_there(run: Run) -> None:
    program = (
        "import asyncio, sys; print(hasattr(asyncio, 'READING_ORDER'), '_asyncio' in sys.modules)"
    )
    assert run("-c", program) == ["True False"]


@pytest.mark.parametrize(
    "library",
    [
        "anyio._backends._asyncio",
        "aiostream",
        "websockets",
        "websockets.asyncio.client",
        "websockets.asyncio.server",
        "distributed",
    ],
)
def test_a_library_is_imported(run: Run, library: str) -> None:
    assert run("-c", f"import {library}; print('imported')") == ["imported"]


PROGRAMS = {
    "http_requests.py": [
        "20 answers: 0 1 4 9 16 25 36 49 64 81 100 121 144 169 196 225 256 289 324 361"
    ],
    "anyio_tasks.py": [
        "callers: 0 1 2",
        "a process wrote b'hello\\n' and ended with 0",
        "in a thread: 42",
        "cancelled after the deadline: True",
    ],
    "websocket_echo.py": ["echo 0", "echo 1", "echo 2"],
    "loop_of_a_library.py": ["[100, 20, 3]", "the clock jumped by 3.0 17.0 30.0 50.0"],
    "stream_operators.py": ["[0, 4, 16, 36, 64]"],
}


@pytest.mark.parametrize("implementation", ["asyncio", "miniloop"])
@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_prints_the_same_on_both(run: Run, program: str, implementation: str) -> None:
    assert run(str(HERE / program), on=implementation) == PROGRAMS[program]


def test_every_program_is_run() -> None:
    others = {"__init__.py", "conftest.py", Path(__file__).name}
    assert {file.name for file in HERE.glob("*.py")} - others == set(PROGRAMS)
