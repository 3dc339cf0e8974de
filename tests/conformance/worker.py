"""The worker: runs some tests of one module inside a shadow, and writes a journal.

    python -P worker.py MODULE TESTS EVENTS LIMIT

Purpose: TESTS is a file with one test id per line. The worker appends each event to the file EVENTS
as a line of JSON at once, so that no event is lost if a test ends the process.
Rules: memory is limited. If a test takes longer than LIMIT seconds, the process writes the stacks
of all threads to standard error and exits. faulthandler does that, because the tests may use every
signal.
It runs in the interpreter under test, and imports nothing from this package.
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

#: Bytes. A test that allocates memory without end must fail before the machine runs out of memory.
MEMORY: Final = 2 * 1024**3

#: These modules skip a class if there is no Task in C. But they read `tasks._CTask` first, so no
#: test of the module could run without that name. With these names, the class runs on the Task in
#: Python.
UNGUARDED: Final = ("test.test_asyncio.test_eager_task_factory", "test.test_asyncio.test_futures2")
C_NAMES: Final = {"_CTask": "Task", "_c_all_tasks": "all_tasks", "_c_current_task": "current_task"}


class Journal:
    """Writes the file of events; ignores a forked child that returns from a test."""

    def __init__(self, path: str) -> None:
        self._fd = os.open(path, os.O_WRONLY | os.O_APPEND)
        self._owner = os.getpid()

    def write(self, event: str, **details: Any) -> None:
        if os.getpid() == self._owner:
            os.write(self._fd, json.dumps({"event": event, **details}).encode() + b"\n")


class Result(unittest.TestResult):
    """Writes the start and end of each test to the journal, and enforces the time limit."""

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
        self._add(test, "passed, but the suite expects a failure")

    def _add(self, test: Any, fault: str) -> None:
        """Record a failure. `test` is a stand-in if the set-up of a class or module failed."""
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
    """Return the names of loaded modules of the interpreter's own asyncio."""
    folder = Path(sysconfig.get_path("stdlib"), "asyncio").resolve()
    files = {name: getattr(module, "__file__", None) for name, module in [*sys.modules.items()]}
    own = {name for name, file in files.items() if file and folder in Path(file).resolve().parents}
    return sorted(own | ({"_asyncio"} if sys.modules.get("_asyncio") else set()))


def run(module: str, wanted: set[str], journal: Journal, limit: float) -> None:
    try:
        if module in UNGUARDED:
            names = vars(importlib.import_module("asyncio.tasks"))
            for name, twin in C_NAMES.items():
                names[name] = names[twin]
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
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's `&` makes it ignored
    journal = Journal(events)
    run(module, set(Path(tests).read_text(encoding="utf-8").split()), journal, float(limit))
    journal.write("end", real_asyncio=_real_asyncio())
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)  # do not wait for threads and executors that failed tests left running


if __name__ == "__main__":
    main()
