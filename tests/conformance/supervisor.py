"""The supervisor: runs each test module in a process, and gives each test an outcome.

Purpose: runs workers and reads their journals. If a test ends its worker (by a crash or by the time
limit), it starts a new worker for the remaining tests.
Rules: every wanted test gets exactly one outcome. A failed test runs again in a new process,
because a busy machine or an earlier test may have caused the failure; the outcome counts the tries.
Marked tests run once, separately, with a short time limit.
Does not depend on: what the tests do, and the meaning of a mark.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from tests.conformance.lists import PREFIX

WORKER: Final = Path(__file__).parent / "worker.py"
MARKED_LIMIT: Final = 5.0
#: Seconds beyond a test's limit without a new event, after which the worker is killed.
GRACE: Final = 15.0
POLL: Final = 0.1
LOG_TAIL: Final = 3_000


@dataclass(frozen=True)
class Outcome:
    """The outcome of a test: `fault` is empty if it passed."""

    test: str
    fault: str = ""
    seconds: float = 0.0
    tries: int = 1

    @property
    def passed(self) -> bool:
        return not self.fault


@dataclass
class ModuleRun:
    """The results of one test module."""

    module: str
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    suite: set[str] = field(default_factory=set)
    real_asyncio: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class Wanted:
    """The tests of one module to run; those in `marked` are expected to fail."""

    module: str
    tests: frozenset[str]
    marked: frozenset[str] = frozenset()


class Workshop:
    """Runs workers in one shadow with one interpreter, and kills them on an early exit."""

    def __init__(self, python: str, shadow: Path, limit: float, tries: int = 2) -> None:
        self._python = python
        self._shadow = shadow
        self._limit = limit
        self._tries = tries
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen[bytes]] = set()
        self._closed = False

    def run_all(
        self, wanted: Iterable[Wanted], jobs: int, tell: Callable[[ModuleRun], None]
    ) -> list[ModuleRun]:
        """Run modules in parallel and return them in the given order; call `tell` for each."""

        def run_and_tell(one: Wanted) -> ModuleRun:
            done = self.run_module(one)
            tell(done)
            return done

        with ThreadPoolExecutor(jobs) as pool:
            try:
                return list(pool.map(run_and_tell, wanted))
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                self.close()
                raise

    def close(self) -> None:
        with self._lock:
            self._closed = True
            for process in self._running:
                _kill_session(process)

    def run_module(self, wanted: Wanted) -> ModuleRun:
        run = ModuleRun(wanted.module)
        self._try(run, wanted.tests - wanted.marked, self._limit)
        for attempt in range(2, self._tries + 1):
            failed = {test for test, outcome in run.outcomes.items() if not outcome.passed}
            self._try(run, failed, self._limit, attempt)
        self._try(run, wanted.marked, min(self._limit, MARKED_LIMIT))
        return run

    def _try(self, run: ModuleRun, tests: Iterable[str], limit: float, attempt: int = 1) -> None:
        """Run the tests; start a new worker whenever one ends early."""
        remaining = set(tests)
        while remaining and not self._closed:
            journal = self._work(run.module, remaining, limit)
            new = journal.outcomes(remaining)
            run.outcomes.update({o.test: replace(o, tries=attempt) for o in new})
            run.suite |= journal.suite
            run.real_asyncio |= journal.real_asyncio
            remaining -= {outcome.test for outcome in new}

    def _work(self, module: str, tests: set[str], limit: float) -> Journal:
        with tempfile.TemporaryDirectory(prefix="conformance-") as folder:
            wanted, events, log = (Path(folder, name) for name in ("tests", "events", "log"))
            wanted.write_text("\n".join(PREFIX + test for test in tests), encoding="utf-8")
            events.touch()
            command = [self._python, "-P", str(WORKER), PREFIX + module]
            command += [str(wanted), str(events), str(limit)]
            with log.open("wb") as output:
                ended = self._run(command, Path(folder), output.fileno(), events, limit)
            tail = log.read_bytes()[-LOG_TAIL:].decode(errors="replace")
            return read_journal(events.read_text(encoding="utf-8"), ended, tail)

    def _run(
        self, command: list[str], folder: Path, output: int, events: Path, limit: float
    ) -> str:
        """Run a worker until it ends; return how it ended."""
        with self._lock:
            if self._closed:
                return "was not started"
            process = subprocess.Popen(
                command,
                cwd=folder,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
            self._running.add(process)
        try:
            return _wait(process, events, limit + GRACE)
        finally:
            _kill_session(process)
            process.wait()
            with self._lock:
                self._running.discard(process)

    def _environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        return kept | {"PYTHONPATH": str(self._shadow)}


def _wait(process: subprocess.Popen[bytes], events: Path, patience: float) -> str:
    """Wait until the worker ends, or has written no event for `patience` seconds."""
    size, since = -1, time.monotonic()
    while time.monotonic() - since < patience:
        try:
            status = process.wait(POLL)
        except subprocess.TimeoutExpired:
            if events.stat().st_size != size:
                size, since = events.stat().st_size, time.monotonic()
        else:
            return f"exit status {status}" if status >= 0 else signal.Signals(-status).name
    return f"silent for {patience:g} s"


def _kill_session(process: subprocess.Popen[bytes]) -> None:
    """Kill the worker, if it still runs, and all processes that its tests left running."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return


@dataclass
class Journal:
    """The contents of a worker's journal."""

    ended: str
    log: str
    faults: dict[str, tuple[str, float]] = field(default_factory=dict)
    interrupted: str | None = None
    complete: bool = False
    excuse: str = ""
    suite: set[str] = field(default_factory=set)
    real_asyncio: set[str] = field(default_factory=set)

    def outcomes(self, wanted: set[str]) -> list[Outcome]:
        """Return the outcome of at least one test; of all tests if the worker completed."""
        done = [Outcome(test, *self.faults[test]) for test in wanted if test in self.faults]
        missing = wanted - self.faults.keys()
        if self.complete:
            return done + [Outcome(test, self._why_not_run(test)) for test in missing]
        why = f"the process ended ({self.ended}); its output:\n{self.log}"
        if self.interrupted is not None:
            return [*done, Outcome(self.interrupted, why)]
        return done or [Outcome(test, why) for test in missing]

    def _why_not_run(self, test: str) -> str:
        could_be_loaded = bool(self.suite)
        if could_be_loaded and test not in self.suite:
            return "the suite has no such test"
        return self.excuse or "it did not run, for an unknown reason"


def read_journal(text: str, ended: str, log: str) -> Journal:
    journal = Journal(ended, log)
    for line in text.splitlines():
        _note(journal, json.loads(line))
    return journal


def _note(journal: Journal, event: dict[str, Any]) -> None:
    match event:
        case {"event": "start", "test": test}:
            journal.interrupted = test.removeprefix(PREFIX)
        case {"event": "stop", "test": test, "faults": faults, "seconds": seconds}:
            journal.faults[test.removeprefix(PREFIX)] = ("\n".join(faults), seconds)
            journal.interrupted = None
        case {"event": "loaded", "tests": tests}:
            journal.suite = {test.removeprefix(PREFIX) for test in tests}
        case {"event": "import", "fault": fault}:
            journal.excuse = f"the test module cannot be imported:\n{fault}"
        case {"event": "fixture", "what": what, "fault": fault}:
            journal.excuse += f"{what} failed:\n{fault}"
        case {"event": "end", "real_asyncio": names}:
            journal.complete = True
            journal.real_asyncio = set(names)
