"""Keeps workers busy: mutants in, verdicts out.

Purpose: to run several workers at a time, each a process that stays for one killer, and to end them
all however this ends.
This file does not know what the workers do. Read worker.py first.
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

#: The root of the checkout, where `tests.mutation` can be imported from.
HOME: Final = Path(__file__).parent.parent.parent

#: A mutant, "survived", "failed", "hung" or "crashed", and the test in which it was.
Tell = Callable[[Mutant, str, str], None]


class WorkerFailed(Exception):
    """A worker cannot answer; the argument says why."""


class Crew:
    """So many workers for one killer."""

    def __init__(self, config: Path, killer: Killer, jobs: int) -> None:
        command = [sys.executable, "-m", "tests.mutation.worker", str(config), killer.name]
        # In sessions of their own: Ctrl-C is for us, and what becomes of them we decide.
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
        """Tell the verdict on each mutant, as they come. Raises WorkerFailed."""
        waiting: queue.SimpleQueue[Mutant] = queue.SimpleQueue()
        for mutant in mutants:
            waiting.put(mutant)
        with concurrent.futures.ThreadPoolExecutor(len(self._workers)) as pool:
            try:
                works = [pool.submit(_serve, worker, waiting, tell) for worker in self._workers]
                for work in concurrent.futures.as_completed(works):
                    work.result()
            finally:
                self.close()  # and so end the threads, which wait for an answer

    def close(self) -> None:
        """End the workers, and what they have started."""
        for worker in self._workers:
            worker.send_signal(signal.SIGTERM)
        for worker in self._workers:
            worker.wait()
            for pipe in (worker.stdin, worker.stdout):
                if pipe is not None and not pipe.closed:
                    pipe.close()


def _serve(worker: subprocess.Popen[str], waiting: queue.SimpleQueue[Mutant], tell: Tell) -> None:
    _answer(worker)  # that it is ready
    while True:
        try:
            mutant = waiting.get_nowait()
        except queue.Empty:
            return
        question = {"module": mutant.module, "reach": mutant.reach, "source": mutant.source}
        try:
            print(json.dumps(question), file=worker.stdin, flush=True)
        except BrokenPipeError as error:
            raise WorkerFailed("a worker has ended") from error
        answer = _answer(worker)
        tell(mutant, answer["outcome"], answer["test"])


def _answer(worker: subprocess.Popen[str]) -> dict[str, Any]:
    line = worker.stdout.readline() if worker.stdout is not None else ""
    if not line:
        raise WorkerFailed("a worker has ended")
    answer: dict[str, Any] = json.loads(line)
    if "unusable" in answer:
        raise WorkerFailed(answer["unusable"])
    return answer
