"""The models of execution: each runs the functions of a story and hands back what they recorded.

A model decides on which worker a function runs and how it waits for its answer, nothing else.
Connections to the outside are made before a run, so that only the functions' own waiting is seen.
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
from comparisons.steps.outside import RunFailed, ask, child_process, hear_from, number_in, question
from comparisons.steps.story import Function, play

Address = tuple[str, int]


@dataclass
class Run:
    """One run of a story under one model."""

    model: str
    functions: tuple[str, ...]
    journals: list[Journal]  # one per worker
    results: list[int]  # one per function

    @property
    def events(self) -> list[Event]:
        return in_order(self.journals)


def run_story(model: str, functions: Sequence[Function], address: Address) -> Run:
    """Raises RunFailed, with a line for people, when the model could not finish."""
    try:
        journals, results = MODELS[model](functions, address)
    except OSError as error:
        raise RunFailed(str(error)) from error
    return Run(model, tuple(function.name for function in functions), journals, results)


Outcome = tuple[list[Journal], list[int]]


def sequential(functions: Sequence[Function], address: Address) -> Outcome:
    """One after the other: while a function waits, so does everybody."""
    journal = journal_of_this_thread()
    with connections(address, len(functions)) as lines:
        results = [
            perform(function, journal, line)
            for function, line in zip(functions, lines, strict=True)
        ]
    return [journal], results


def perform(function: Function, journal: Journal, line: socket.socket) -> int:
    """Drive a function on this thread, which blocks at each question."""
    playing = play(function, journal)
    try:
        wait = next(playing)
        while True:
            wait = playing.send(ask(line, wait.milliseconds))
    except StopIteration as end:
        return int(end.value)


def coroutines(library: str) -> Callable[[Sequence[Function], Address], Outcome]:
    """One thread, and a task per function. The library is asyncio or miniloop: the same code."""

    def on_one_loop(functions: Sequence[Function], address: Address) -> Outcome:
        aio = importlib.import_module(library)
        journal = journal_of_this_thread()
        with connections(address, len(functions)) as lines:
            performing = perform_together(aio, functions, journal, lines)
            # No debug mode, even under -X dev: it would complain that work blocks the loop.
            results = aio.run(performing, debug=False)
        return [journal], results

    return on_one_loop


async def perform_together(
    aio: ModuleType, functions: Sequence[Function], journal: Journal, lines: Iterable[socket.socket]
) -> list[int]:
    loop = aio.get_running_loop()
    performances = [
        perform_in_a_task(loop, function, journal, line)
        for function, line in zip(functions, lines, strict=True)
    ]
    return list(await aio.gather(*performances))


async def perform_in_a_task(
    loop: Any, function: Function, journal: Journal, line: socket.socket
) -> int:
    """Drive a function within a task, which lets other tasks run at each question."""
    line.setblocking(False)
    playing = play(function, journal)
    try:
        wait = next(playing)
        while True:
            await loop.sock_sendall(line, question(wait.milliseconds))
            answer = await loop.sock_recv(line, 1)
            wait = playing.send(number_in(answer))
    except StopIteration as end:
        return int(end.value)


def threads(functions: Sequence[Function], address: Address) -> Outcome:
    """A thread per function; under the GIL one of them at a time runs Python code."""
    all_are_here = threading.Barrier(len(functions))

    def one_thread(number: int, function: Function, line: socket.socket) -> tuple[Journal, int]:
        all_are_here.wait()
        journal = Journal(f"thread {number}", threading.get_native_id())
        return journal, perform(function, journal, line)

    with connections(address, len(functions)) as lines, ThreadPoolExecutor(len(functions)) as pool:
        outcomes = list(pool.map(one_thread, range(1, len(functions) + 1), functions, lines))
    return [journal for journal, _ in outcomes], [result for _, result in outcomes]


def processes(functions: Sequence[Function], address: Address) -> Outcome:
    """A process per function, each with a GIL of its own; they start once all of them are warm."""
    with ExitStack() as stack:
        crew = [
            stack.enter_context(child_process(one_process, number, function, address))
            for number, function in enumerate(functions, 1)
        ]
        for worker in crew:
            hear_from(*worker)
        for _, pipe in crew:
            pipe.send("go")
        outcomes = [hear_from(*worker) for worker in crew]
    return [journal for journal, _ in outcomes], [result for _, result in outcomes]


def one_process(pipe: Connection, number: int, function: Function, address: Address) -> None:
    """What a worker process does: say that it is there, wait for the word, perform, report."""
    with pipe:
        try:
            with socket.create_connection(address) as line:
                pipe.send("here")
                pipe.recv()
                journal = Journal(f"process {number}", os.getpid())
                result = perform(function, journal, line)
                pipe.send((journal, result))
        except (OSError, RunFailed) as error:
            pipe.send(RunFailed(str(error)))
        except EOFError:
            return  # the parent is gone, there is nobody to perform for


def journal_of_this_thread() -> Journal:
    return Journal("thread 1", threading.get_native_id())


@contextmanager
def connections(address: Address, count: int) -> Iterator[list[socket.socket]]:
    with ExitStack() as stack:
        yield [stack.enter_context(socket.create_connection(address)) for _ in range(count)]


MODELS: dict[str, Callable[[Sequence[Function], Address], Outcome]] = {
    "sequential": sequential,
    "asyncio": coroutines("asyncio"),
    "miniloop": coroutines("miniloop"),
    "threads": threads,
    "processes": processes,
}
