"""One sample: a new process in which one workload runs on one column's loop.

The request is read as JSON from standard input. The figures, or {"error": "..."}, are written as
one line of JSON to standard output. The first run is a warm-up and is not counted. The garbage
collector is run before each run, and stays enabled.
"""

import gc
import json
import sys
from time import perf_counter, process_time
from typing import Any, NamedTuple

from comparisons.loops.columns import load
from comparisons.loops.rows import ROWS
from comparisons.loops.workload import (
    CPU,
    WALL,
    Figures,
    Loop,
    Measured,
    OnLoop,
    Standalone,
    Workload,
    check,
)


class Request(NamedTuple):
    key: str
    column: str
    size: int
    values: int
    warmup: int
    """The size of the warm-up run; 0 for none."""


def take(request: Request) -> dict[str, Any]:
    """Take the sample; return {"warmups", "values"}, {"impossible": true} or {"error": text}."""
    workload = ROWS[request.key]
    try:
        if workload.possible is not None and not workload.possible(load(request.column)):
            return {"impossible": True}
        warmups = [measure(workload, request.column, request.warmup)] if request.warmup else []
        values = [measure(workload, request.column, request.size) for _ in range(request.values)]
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}"}
    return {"warmups": warmups, "values": values}


def measure(workload: Workload, column: str, size: int) -> Figures:
    """Run the workload once; raise WrongAnswerError if its answer is wrong."""
    gc.collect()
    if isinstance(workload, Measured):
        return workload.sample(column, size)
    if not isinstance(workload, OnLoop | Standalone):
        raise TypeError(f"unknown kind of workload: {workload.key}")
    loop = load(column)
    figures, answer = _run(workload, loop, size)
    check(workload, size, answer)
    return figures


def _run(workload: OnLoop | Standalone, loop: Loop, size: int) -> tuple[Figures, int]:
    if isinstance(workload, OnLoop):
        with loop.runner() as runner:
            outcome: tuple[Figures, int] = runner.run(_timed_on_loop(workload, loop, size))
            return outcome
    watch = Stopwatch()
    answer = workload.work(loop, size)
    return watch.figures(), answer


async def _timed_on_loop(workload: OnLoop, loop: Loop, size: int) -> tuple[Figures, int]:
    watch = Stopwatch()
    answer = await workload.work(loop.aio, size)
    return watch.figures(), answer


class Stopwatch:
    def __init__(self) -> None:
        self._cpu = process_time()
        self._wall = perf_counter()

    def figures(self) -> Figures:
        wall = perf_counter() - self._wall
        return {WALL: wall, CPU: process_time() - self._cpu}


def main() -> None:
    print(json.dumps(take(Request(**json.load(sys.stdin)))))


if __name__ == "__main__":
    main()
