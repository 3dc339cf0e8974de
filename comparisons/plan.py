"""The plan of a run: turns the options into jobs.

Every model of a workload gets the same units. The size of a computing unit is calibrated once
before the run, so that the sequential model takes about `COMPUTING_SECONDS` on this machine.
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
"""Seconds. Below about 250 ms, differences between models disappear in the noise."""
LEAST_COMPUTING_UNITS: Final = 8
MOST_THREADS: Final = 32
SAMPLE_SECONDS: Final = 120.0
"""The time limit of a sample in seconds, in addition to the latency of its pages."""
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
    """None: a thread for each page, up to a limit, and a process for each core."""
    urls: tuple[str, ...] = ()
    """Real pages; empty: the pages of the local server."""
    computing_seconds: float = COMPUTING_SECONDS


def cores() -> int:
    """Return the number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def page_urls(plan: Plan, own_server: str) -> tuple[str, ...]:
    """Return the address of each page; `own_server` is the address of the local server."""
    if plan.urls:
        return tuple(islice(cycle(plan.urls), plan.pages))
    return tuple(f"{own_server}/page/{number}" for number in range(plan.pages))


def sample_limit(plan: Plan) -> float:
    """Return the number of seconds after which a sample is killed."""
    return SAMPLE_SECONDS + 2 * plan.pages * plan.latency


def jobs_of(workload: str, plan: Plan, own_server: str) -> Iterator[Job]:
    """Yield one job for each model, with the same units in each."""
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


def _workers(workload: str, model: str, requested: int | None) -> int:
    if model in LOOPS:
        return (requested or cores()) if workload == "cpu-native" else 0
    if model == REFERENCE:
        return 1
    waits = WORKLOADS[workload].fetches and model == "threads"
    return requested or (MOST_THREADS if waits else cores())


def workers_shown(job: Job) -> str:
    """Return the pool size for the table; for a loop, its thread and those of `to_thread`."""
    if job.model not in LOOPS:
        return str(job.workers)
    return f"1+{job.workers}" if job.workers else "1"


def _rounds(workload: str, native: str, seconds: float) -> int:
    """Find the number of rounds with which one unit takes `seconds` in a sample process."""
    job = Job(workload, REFERENCE, units=1, workers=1, rounds=1, native=native)
    while (taken := take_sample(job, SAMPLE_SECONDS).wall) < seconds / 2:
        job = job._replace(rounds=job.rounds * 8)
    again = (take_sample(job, SAMPLE_SECONDS).wall for _ in range(2))
    return max(1, round(job.rounds * seconds / min(taken, *again)))  # noise only adds time
