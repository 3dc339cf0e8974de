"""Many that sleep at the same time: tasks, threads, processes.

Each notes how much later than asked it woke up. The first sleeps long enough for the last to fall
asleep before it wakes up; then the memory is looked at. Each sleeps a little longer than the one
before, so that they do not wake up in one crowd: what it costs to serve a crowd one after the other
would hide how late a single one is.
"""

import os
import struct
import time
from array import array
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any, Final

from comparisons.memory import family, memory_now
from comparisons.scale.figures import Figures, Refused, spread_of

LEAST_SECONDS: Final = 0.3
SECONDS_TO_START: Final = {"tasks": 15e-6, "threads": 1.5e-3, "processes": 5e-3}
"""Enough to put one to sleep on a slow machine; it is waited for, and not part of any figure."""
SECONDS_APART: Final = {"tasks": 15e-6, "threads": 0.5e-3, "processes": 1e-3}
"""From one waking up to the next: a little more than it costs."""
DOUBLE: Final = struct.Struct("d")


def sleeps(what: str, many: int) -> Iterator[float]:
    """How long each of them sleeps, in seconds."""
    first = LEAST_SECONDS + many * SECONDS_TO_START[what]
    return (first + number * SECONDS_APART[what] for number in range(many))


class Bedroom:
    """Counts who is asleep, and looks at the memory when all are."""

    def __init__(self, many: int, *, processes: bool = False) -> None:
        self.many = many
        self.processes = processes
        self.asleep = 0
        self.late = array("d")
        self.earliest = -1e-3
        """Below that, one has not slept as long as it should. Seconds."""
        self.begun = time.monotonic()
        self.cpu_before = time.process_time()
        self.memory_before = self.resident()
        self.memory = 0

    def resident(self) -> int:
        """Bytes. To look for children in the folders of 10,000 threads would take its time."""
        own = os.getpid()
        return memory_now(family(own) if self.processes else (own,))

    def count_from_the_turn(self) -> None:
        """uvloop counts a sleep from the beginning of the turn: it may be as short as that is long.

        In this program one long turn puts all to sleep.
        """
        self.earliest -= time.monotonic() - self.begun

    def all_asleep(self) -> None:
        self.memory = self.resident()
        if self.late:
            raise RuntimeError("the first woke up before the last slept: the machine is too slow")

    def figures(self, more_cpu: float = 0.0) -> Figures:
        """`more_cpu`: seconds spent in other processes."""
        if len(self.late) != self.many or min(self.late) < self.earliest:
            raise RuntimeError(f"of {self.many} sleepers {len(self.late)} woke up, or one too soon")
        now = time.process_time() + more_cpu
        return Figures(
            now,
            (now - self.cpu_before) / self.many,
            self.memory,
            (self.memory - self.memory_before) / self.many,
            *spread_of(self.late.tolist()),
        )


def on_a_loop(module: str, factory: str, many: int) -> Figures:
    """Tasks of the loop that `factory`, a name in some module, makes."""
    aio: Any = import_module(module)
    where, _, name = factory.rpartition(".")
    loop_factory = getattr(import_module(where), name) if factory else None
    with aio.Runner(loop_factory=loop_factory) as runner:
        figures: Figures = runner.run(_tasks(aio, many, coarse="uvloop" in factory))
        return figures


async def _tasks(aio: Any, many: int, *, coarse: bool) -> Figures:
    bedroom = Bedroom(many)
    now = time.monotonic

    async def sleeper(seconds: float) -> None:
        bedroom.asleep += 1
        if bedroom.asleep == many:
            if coarse:
                bedroom.count_from_the_turn()
            aio.get_running_loop().call_soon(bedroom.all_asleep)
        begun = now()
        await aio.sleep(seconds)
        bedroom.late.append(now() - begun - seconds)

    tasks = [aio.create_task(sleeper(seconds)) for seconds in sleeps("tasks", many)]
    for task in tasks:
        await task
    return bedroom.figures()


def in_threads(many: int) -> Figures:
    import threading  # the loops' samples shall not pay for it

    bedroom = Bedroom(many)

    def sleeper(seconds: float) -> None:
        begun = time.monotonic()
        time.sleep(seconds)
        bedroom.late.append(time.monotonic() - begun - seconds)

    threads = [
        threading.Thread(target=sleeper, args=(seconds,), daemon=True)
        for seconds in sleeps("threads", many)
    ]
    for number, thread in enumerate(threads):
        _or_refused(thread.start, f"thread {number + 1:,}")
    bedroom.all_asleep()
    for thread in threads:
        thread.join()
    return bedroom.figures()


def in_processes(many: int) -> Figures:
    """Forked off this one, which has done next to nothing: the cheapest that Python has."""
    import resource

    bedroom = Bedroom(many, processes=True)
    reading, writing = os.pipe()
    for number, seconds in enumerate(sleeps("processes", many)):
        if _or_refused(os.fork, f"process {number + 1:,}") == 0:
            begun = time.monotonic()
            time.sleep(seconds)
            os.write(writing, DOUBLE.pack(time.monotonic() - begun - seconds))
            os._exit(0)
    os.close(writing)
    bedroom.all_asleep()
    with open(reading, "rb") as answers:
        bedroom.late.frombytes(answers.read())
    for _ in range(many):
        os.wait()
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return bedroom.figures(children.ru_utime + children.ru_stime)


def _or_refused(start: Callable[[], Any], what: str) -> Any:
    try:
        return start()
    except (RuntimeError, OSError) as error:  # the first is threading's
        raise Refused(f"no {what}: {error}") from error


MODELS: Final[dict[str, Callable[[int], Figures]]] = {
    "asyncio": lambda many: on_a_loop("asyncio", "", many),
    "miniloop": lambda many: on_a_loop("miniloop", "", many),
    "uvloop": lambda many: on_a_loop("asyncio", "uvloop.new_event_loop", many),
    "threads": in_threads,
    "processes": in_processes,
}
