"""What a process of a long run does: some programs at a time, and tell what came of them."""

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
"""So many programs are run by a process at a time."""


@dataclass
class Result:
    """What a batch of programs, or many, have come to."""

    programs: int = 0
    found: list[Difference] = field(default_factory=list)
    known: Counter[str] = field(default_factory=Counter)

    def add(self, other: Result) -> None:
        self.programs += other.programs
        self.found += other.found
        self.known += other.known

    @property
    def blamed(self) -> list[Difference]:
        """Those that miniloop is to blame for; the others are between the two asyncios."""
        return [found for found in self.found if not found.name.startswith("asyncios")]


def prepare() -> None:
    """What a process does first: Ctrl-C is the parent's; its own objects are no garbage."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for name in run.IMPLEMENTATIONS:
        run.implementation(name)
    gc.collect()
    gc.freeze()


def batch(what: tuple[str, int]) -> Result:
    """Run some programs; in another process."""
    kind, first = what
    known.used.clear()
    seeds = range(first, first + BATCH)
    if kind == "programs":
        found = [found for seed in seeds for found in programs.check_all(seed)]
    else:
        check = importlib.import_module("tests.fuzz.streams").check
        found = [found for seed in seeds if (found := check(seed)) is not None]
    return Result(BATCH, found, Counter(known.used))
