"""The programs that every rung runs, with their results checked: a fast wrong answer is an error.

A program's last coroutine or callback stops what runs it, so that no rung needs a task that waits
for the others: it would have more parts than the rung.
"""

import gc
from collections.abc import Callable, Iterator
from time import process_time
from typing import Any

from comparisons.knockout.ladder import Workload


class WrongAnswer(Exception):
    """The rung did not do the program's work."""


class Tally:
    """Who has ended; calls `when_all` once everybody has."""

    def __init__(self, expected: int, when_all: Callable[[], None]) -> None:
        self.expected = expected
        self.when_all = when_all
        self.ended: list[int] = []

    def __call__(self, number: int) -> None:
        self.ended.append(number)
        if len(self.ended) == self.expected:
            self.when_all()

    def check(self) -> None:
        if sorted(self.ended) != list(range(self.expected)):
            raise WrongAnswer(f"{len(set(self.ended))} of {self.expected} came to their end")


def steps(rung: Any, sleep: Any, many: int, times: int) -> Tally:
    tally = Tally(many, rung.stop)

    async def program(number: int) -> None:
        for _ in range(times):
            await sleep(0)
        tally(number)

    rung.run(program(number) for number in range(many))
    return tally


def wake_ups(rung: Any, _sleep: Any, many: int, times: int) -> Tally:
    tally = Tally(many, rung.stop)
    soon = rung.soon

    async def program(number: int) -> None:
        got = 0
        for value in range(times):
            got += await soon(value)
        tally(number if got == times * (times - 1) // 2 else -1)

    rung.run(program(number) for number in range(many))
    return tally


def timers(rung: Any, _sleep: Any, many: int, _times: int) -> Tally:
    tally = Tally(many, rung.stop)
    # No two at the same time, and in no order; 7919 is a prime.
    rung.fire([number * 7919 % many / many / 1000 for number in range(many)], tally)
    return tally


PROGRAMS = {"steps": steps, "wake-ups": wake_ups, "timers": timers}


def measured(workload: Workload, rung: Any, sleep: Any, values: int) -> Iterator[float]:
    """Nanoseconds of CPU time a unit, so many times; a first, smaller run is not counted.

    CPU time and not the clock's: what else runs on the machine then counts for less, and a rung
    waits for nothing. (The timers are all due within a millisecond.)
    """
    program = PROGRAMS[workload.kind]
    program(rung, sleep, max(1, workload.many // 50), workload.times // 4).check()
    for _ in range(values):
        gc.collect()
        begun = process_time()
        tally = program(rung, sleep, workload.many, workload.times)
        taken = process_time() - begun
        tally.check()
        yield taken / workload.units * 1e9
