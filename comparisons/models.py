"""The execution models: where and when the units of a workload run.

Each model is a function that takes a job and returns an `Outcome`. All of them use a `Stopwatch`
to measure the same phases:

    start-up   imports, and the creation of the loop or the pool with its workers
    submit     the units are submitted to the pool, or wrapped in tasks
    work       from then until the last result is available

Wall time is submit plus work. The exception is processes-cold: its wall time includes start-up.

A model runs once, in its own process (see `sample`), and need not clean up that process.
"""

import os
from collections.abc import Callable
from importlib import import_module
from time import perf_counter, process_time
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from comparisons.job import Job
from comparisons.memory import peak_memory
from comparisons.workloads import WORKLOADS, prepare

if TYPE_CHECKING:
    from concurrent.futures import Future, ProcessPoolExecutor
    from multiprocessing.synchronize import Barrier

START_METHOD: Final = "spawn"
"""The only start method that is safe and the same on every platform and version."""
IN_FLIGHT: Final = 200
"""The number of pages that a loop fetches concurrently; more could exceed the open file limit."""
BARRIER_SECONDS: Final = 60.0


class Outcome(NamedTuple):
    startup: float
    submit: float
    work: float
    wall: float
    cpu: float
    """CPU seconds during the wall time, including worker processes."""
    memory: int
    """Bytes: the sum of the peaks of all processes of the model."""
    results: list[str]


class Stopwatch:
    def __init__(self, *, cold: bool = False) -> None:
        self._cold = cold
        self._started = self._ready = self._submitted = perf_counter()
        self._cpu = process_time()

    def ready(self) -> None:
        self._ready = perf_counter()
        if not self._cold:
            self._cpu = process_time()

    def submitted(self) -> None:
        self._submitted = perf_counter()

    def outcome(self, results: list[str], *, workers_cpu: float = 0.0) -> Outcome:
        """Stop the clock. Call this before worker processes exit: their memory is read here."""
        now, cpu = perf_counter(), process_time() - self._cpu
        return Outcome(
            startup=self._ready - self._started,
            submit=self._submitted - self._ready,
            work=now - self._submitted,
            wall=now - (self._started if self._cold else self._ready),
            cpu=cpu + workers_cpu,
            memory=peak_memory(),
            results=results,
        )


def sequential(job: Job) -> Outcome:
    watch = Stopwatch()
    prepare(job)
    unit = WORKLOADS[job.workload].unit
    watch.ready()
    watch.submitted()
    return watch.outcome([unit(job, index) for index in range(job.units)])


def threads(job: Job) -> Outcome:
    watch = Stopwatch()
    from concurrent.futures import ThreadPoolExecutor  # import time is part of the start-up

    prepare(job)
    unit = WORKLOADS[job.workload].unit
    with ThreadPoolExecutor(job.workers) as pool:
        watch.ready()
        futures = [pool.submit(unit, job, index) for index in range(job.units)]
        watch.submitted()
        return watch.outcome(_results(futures))


def _results(futures: "list[Future[Any]]") -> list[Any]:
    """Return all results in order; at the first error, cancel the units that have not started."""
    try:
        return [future.result() for future in futures]
    except BaseException:
        for future in futures:
            future.cancel()
        raise


def processes_warm(job: Job) -> Outcome:
    return _processes(job, cold=False)


def processes_cold(job: Job) -> Outcome:
    return _processes(job, cold=True)


def _processes(job: Job, *, cold: bool) -> Outcome:
    watch = Stopwatch(cold=cold)
    from multiprocessing import get_context  # import time is part of the start-up

    context = get_context(START_METHOD)
    all_started = None if cold else context.Barrier(job.workers)
    with _pool(job, context, all_started) as pool:
        # A warm pool is ready when all workers have started. A cold one is ready with its first
        # worker; the others start while that one is already working.
        started = [pool.submit(_worker_pid) for _ in range(1 if cold else job.workers)]
        _results(started)
        watch.ready()
        futures = [pool.submit(_unit_in_worker, index) for index in range(job.units)]
        watch.submitted()
        answers: list[_Answer] = _results(futures)
        last_cpu_of = {answer.pid: answer.cpu for answer in sorted(answers)}
        results = [answer.result for answer in answers]
        return watch.outcome(results, workers_cpu=sum(last_cpu_of.values()))


def _pool(job: Job, context: Any, all_started: "Barrier | None") -> "ProcessPoolExecutor":
    from concurrent.futures import ProcessPoolExecutor  # import time is part of the start-up

    return ProcessPoolExecutor(
        job.workers, mp_context=context, initializer=_start_worker, initargs=(job, all_started)
    )


class _Answer(NamedTuple):
    pid: int
    cpu: float
    """CPU seconds that the worker has used so far, since the clock started."""
    result: str


class _Worker:
    """The state of a worker process, set once when it starts."""

    job: Job
    cpu_before: float = 0.0


def _start_worker(job: Job, all_started: "Barrier | None") -> None:
    _Worker.job = job
    prepare(job)
    if all_started is not None:
        all_started.wait(BARRIER_SECONDS)
        _Worker.cpu_before = process_time()


def _worker_pid() -> int:
    return os.getpid()


def _unit_in_worker(index: int) -> _Answer:
    result = WORKLOADS[_Worker.job.workload].unit(_Worker.job, index)
    return _Answer(os.getpid(), process_time() - _Worker.cpu_before, result)


def on_asyncio(job: Job) -> Outcome:
    watch = Stopwatch()
    return _on_loop(job, watch, import_module("asyncio"), None)


def on_miniloop(job: Job) -> Outcome:
    watch = Stopwatch()
    return _on_loop(job, watch, import_module("miniloop"), None)


def on_uvloop(job: Job) -> Outcome:
    watch = Stopwatch()
    aio, uvloop = import_module("asyncio"), import_module("uvloop")
    return _on_loop(job, watch, aio, uvloop.new_event_loop)


def _on_loop(
    job: Job, watch: Stopwatch, aio: ModuleType, loop_factory: Callable[[], Any] | None
) -> Outcome:
    prepare(job)
    with aio.Runner(loop_factory=loop_factory) as runner:
        if job.workers:
            from concurrent.futures import ThreadPoolExecutor  # import time is part of the start-up

            runner.get_loop().set_default_executor(ThreadPoolExecutor(job.workers))
        watch.ready()
        outcome: Outcome = runner.run(_units_as_tasks(aio, job, watch))
        return outcome


async def _units_as_tasks(aio: ModuleType, job: Job, watch: Stopwatch) -> Outcome:
    unit_on_loop = WORKLOADS[job.workload].unit_on_loop
    limit = aio.Semaphore(IN_FLIGHT)

    async def unit(index: int) -> str:
        async with limit:
            return await unit_on_loop(aio, job, index)

    tasks = [aio.create_task(unit(index)) for index in range(job.units)]
    watch.submitted()
    return watch.outcome(await aio.gather(*tasks))


MODELS: Final[dict[str, Callable[[Job], Outcome]]] = {
    "sequential": sequential,
    "threads": threads,
    "processes-cold": processes_cold,
    "processes-warm": processes_warm,
    "asyncio": on_asyncio,
    "miniloop": on_miniloop,
    "uvloop": on_uvloop,
}
LOOPS: Final = ("asyncio", "miniloop", "uvloop")
