"""The micro workloads under pytest-benchmark: `pytest comparisons --benchmark-only`.

All loops share one process here. That is fast, and enough to see a change, but less fair than
`python -m comparisons loops`. asyncio without its C accelerator is left out: once the accelerator
has been imported, it cannot be removed.
"""

import gc
from typing import Any, Final

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from comparisons.loops.columns import PURE, installed, load
from comparisons.loops.micro import MICRO
from comparisons.loops.workload import OnLoop, Standalone, check

ROUNDS: Final = 5
IN_ONE_PROCESS: Final = [column for column in installed() if column != PURE]


@pytest.mark.parametrize("column", IN_ONE_PROCESS)
@pytest.mark.parametrize("workload", MICRO, ids=lambda workload: workload.name)
def test_micro(workload: OnLoop | Standalone, column: str, benchmark: BenchmarkFixture) -> None:
    benchmark.group = workload.key
    loop = load(column)
    with loop.runner() as runner:

        def run() -> Any:
            if isinstance(workload, OnLoop):
                return runner.run(workload.work(loop.aio, workload.size))
            return workload.work(loop, workload.size)

        measure: Any = benchmark.pedantic  # it has no type annotations
        answer = measure(run, setup=collect, rounds=ROUNDS, warmup_rounds=1)
    check(workload, workload.size, answer)


def collect() -> None:
    gc.collect()
