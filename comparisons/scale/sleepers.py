"""Many concurrent sleepers: tasks, threads or processes.

Each sleeper records its delay, the time past its requested wake-up. The first one sleeps long
enough for all others to fall asleep; then memory is measured. Each one sleeps a little longer than
the one before. If all woke up at the same time, they would wait for each other, and the delay of a
single wake-up would not be visible.
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
"""Enough time to start a sleeper on a slow machine; not part of any figure."""
SECONDS_APART: Final = {"tasks": 15e-6, "threads": 0.5e-3, "processes": 1e-3}
"""From one wake-up to the next: a little more than a wake-up takes."""
DOUBLE: Final = struct.Struct("d")


def sleeps(kind: str, many: int) -> Iterator[float]:
    """Return how long each sleeper sleeps, in seconds."""
    first = LEAST_SECONDS + many * SECONDS_TO_START[kind]
    return (first + number * SECONDS_APART[kind] for number in range(many))


class Recorder:
    """Counts the sleepers, and records their delays and the memory while all sleep."""

    def __init__(self, many: int, *, processes: bool = False) -> None:
        self.many = many
        self.processes = processes
        self.asleep = 0
        self.delays = array("d")
        self.earliest = -1e-3
        """Seconds. A delay below this is an error: the sleeper woke up too early."""
        self.begun = time.monotonic()
        self.cpu_before = time.process_time()
        self.memory_before = self.resident()
        self.memory = 0

    def resident(self) -> int:
        """Return the resident memory in bytes.

        Children are only searched for if there are any: with 10,000 threads the search is slow.
        """
        own = os.getpid()
        return memory_now(family(own) if self.processes else (own,))

    def allow_coarse_clock(self) -> None:
        """Allow early wake-ups on uvloop.

        uvloop counts a sleep from the start of the loop iteration, so a sleep may be shorter by the
        duration of the iteration. Here, all sleepers start in one long iteration.
        """
        self.earliest -= time.monotonic() - self.begun

    def all_asleep(self) -> None:
        self.memory = self.resident()
        if self.delays:
            raise RuntimeError("the first sleeper woke up before the last one slept: too slow")

    def figures(self, more_cpu: float = 0.0) -> Figures:
        """Return the figures; `more_cpu` is the CPU time of other processes in seconds."""
        if len(self.delays) != self.many or min(self.delays) < self.earliest:
            raise RuntimeError(f"{len(self.delays)} of {self.many} woke up, or one was too early")
        now = time.process_time() + more_cpu
        return Figures(
            now,
            (now - self.cpu_before) / self.many,
            self.memory,
            (self.memory - self.memory_before) / self.many,
            *spread_of(self.delays.tolist()),
        )


def on_a_loop(module: str, factory: str, many: int) -> Figures:
    """Run tasks on the loop made by `factory`, a dotted name; "" is the module's default loop."""
    aio: Any = import_module(module)
    where, _, name = factory.rpartition(".")
    loop_factory = getattr(import_module(where), name) if factory else None
    with aio.Runner(loop_factory=loop_factory) as runner:
        figures: Figures = runner.run(_tasks(aio, many, coarse="uvloop" in factory))
        return figures


async def _tasks(aio: Any, many: int, *, coarse: bool) -> Figures:
    recorder = Recorder(many)
    now = time.monotonic

    async def sleeper(seconds: float) -> None:
        recorder.asleep += 1
        if recorder.asleep == many:
            if coarse:
                recorder.allow_coarse_clock()
            aio.get_running_loop().call_soon(recorder.all_asleep)
        begun = now()
        await aio.sleep(seconds)
        recorder.delays.append(now() - begun - seconds)

    tasks = [aio.create_task(sleeper(seconds)) for seconds in sleeps("tasks", many)]
    for task in tasks:
        await task
    return recorder.figures()


def in_threads(many: int) -> Figures:
    import threading  # late, so that samples of loops do not import it

    recorder = Recorder(many)

    def sleeper(seconds: float) -> None:
        begun = time.monotonic()
        time.sleep(seconds)
        recorder.delays.append(time.monotonic() - begun - seconds)

    threads = [
        threading.Thread(target=sleeper, args=(seconds,), daemon=True)
        for seconds in sleeps("threads", many)
    ]
    for number, thread in enumerate(threads):
        _or_refused(thread.start, f"thread {number + 1:,}")
    recorder.all_asleep()
    for thread in threads:
        thread.join()
    return recorder.figures()


def in_processes(many: int) -> Figures:
    """Fork from this process, which has done almost nothing: the cheapest way in Python."""
    import resource

    recorder = Recorder(many, processes=True)
    reading, writing = os.pipe()
    for number, seconds in enumerate(sleeps("processes", many)):
        if _or_refused(os.fork, f"process {number + 1:,}") == 0:
            begun = time.monotonic()
            time.sleep(seconds)
            os.write(writing, DOUBLE.pack(time.monotonic() - begun - seconds))
            os._exit(0)
    os.close(writing)
    recorder.all_asleep()
    with open(reading, "rb") as answers:
        recorder.delays.frombytes(answers.read())
    for _ in range(many):
        os.wait()
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return recorder.figures(children.ru_utime + children.ru_stime)


def _or_refused(start: Callable[[], Any], name: str) -> Any:
    try:
        return start()
    except (RuntimeError, OSError) as error:  # RuntimeError is raised by threading
        raise Refused(f"cannot start {name}: {error}") from error


MODELS: Final[dict[str, Callable[[int], Figures]]] = {
    "asyncio": lambda many: on_a_loop("asyncio", "", many),
    "miniloop": lambda many: on_a_loop("miniloop", "", many),
    "uvloop": lambda many: on_a_loop("asyncio", "uvloop.new_event_loop", many),
    "threads": in_threads,
    "processes": in_processes,
}
