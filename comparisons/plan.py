"""What a run is to do: the options made into jobs.

Every model of a workload gets the same units. Computing units are sized once, before the run, on
this machine, so that one after the other they take `COMPUTING_SECONDS`; then the size stands.
"""

import os
from collections.abc import Iterator
from importlib.util import find_spec
from itertools import cycle, islice
from typing import Final, NamedTuple

from comparisons.job import Job
from comparisons.models import LOOPS, MODELS
from comparisons.supervisor import take_sample
from comparisons.workloads import WORKLOADS

COMPUTING_SECONDS: Final = 0.5
"""Comfortably above 250 ms, the least that tells models apart."""
LEAST_COMPUTING_UNITS: Final = 8
MOST_THREADS: Final = 32
SAMPLE_SECONDS: Final = 120.0
"""How long a sample may take on top of what it is known to wait for."""
REFERENCE: Final = "sequential"
KNOWN_WORKLOADS: Final = tuple(WORKLOADS)
KNOWN_MODELS: Final = tuple(MODELS)
MODEL_GROUPS: Final = {"processes": ("processes-cold", "processes-warm")}


class Plan(NamedTuple):
    workloads: tuple[str, ...]
    models: tuple[str, ...]
    pages: int
    latency: float
    samples: int
    workers: int | None
    """None: threads for the pages, as many processes as cores."""
    urls: tuple[str, ...] = ()
    """Real pages; none: our own server's."""
    computing_seconds: float = COMPUTING_SECONDS


def cores() -> int:
    """Those this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def page_urls(plan: Plan, own_server: str) -> tuple[str, ...]:
    if plan.urls:
        return tuple(islice(cycle(plan.urls), plan.pages))
    return tuple(f"{own_server}/page/{number}" for number in range(plan.pages))


def sample_limit(plan: Plan) -> float:
    """Seconds after which a sample counts as hung."""
    return SAMPLE_SECONDS + 2 * plan.pages * plan.latency


def jobs_of(workload: str, plan: Plan, own_server: str) -> Iterator[Job]:
    """One job for each model; the same units in each."""
    about = WORKLOADS[workload]
    urls = page_urls(plan, own_server) if about.fetches else ()
    units = len(urls) or max(LEAST_COMPUTING_UNITS, cores())
    native = "numpy" if find_spec("numpy") else "hashlib"
    rounds = 0 if about.fetches else _rounds(workload, native, plan.computing_seconds / units)
    for model in plan.models:
        yield Job(
            workload=workload,
            model=model,
            units=units,
            workers=min(units, _workers(workload, model, plan.workers)),
            urls=urls,
            rounds=rounds,
            native=native,
        )


def _workers(workload: str, model: str, wished: int | None) -> int:
    if model in LOOPS:
        return (wished or cores()) if workload == "cpu-native" else 0
    if model == REFERENCE:
        return 1
    waits = WORKLOADS[workload].fetches and model == "threads"
    return wished or (MOST_THREADS if waits else cores())


def workers_shown(job: Job) -> str:
    """Threads or processes, as the table has it."""
    if job.model not in LOOPS:
        return str(job.workers)
    return f"1+{job.workers}" if job.workers else "1"


def _rounds(workload: str, native: str, seconds: float) -> int:
    """How many rounds make one unit take so long, one after the other, in a sample process."""
    job = Job(workload, REFERENCE, units=1, workers=1, rounds=1, native=native)
    while (taken := take_sample(job, SAMPLE_SECONDS).wall) < seconds / 2:
        job = job._replace(rounds=job.rounds * 8)
    again = (take_sample(job, SAMPLE_SECONDS).wall for _ in range(2))
    return max(1, round(job.rounds * seconds / min(taken, *again)))  # noise can only add
