"""The worker: runs some tests of one module inside a shadow, and writes down what happens.

    python -P worker.py MODULE TESTS EVENTS LIMIT

Purpose: TESTS names a file of test ids, one per line; EVENTS a file to which this appends a JSON
object per line as things happen, so that nothing is lost when a test takes the process with it.
Rules: memory is limited, and each test has LIMIT seconds; then the process ends with the stacks of
all its threads on standard error. (The watch is faulthandler's: the tests need every signal for
themselves.)
It runs in the interpreter under test, and imports nothing of this package.
"""

# ruff: noqa: N802 (unittest's names are in camel case)

from __future__ import annotations

import faulthandler
import importlib
import json
import os
import resource
import signal
import sys
import sysconfig
import time
import traceback
import unittest
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Final, TypeAlias

ErrorInfo: TypeAlias = (
    tuple[type[BaseException], BaseException, TracebackType] | tuple[None, None, None]
)

#: Bytes: a test that piles up memory until its time is over must fail, and not the machine.
MEMORY: Final = 2 * 1024**3

#: It skips a class unless there is a Task in C, but reads `tasks._CTask` before it can skip it: no
#: other test of the module can run without one. Its class then runs with the only Task there is.
UNGUARDED: Final = "test.test_asyncio.test_futures2"


class Journal:
    """The file of events; a forked child that comes out of a test has no say in it."""

    def __init__(self, path: str) -> None:
        self._fd = os.open(path, os.O_WRONLY | os.O_APPEND)
        self._owner = os.getpid()

    def write(self, event: str, **details: Any) -> None:
        if os.getpid() == self._owner:
            os.write(self._fd, json.dumps({"event": event, **details}).encode() + b"\n")


class Result(unittest.TestResult):
    """Tells the journal of each test's start and end, and keeps the watch over its time."""

    def __init__(self, journal: Journal, limit: float) -> None:
        super().__init__()
        self._journal = journal
        self._limit = limit
        self._faults: list[str] = []
        self._began = 0.0

    def startTest(self, test: unittest.TestCase) -> None:
        super().startTest(test)
        self._faults = []
        self._began = time.monotonic()
        self._journal.write("start", test=test.id())
        faulthandler.dump_traceback_later(self._limit, exit=True)

    def stopTest(self, test: unittest.TestCase) -> None:
        faulthandler.cancel_dump_traceback_later()
        took = time.monotonic() - self._began
        self._journal.write("stop", test=test.id(), faults=self._faults, seconds=round(took, 3))
        super().stopTest(test)

    def addError(self, test: unittest.TestCase, err: ErrorInfo) -> None:
        self._add(test, _text_of(err))

    def addFailure(self, test: unittest.TestCase, err: ErrorInfo) -> None:
        self._add(test, _text_of(err))

    def addSubTest(
        self, test: unittest.TestCase, subtest: unittest.TestCase, err: ErrorInfo | None
    ) -> None:
        if err is not None:
            self._faults.append(f"{subtest}: {_text_of(err)}")

    def addSkip(self, test: unittest.TestCase, reason: str) -> None:
        self._add(test, f"skipped: {reason}")

    def addUnexpectedSuccess(self, test: unittest.TestCase) -> None:
        self._add(test, "passed, against the suite's own expectation")

    def _add(self, test: Any, fault: str) -> None:
        """The test is a stand-in without start and stop if a class or module could not set up."""
        self._faults.append(fault)
        if not isinstance(test, unittest.TestCase):
            self._journal.write("fixture", what=test.id(), fault=fault)


def _text_of(err: ErrorInfo) -> str:
    return "".join(traceback.format_exception(*err))


def _tests_in(suite: unittest.TestSuite) -> Iterator[unittest.TestCase]:
    for part in suite:
        if isinstance(part, unittest.TestSuite):
            yield from _tests_in(part)
        else:
            yield part


def _real_asyncio() -> list[str]:
    """Loaded modules that are the interpreter's own asyncio."""
    folder = Path(sysconfig.get_path("stdlib"), "asyncio").resolve()
    files = {name: getattr(module, "__file__", None) for name, module in [*sys.modules.items()]}
    return sorted(
        name
        for name, file in files.items()
        if name == "_asyncio" or (file and folder in Path(file).resolve().parents)
    )


def run(module: str, wanted: set[str], journal: Journal, limit: float) -> None:
    try:
        if module == UNGUARDED:
            tasks = importlib.import_module("asyncio.tasks")
            tasks._CTask = tasks.Task  # type: ignore[attr-defined]
        suite = unittest.defaultTestLoader.loadTestsFromModule(importlib.import_module(module))
    except Exception:
        journal.write("import", fault=traceback.format_exc())
        return
    tests = list(_tests_in(suite))
    journal.write("loaded", tests=[test.id() for test in tests])
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        chosen = unittest.TestSuite(test for test in tests if test.id() in wanted)
        chosen.run(Result(journal, limit))


def main() -> None:
    module, tests, events, limit = sys.argv[1:]
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's `&` has it ignored
    journal = Journal(events)
    run(module, set(Path(tests).read_text(encoding="utf-8").split()), journal, float(limit))
    journal.write("end", real_asyncio=_real_asyncio())
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)  # what a failed test has left behind (a thread, an executor) must not hold it up


if __name__ == "__main__":
    main()
