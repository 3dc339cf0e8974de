"""Runs workers in parallel: gives them mutants and receives verdicts.

Purpose: each worker is a process that serves one killer. All workers are killed in the end, also
after an exception.
Does not depend on what the workers do. Read worker.py first.
"""

from __future__ import annotations

import concurrent.futures
import json
import queue
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from tests.mutation.config import Killer
from tests.mutation.mutants import Mutant

#: The root of the checkout: `tests.mutation` can be imported there.
HOME: Final = Path(__file__).parent.parent.parent

#: Arguments: the mutant; "survived", "failed", "hung" or "crashed"; the test in which it happened.
Tell = Callable[[Mutant, str, str], None]


class WorkerFailed(Exception):
    """A worker cannot answer; the argument is the reason."""


class Crew:
    """`jobs` workers for one killer."""

    def __init__(self, config: Path, killer: Killer, jobs: int) -> None:
        command = [sys.executable, "-m", "tests.mutation.worker", str(config), killer.name]
        # New sessions: Ctrl-C must reach only this process, which then kills the workers.
        self._workers = [
            subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                cwd=HOME,
                start_new_session=True,
            )
            for _ in range(jobs)
        ]

    def judge(self, mutants: Sequence[Mutant], tell: Tell) -> None:
        """Call `tell` with the verdict on each mutant as it arrives; raise WorkerFailed."""
        waiting: queue.SimpleQueue[Mutant] = queue.SimpleQueue()
        for mutant in mutants:
            waiting.put(mutant)
        with concurrent.futures.ThreadPoolExecutor(len(self._workers)) as pool:
            try:
                works = [pool.submit(_serve, worker, waiting, tell) for worker in self._workers]
                for work in concurrent.futures.as_completed(works):
                    work.result()
            finally:
                self.close()  # this also ends the threads, which wait for an answer

    def close(self) -> None:
        """Kill the workers and the processes that they started."""
        for worker in self._workers:
            worker.send_signal(signal.SIGTERM)
        for worker in self._workers:
            worker.wait()
            for pipe in (worker.stdin, worker.stdout):
                if pipe is not None and not pipe.closed:
                    pipe.close()


def _serve(worker: subprocess.Popen[str], waiting: queue.SimpleQueue[Mutant], tell: Tell) -> None:
    _answer(worker)  # the worker is ready
    while True:
        try:
            mutant = waiting.get_nowait()
        except queue.Empty:
            return
        question = {"module": mutant.module, "reach": mutant.reach, "source": mutant.source}
        try:
            print(json.dumps(question), file=worker.stdin, flush=True)
        except BrokenPipeError as error:
            raise WorkerFailed("a worker ended unexpectedly") from error
        answer = _answer(worker)
        tell(mutant, answer["outcome"], answer["test"])


def _answer(worker: subprocess.Popen[str]) -> dict[str, Any]:
    line = worker.stdout.readline() if worker.stdout is not None else ""
    if not line:
        raise WorkerFailed("a worker ended unexpectedly")
    answer: dict[str, Any] = json.loads(line)
    if "unusable" in answer:
        raise WorkerFailed(answer["unusable"])
    return answer
