"""The four workloads, each in a blocking and an awaiting form.

Threads, processes and the sequential model call the blocking form. asyncio, miniloop and uvloop
share the other form; its argument `aio` is asyncio or a module with asyncio's names. Both forms of
a unit return the same text, so that wrong results are detected.

This module does not decide which thread or process runs a unit: see `models`. Slow imports (numpy,
ssl) are in `prepare`, so that they count as start-up and happen only where they are needed.
"""

import os
from collections.abc import Callable, Coroutine
from hashlib import pbkdf2_hmac, sha256
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from comparisons.client import Page, fetch, fetch_on_loop
from comparisons.job import Job

if TYPE_CHECKING:
    from ssl import SSLContext

# One step of a linear congruential generator: x -> x * FACTOR + STEP, modulo 2**64.
FACTOR: Final = 6364136223846793005
STEP: Final = 1442695040888963407
WORD: Final = 2**64 - 1
NUMPY_WIDTH: Final = 1 << 16
"""The length of an array: long enough that the cost of the call does not matter, short enough to
fit into the cache of a core."""

_tls_contexts: "list[SSLContext]" = []  # at most one per process, created by prepare()


class Workload(NamedTuple):
    name: str
    about: str
    unit: Callable[[Job, int], str]
    unit_on_loop: Callable[[ModuleType, Job, int], Coroutine[Any, Any, str]]
    fetches: bool
    """Whether its units fetch pages; otherwise they only compute."""


def prepare(job: Job) -> None:
    """Import what the job's units need; called once in every process of a model."""
    if job.workload == "cpu-native" and job.native == "numpy":
        import numpy  # noqa: F401 - imported here so that it counts as start-up
    if any(url.startswith("https:") for url in job.urls) and not _tls_contexts:
        import ssl  # likewise

        _tls_contexts.append(ssl.create_default_context())


def _tls_context() -> "SSLContext | None":
    return _tls_contexts[0] if _tls_contexts else None


# io: fetch a page


def _page_result(page: Page) -> str:
    return f"{page.status} {sha256(page.body).hexdigest()}"


def _io(job: Job, index: int) -> str:
    return _page_result(fetch(job.urls[index], job.page_seconds, _tls_context()))


async def _io_on_loop(aio: ModuleType, job: Job, index: int) -> str:
    return _page_result(await fetch_on_loop(aio, job.urls[index], job.page_seconds, _tls_context()))


# cpu: arithmetic in pure Python, which holds the GIL


def _cpu(job: Job, index: int) -> str:
    number = index
    for _ in range(job.rounds):
        number = (number * FACTOR + STEP) & WORD
    return f"{number:016x}"


async def _cpu_on_loop(_aio: ModuleType, job: Job, index: int) -> str:
    # There is nothing to await: the task blocks the loop until it is done, like a plain call.
    return _cpu(job, index)


# cpu-native: arithmetic in C, which releases the GIL


def _native(job: Job, index: int) -> str:
    if job.native == "hashlib":
        return pbkdf2_hmac("sha256", b"unit %d" % index, b"salt", job.rounds).hex()
    import numpy  # already imported by prepare()

    numbers = numpy.arange(NUMPY_WIDTH, dtype=numpy.uint64) + numpy.uint64(index)
    factor, step = numpy.uint64(FACTOR), numpy.uint64(STEP)
    for _ in range(job.rounds):
        numpy.multiply(numbers, factor, out=numbers)
        numpy.add(numbers, step, out=numbers)
    return sha256(numbers.tobytes()).hexdigest()


async def _native_on_loop(aio: ModuleType, job: Job, index: int) -> str:
    # The usual way to run blocking work from a task; otherwise it would block the loop.
    result: str = await aio.to_thread(_native, job, index)
    return result


# mixed: fetch a page, join its headers and body into a text, hash the text, write it to a file


def page_file(job: Job, index: int) -> str:
    return os.path.join(job.folder, f"page-{index:05}.txt")


def _save(job: Job, index: int, page: Page) -> str:
    headers = "\n".join(f"{name}: {value}" for name, value in page.headers)
    text = headers.encode() + b"\n\n" + page.body
    with open(page_file(job, index), "wb") as file:
        file.write(text)
    return f"{page.status} {sha256(text).hexdigest()}"


def _mixed(job: Job, index: int) -> str:
    return _save(job, index, fetch(job.urls[index], job.page_seconds, _tls_context()))


async def _mixed_on_loop(aio: ModuleType, job: Job, index: int) -> str:
    page = await fetch_on_loop(aio, job.urls[index], job.page_seconds, _tls_context())
    # On the loop's thread: writing a few KiB to the page cache is faster than switching threads.
    return _save(job, index, page)


def check_files(job: Job, results: list[str]) -> None:
    """Check the files of `mixed` against its results; called after the clock has stopped."""
    for index, result in enumerate(results):
        with open(page_file(job, index), "rb") as file:
            if sha256(file.read()).hexdigest() != result.split()[-1]:
                raise ValueError(f"{page_file(job, index)} does not contain what was written")


WORKLOADS: Final = {
    workload.name: workload
    for workload in (
        Workload("io", "fetch pages", _io, _io_on_loop, fetches=True),
        Workload("cpu", "pure Python arithmetic, which holds the GIL", _cpu, _cpu_on_loop, False),
        Workload(
            "cpu-native", "arithmetic in C, which releases the GIL", _native, _native_on_loop, False
        ),
        Workload(
            "mixed", "fetch pages, join, hash, write to files", _mixed, _mixed_on_loop, fetches=True
        ),
    )
}
