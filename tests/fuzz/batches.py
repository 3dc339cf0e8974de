"""One batch of a long run: run some programs in a worker process and return the result."""

from __future__ import annotations

import gc
import importlib
import signal
from collections import Counter
from dataclasses import dataclass, field

from tests.fuzz import known, programs, run
from tests.fuzz.difference import Difference

__all__ = ["BATCH", "Result", "batch", "prepare"]

BATCH = 25
"""The number of programs in a batch."""


@dataclass
class Result:
    """The result of one or several batches."""

    programs: int = 0
    found: list[Difference] = field(default_factory=list)
    known: Counter[str] = field(default_factory=Counter)

    def add(self, other: Result) -> None:
        self.programs += other.programs
        self.found += other.found
        self.known += other.known

    @property
    def blamed(self) -> list[Difference]:
        """The differences of miniloop; the others are between asyncio with and without C."""
        return [found for found in self.found if not found.name.startswith("asyncios")]


def prepare() -> None:
    """Prepare a worker process: ignore Ctrl-C, and hide its objects from the garbage collector."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for name in run.IMPLEMENTATIONS:
        run.implementation(name)
    gc.collect()
    gc.freeze()


def batch(what: tuple[str, int]) -> Result:
    """Run a batch of programs; called in a worker process."""
    kind, first = what
    known.used.clear()
    gc.freeze()  # what the last batch has left, such as caches, is not garbage of the next program
    seeds = range(first, first + BATCH)
    if kind == "programs":
        found = [found for seed in seeds for found in programs.check_all(seed)]
    else:
        check = importlib.import_module("tests.fuzz.streams").check
        found = [found for seed in seeds if (found := check(seed)) is not None]
    return Result(BATCH, found, Counter(known.used))
