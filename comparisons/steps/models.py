"""The execution models: each runs the functions of a story and returns their journals and results.

A model only decides on which worker a function runs and how it waits for its response.
Connections to the service are opened before the run, so that they do not appear in the steps.
"""

import importlib
import os
import socket
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from types import ModuleType
from typing import Any

from comparisons.steps.journal import Event, Journal, in_order
from comparisons.steps.service import (
    RunFailed,
    ask,
    child_process,
    number_in,
    receive_from,
    request,
)
from comparisons.steps.story import Function, play

Address = tuple[str, int]


@dataclass
class Run:
    """One run of a story on one model."""

    model: str
    functions: tuple[str, ...]
    journals: list[Journal]  # one per worker
    results: list[int]  # one per function

    @property
    def events(self) -> list[Event]:
        return in_order(self.journals)


def run_story(model: str, functions: Sequence[Function], address: Address) -> Run:
    """Run the functions; raise RunFailed, with a readable message, if the model fails."""
    try:
        journals, results = MODELS[model](functions, address)
    except OSError as error:
        raise RunFailed(str(error)) from error
    return Run(model, tuple(function.name for function in functions), journals, results)


Outcome = tuple[list[Journal], list[int]]


def sequential(functions: Sequence[Function], address: Address) -> Outcome:
    """Run one function after the other: while it waits, all others wait too."""
    journal = journal_of_this_thread()
    with open_connections(address, len(functions)) as connections:
        results = [
            run_function(function, journal, connection)
            for function, connection in zip(functions, connections, strict=True)
        ]
    return [journal], results


def run_function(function: Function, journal: Journal, connection: socket.socket) -> int:
    """Drive a function on this thread, which blocks at each request."""
    playing = play(function, journal)
    try:
        wait = next(playing)
        while True:
            wait = playing.send(ask(connection, wait.milliseconds))
    except StopIteration as end:
        return int(end.value)


def coroutines(library: str) -> Callable[[Sequence[Function], Address], Outcome]:
    """Return a model with one thread and a task per function; `library` is asyncio or miniloop."""

    def on_one_loop(functions: Sequence[Function], address: Address) -> Outcome:
        aio = importlib.import_module(library)
        journal = journal_of_this_thread()
        with open_connections(address, len(functions)) as connections:
            together = run_together(aio, functions, journal, connections)
            # No debug mode, even with -X dev: it would report that the work blocks the loop.
            results = aio.run(together, debug=False)
        return [journal], results

    return on_one_loop


async def run_together(
    aio: ModuleType,
    functions: Sequence[Function],
    journal: Journal,
    connections: Iterable[socket.socket],
) -> list[int]:
    loop = aio.get_running_loop()
    coroutines = [
        run_in_task(loop, function, journal, connection)
        for function, connection in zip(functions, connections, strict=True)
    ]
    return list(await aio.gather(*coroutines))


async def run_in_task(
    loop: Any, function: Function, journal: Journal, connection: socket.socket
) -> int:
    """Drive a function in a task, which lets other tasks run at each request."""
    connection.setblocking(False)
    playing = play(function, journal)
    try:
        wait = next(playing)
        while True:
            await loop.sock_sendall(connection, request(wait.milliseconds))
            answer = await loop.sock_recv(connection, 1)
            wait = playing.send(number_in(answer))
    except StopIteration as end:
        return int(end.value)


def threads(functions: Sequence[Function], address: Address) -> Outcome:
    """Run a thread per function; with the GIL, only one of them runs Python code at any time."""
    all_started = threading.Barrier(len(functions))

    def one_thread(
        number: int, function: Function, connection: socket.socket
    ) -> tuple[Journal, int]:
        all_started.wait()
        journal = Journal(f"thread {number}", threading.get_native_id())
        return journal, run_function(function, journal, connection)

    with (
        open_connections(address, len(functions)) as connections,
        ThreadPoolExecutor(len(functions)) as pool,
    ):
        outcomes = list(pool.map(one_thread, range(1, len(functions) + 1), functions, connections))
    return [journal for journal, _ in outcomes], [result for _, result in outcomes]


def processes(functions: Sequence[Function], address: Address) -> Outcome:
    """Run a process per function, each with its own GIL; all start when all are ready."""
    with ExitStack() as stack:
        workers = [
            stack.enter_context(child_process(one_process, number, function, address))
            for number, function in enumerate(functions, 1)
        ]
        for worker in workers:
            receive_from(*worker)
        for _, pipe in workers:
            pipe.send("go")
        outcomes = [receive_from(*worker) for worker in workers]
    return [journal for journal, _ in outcomes], [result for _, result in outcomes]


def one_process(pipe: Connection, number: int, function: Function, address: Address) -> None:
    """Run in a worker process: report "ready", wait for "go", run the function, send the result."""
    with pipe:
        try:
            with socket.create_connection(address) as connection:
                pipe.send("ready")
                pipe.recv()
                journal = Journal(f"process {number}", os.getpid())
                result = run_function(function, journal, connection)
                pipe.send((journal, result))
        except (OSError, RunFailed) as error:
            pipe.send(RunFailed(str(error)))
        except EOFError:
            return  # the parent has exited


def journal_of_this_thread() -> Journal:
    return Journal("thread 1", threading.get_native_id())


@contextmanager
def open_connections(address: Address, count: int) -> Iterator[list[socket.socket]]:
    with ExitStack() as stack:
        yield [stack.enter_context(socket.create_connection(address)) for _ in range(count)]


MODELS: dict[str, Callable[[Sequence[Function], Address], Outcome]] = {
    "sequential": sequential,
    "asyncio": coroutines("asyncio"),
    "miniloop": coroutines("miniloop"),
    "threads": threads,
    "processes": processes,
}
