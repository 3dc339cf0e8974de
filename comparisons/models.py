"""The models of execution: who runs the units of a workload, and when.

Each model is a function from a job to an `Outcome`, and marks the same moments on a `Stopwatch`:

    start-up   what the model needs is imported and made: a loop, a pool, its workers
    dispatch   the units are handed over: submitted to a pool, wrapped in tasks
    work       from then until the last result is there

Wall time is dispatch and work. A cold pool of processes is the exception: its workers are started
on the clock, so start-up is part of its wall time, too.

A model runs once in a process of its own (see `sample`); it may leave that process as it likes.
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
"""The one way to start processes that is the same, and safe, on every platform and version."""
IN_FLIGHT: Final = 200
"""Pages a loop has under way at once; more would run into limits on open files."""
BARRIER_SECONDS: Final = 60.0


class Outcome(NamedTuple):
    startup: float
    dispatch: float
    work: float
    wall: float
    cpu: float
    """CPU seconds during the wall time, those of worker processes included."""
    memory: int
    """Bytes: the peak of each process of the model, added up."""
    results: list[str]


class Stopwatch:
    def __init__(self, *, cold: bool = False) -> None:
        self._cold = cold
        self._begun = self._ready = self._handed_over = perf_counter()
        self._cpu = process_time()

    def ready(self) -> None:
        self._ready = perf_counter()
        if not self._cold:
            self._cpu = process_time()

    def handed_over(self) -> None:
        self._handed_over = perf_counter()

    def outcome(self, results: list[str], *, workers_cpu: float = 0.0) -> Outcome:
        """Stop. To be called while worker processes still live, or their memory is not seen."""
        now, cpu = perf_counter(), process_time() - self._cpu
        return Outcome(
            startup=self._ready - self._begun,
            dispatch=self._handed_over - self._ready,
            work=now - self._handed_over,
            wall=now - (self._begun if self._cold else self._ready),
            cpu=cpu + workers_cpu,
            memory=peak_memory(),
            results=results,
        )


def sequential(job: Job) -> Outcome:
    watch = Stopwatch()
    prepare(job)
    unit = WORKLOADS[job.workload].unit
    watch.ready()
    watch.handed_over()
    return watch.outcome([unit(job, index) for index in range(job.units)])


def threads(job: Job) -> Outcome:
    watch = Stopwatch()
    from concurrent.futures import ThreadPoolExecutor  # part of the start-up

    prepare(job)
    unit = WORKLOADS[job.workload].unit
    with ThreadPoolExecutor(job.workers) as pool:
        watch.ready()
        futures = [pool.submit(unit, job, index) for index in range(job.units)]
        watch.handed_over()
        return watch.outcome(_results(futures))


def _results(futures: "list[Future[Any]]") -> list[Any]:
    """All results in order; at the first error the units not yet begun are given up."""
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
    from multiprocessing import get_context  # part of the start-up

    context = get_context(START_METHOD)
    all_up = None if cold else context.Barrier(job.workers)
    with _pool(job, context, all_up) as pool:
        # A warm pool answers when all its workers are up; a cold one when its first is, and the
        # others come up while that one is at work already.
        greetings = [pool.submit(_worker_pid) for _ in range(1 if cold else job.workers)]
        _results(greetings)
        watch.ready()
        futures = [pool.submit(_unit_in_worker, index) for index in range(job.units)]
        watch.handed_over()
        answers: list[_Answer] = _results(futures)
        last_cpu_of = {answer.pid: answer.cpu for answer in sorted(answers)}
        results = [answer.result for answer in answers]
        return watch.outcome(results, workers_cpu=sum(last_cpu_of.values()))


def _pool(job: Job, context: Any, all_up: "Barrier | None") -> "ProcessPoolExecutor":
    from concurrent.futures import ProcessPoolExecutor  # part of the start-up

    return ProcessPoolExecutor(
        job.workers, mp_context=context, initializer=_begin_worker, initargs=(job, all_up)
    )


class _Answer(NamedTuple):
    pid: int
    cpu: float
    """CPU seconds its worker has spent so far, from the moment the clock counts."""
    result: str


class _Worker:
    """What a worker process knows; set once, when it starts."""

    job: Job
    cpu_before: float = 0.0


def _begin_worker(job: Job, all_up: "Barrier | None") -> None:
    _Worker.job = job
    prepare(job)
    if all_up is not None:
        all_up.wait(BARRIER_SECONDS)
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
            from concurrent.futures import ThreadPoolExecutor  # as above

            runner.get_loop().set_default_executor(ThreadPoolExecutor(job.workers))
        watch.ready()
        outcome: Outcome = runner.run(_units_as_tasks(aio, job, watch))
        return outcome


async def _units_as_tasks(aio: ModuleType, job: Job, watch: Stopwatch) -> Outcome:
    unit_on_loop = WORKLOADS[job.workload].unit_on_loop
    places = aio.Semaphore(IN_FLIGHT)

    async def unit(index: int) -> str:
        async with places:
            return await unit_on_loop(aio, job, index)

    tasks = [aio.create_task(unit(index)) for index in range(job.units)]
    watch.handed_over()
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
