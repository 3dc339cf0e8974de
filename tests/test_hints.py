"""Annotations resolve: `typing.get_type_hints()` works on all that is public.

miniloop does not load `typing`; hints.py has a stand-in for each of its names. So libraries that
read annotations at run time must find a type behind every name, and one that accepts right values.
"""

from __future__ import annotations

import inspect
import os
import subprocess
import sys
import typing
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import beartype
import pydantic
import pytest

import miniloop
from miniloop import hints

ROOT = Path(__file__).resolve().parent.parent
#: What every class has, and a few methods without an underscore that classes are used through.
SPECIAL = {"__init__", "__aenter__", "__aexit__", "__enter__", "__exit__", "__await__", "__iter__"}


def functions_of(kind: type) -> Iterator[tuple[str, Any]]:
    """Every public method, property and special method written in Python, inherited ones too."""
    for name in dir(kind):
        if not name.startswith("_") or name in SPECIAL:
            found = inspect.getattr_static(kind, name)
            for function in (getattr(found, "fget", None), getattr(found, "__func__", None), found):
                if inspect.isfunction(function):
                    yield f"{kind.__name__}.{name}", function


def everything_public() -> dict[str, Any]:
    """Each public function, class and method, by its name."""
    found: dict[str, Any] = {}
    for name in miniloop.__all__:
        it = getattr(miniloop, name)
        if inspect.isclass(it):
            found[name] = it
            found.update(functions_of(it))
        elif inspect.isfunction(it):
            found[name] = it
    return found


PUBLIC = everything_public()
FUNCTIONS = {name: it for name, it in PUBLIC.items() if inspect.isfunction(it)}


def test_the_list_of_what_is_public_is_long_enough() -> None:
    # Else the tests below could pass on an empty list.
    assert {"run", "Future", "Queue.get", "StreamReader.readuntil", "Task.__init__"} <= set(PUBLIC)
    assert {"Server.sockets", "SelectorEventLoop.create_unix_server"} <= set(PUBLIC)
    assert len(PUBLIC) > 300


@pytest.mark.parametrize("name", PUBLIC)
def test_annotations_resolve(name: str) -> None:
    hints_of_it = typing.get_type_hints(PUBLIC[name])
    if inspect.isfunction(PUBLIC[name]):
        assert "return" in hints_of_it


@pytest.mark.parametrize("name", FUNCTIONS)
def test_beartype_and_pydantic_accept_the_annotations(name: str) -> None:
    beartype.beartype(FUNCTIONS[name])
    # As with any class that pydantic does not know, it has to be told to accept instances.
    config = pydantic.ConfigDict(arbitrary_types_allowed=True)
    pydantic.validate_call(config=config, validate_return=True)(FUNCTIONS[name])


# A name of typing that has no stand-in, or one that cannot do what annotations do with it.

SUBSCRIPTED = {
    "hints.Callable[hints.P, int]": Callable[..., int],
    "hints.Coro[int]": Coroutine[Any, Any, int],
    "hints.Coro[int] | None": Coroutine[Any, Any, int] | None,
    "hints.P.args": object,
    "hints.P.kwargs": object,
    "hints.Self | None": typing.Union[Any, hints.T, None],  # noqa: UP007
    "hints.ThreadFuture[int]": typing.Union[Any, int],  # noqa: UP007
    "hints.TypeGuard[int]": typing.Union[Any, int],  # noqa: UP007
    "hints.Executor | None": typing.Union[Any, hints.T, None],  # noqa: UP007
}


@pytest.mark.parametrize("expression", SUBSCRIPTED)
def test_the_stand_ins_do_what_annotations_do_with_the_names(expression: str) -> None:
    assert eval(expression, {"hints": hints}) == SUBSCRIPTED[expression]


def test_a_generic_class_can_be_subscripted_and_keeps_the_argument() -> None:
    assert typing.get_args(miniloop.Queue[int]) == (int,)
    assert typing.get_origin(miniloop.Future[str]) is miniloop.Future


# Checked while a program runs: an annotation that is too narrow raises.

PROGRAM = """
import inspect

import beartype
import pydantic

import miniloop

config = pydantic.ConfigDict(arbitrary_types_allowed=True)
check = {
    "beartype": beartype.beartype(conf=beartype.BeartypeConf(is_pep484_tower=True)),
    "pydantic": pydantic.validate_call(config=config, validate_return=True),
}[CHECKER]

count = 0
for name in miniloop.__all__:
    found = getattr(miniloop, name)
    for owner, key in [(miniloop, name)] + [(found, key) for key in getattr(found, "__dict__", ())]:
        function = inspect.getattr_static(owner, key)
        if inspect.isfunction(function) and not key.startswith("_"):
            setattr(owner, key, check(function))
            count += 1

async def answer(reader, writer):
    writer.write(await reader.readline())
    await writer.drain()
    writer.close()

async def talk():
    async with await miniloop.start_server(answer, "127.0.0.1", 0) as server:
        reader, writer = await miniloop.open_connection(*server.sockets[0].getsockname())
        writer.write(b"hello\\n")
        assert await reader.readuntil((b"\\r", b"\\n")) == b"hello\\n"
        writer.close()
        await writer.wait_closed()

async def main():
    loop = miniloop.get_running_loop()
    async with miniloop.timeout(60), miniloop.TaskGroup() as group:
        group.create_task(talk(), name=1)
        group.create_task(miniloop.to_thread(int, "12", base=8))
        group.create_task(miniloop.wait_for(miniloop.Queue(1).put(1), 60))
    async with miniloop.Lock(), miniloop.Semaphore():
        await miniloop.gather(miniloop.sleep(0), miniloop.shield(miniloop.sleep(0)))
    tasks = [miniloop.create_task(miniloop.sleep(0, 1)), loop.create_task(miniloop.sleep(0, 2))]
    await miniloop.wait(tasks, timeout=60, return_when=miniloop.FIRST_COMPLETED)
    for done in miniloop.as_completed(tasks, timeout=60):
        await done
    elsewhere = miniloop.run_coroutine_threadsafe(miniloop.sleep(0, 3), loop)
    assert await miniloop.wrap_future(elsewhere) == 3
    process = await miniloop.create_subprocess_exec("true", stdin=None)
    await process.wait()

miniloop.run(main(), debug=True)
try:
    miniloop.run(12)
except beartype.roar.BeartypeCallHintViolation:
    assert CHECKER == "beartype"
except pydantic.ValidationError:
    assert CHECKER == "pydantic"
print(count > 100)
"""


@pytest.mark.parametrize("checker", ["beartype", "pydantic"])
def test_a_program_runs_with_every_argument_and_result_checked(checker: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", f"CHECKER = {checker!r}\n{PROGRAM}"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.stdout, done.stderr) == ("True\n", "")
