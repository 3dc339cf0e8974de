"""The package as a whole: its names, its types, its imports, and use under another name."""

from __future__ import annotations

import importlib
import importlib.resources
import inspect
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import miniloop

PACKAGE = Path(inspect.getfile(miniloop)).parent


def test_each_name_is_exported_by_exactly_one_file_and_by_the_package() -> None:
    seen: dict[str, str] = {}
    files = [name for ring in miniloop.READING_ORDER.values() for name in ring]
    for file in files:
        module = importlib.import_module(f"miniloop.{file}")
        for name in getattr(module, "__all__", ()):
            assert name not in seen, f"{name} is in {seen[name]} and in {file}"
            assert getattr(miniloop, name) is getattr(module, name)
            seen[name] = file
    assert seen.keys() == set(miniloop.__all__)


def test_the_reading_order_lists_every_file_once() -> None:
    files = [name for ring in miniloop.READING_ORDER.values() for name in ring]
    on_disk = {file.stem for file in PACKAGE.glob("*.py")} - {"__init__"}
    on_disk |= {f"trace.{file.stem}" for file in PACKAGE.glob("trace/[!_]*.py")}
    assert len(files) == len(set(files))
    assert set(files) == on_disk


def test_the_package_has_a_marker_for_type_checkers() -> None:
    assert importlib.resources.files(miniloop).joinpath("py.typed").is_file()


# Lazy imports

#: Importing one of these takes as long as several files of miniloop, and few programs use all.
LOADED_WHEN_USED = {
    "asyncio": "never",
    "concurrent.futures": "the first thread",
    "inspect": "iscoroutinefunction()",
    "ssl": "the first connection over TLS",
    "subprocess": "the first process",
}

SMALL_PROGRAM = """
async def main():
    async with miniloop.timeout(30), miniloop.TaskGroup() as group:
        queue = miniloop.Queue()
        group.create_task(queue.put(1))
        group.create_task(queue.get())
    reader, writer = await miniloop.open_connection(sock=one)
    writer.close()

with one, other:
    miniloop.run(main())
"""


@pytest.mark.parametrize(
    ("program", "loaded"), [("", []), (SMALL_PROGRAM, [])], ids=["import", "run"]
)
def test_slow_modules_are_imported_only_when_they_are_used(program: str, loaded: list[str]) -> None:
    beginning = "import sys, socket; one, other = socket.socketpair(); import miniloop"
    slow = set(LOADED_WHEN_USED)
    if sys.version_info[:2] == (3, 14):
        slow.remove("inspect")  # there, the standard library's traceback imports it
    end = f"print(sorted({slow!r} & sys.modules.keys()))"
    command = [sys.executable, "-S", "-c", f"{beginning}\n{program}\n{end}"]
    environment = {**os.environ, "PYTHONPATH": str(PACKAGE.parent)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == (f"{loaded}\n", "")


LOST_AT_EXIT = """
import {name} as aio

loop = aio.new_event_loop()

async def main():
    global lost, waiting
    lost = loop.create_future()
    lost.set_exception(ValueError("never retrieved"))
    waiting = aio.ensure_future(aio.sleep(100))
    await aio.sleep(0)

loop.run_until_complete(main())
"""


@pytest.mark.parametrize("name", ["asyncio", "miniloop"])
def test_lost_exceptions_and_pending_tasks_are_reported_at_interpreter_exit(name: str) -> None:
    command = [sys.executable, "-c", LOST_AT_EXIT.format(name=name)]
    environment = {**os.environ, "PYTHONPATH": str(PACKAGE.parent)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert "Future exception was never retrieved" in done.stderr
    assert "Task was destroyed but it is pending!" in done.stderr
    assert "Exception ignored" not in done.stderr


# Under another name

PROGRAM = """
import asyncio, pathlib, sys

async def echo(reader, writer):
    writer.write(await reader.readline())
    writer.close()

async def main():
    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    writer.write(b"echo\\n")
    async with asyncio.timeout(30), asyncio.TaskGroup() as group:
        answer = group.create_task(reader.readline())
        group.create_task(asyncio.to_thread(print, "from a thread"))
    print(answer.result().decode().strip())
    writer.close()
    server.close()
    await server.wait_closed()
    try:
        asyncio.run(None)
    except RuntimeError as error:
        print(error)

asyncio.run(main())
print(pathlib.Path(asyncio.__file__).parent.parent == pathlib.Path(sys.argv[1]))
print(asyncio.Task.__module__, "READING_ORDER" in dir(asyncio), "_asyncio" in sys.modules)
print([name for name in sys.modules if "miniloop" in name])
"""


def test_a_copy_named_asyncio_works_as_asyncio(tmp_path: Path) -> None:
    shutil.copytree(PACKAGE, tmp_path / "asyncio", ignore=shutil.ignore_patterns("__pycache__"))
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    command = [sys.executable, "-X", "dev", "-W", "error", "-c", PROGRAM, str(tmp_path)]
    done = subprocess.run(
        command,
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stderr == ""
    assert done.stdout.splitlines() == [
        "from a thread",
        "echo",
        "asyncio.run() cannot be called from a running event loop",
        "True",
        "asyncio.tasks True False",
        "[]",
    ]


def test_a_program_for_asyncio_runs_after_a_changed_import(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        "import miniloop as asyncio\n"
        "async def main(): return await asyncio.gather(asyncio.sleep(0, 1), asyncio.sleep(0, 2))\n"
        "print(asyncio.run(main()))\n"
        "import sys; print('asyncio' in sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", str(program)],
        env={**os.environ, "PYTHONPATH": str(PACKAGE.parent)},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.stdout.splitlines(), done.stderr) == (["[1, 2]", "False"], "")
