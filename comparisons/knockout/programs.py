"""The programs that every rung runs; their results are checked.

The last coroutine or callback of a program stops the loop. So no rung needs a task that waits for
the others, which would need parts that the rung does not have.
"""

import gc
from collections.abc import Callable, Iterator
from time import process_time
from typing import Any

from comparisons.knockout.ladder import Workload


class WrongAnswer(Exception):
    """The rung did not run the program completely."""


class Tally:
    """Records which coroutines or callbacks have finished; calls `when_all` after the last one."""

    def __init__(self, expected: int, when_all: Callable[[], None]) -> None:
        self.expected = expected
        self.when_all = when_all
        self.finished: list[int] = []

    def __call__(self, number: int) -> None:
        self.finished.append(number)
        if len(self.finished) == self.expected:
            self.when_all()

    def check(self) -> None:
        if sorted(self.finished) != list(range(self.expected)):
            raise WrongAnswer(f"{len(set(self.finished))} of {self.expected} finished")


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
    # All times are different and in mixed order; 7919 is a prime.
    rung.fire([number * 7919 % many / many / 1000 for number in range(many)], tally)
    return tally


PROGRAMS = {"steps": steps, "wake-ups": wake_ups, "timers": timers}


def measured(workload: Workload, rung: Any, sleep: Any, values: int) -> Iterator[float]:
    """Yield the CPU time per unit in nanoseconds for `values` runs, after a smaller warm-up run.

    CPU time is used because other processes on the machine affect it less than wall time, and no
    rung waits. (All timers are due within a millisecond.)
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
