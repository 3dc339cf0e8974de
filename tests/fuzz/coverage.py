"""Count the operations, and the pairs of operations, that are executed in random programs.

Only executed lines count: nothing after a failing step runs. A pair is counted if one operation
follows another, in the same function or in two functions. This file knows only the lines of a
program and the operations in each.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable
from types import FrameType
from typing import Any

from tests.fuzz import run
from tests.fuzz.generate import generate, operations, seeded
from tests.fuzz.syntax import Program

__all__ = ["Coverage", "cover"]

Pair = tuple[str, str]


class Coverage:
    """How often each operation and each pair was executed, in one function and across functions."""

    def __init__(self) -> None:
        self.operations: Counter[str] = Counter()
        self.in_sequence: Counter[Pair] = Counter()
        self.among_tasks: Counter[Pair] = Counter()
        self.programs = 0

    def run(self, program: Program) -> None:
        """Run the program on miniloop and count."""
        main = run.load(program.source)
        before = sys.gettrace()
        sys.settrace(_Follower(self, program).enter)
        try:
            run.run(main, run.implementation("miniloop"))
        finally:
            sys.settrace(before)
        self.programs += 1

    def never_executed(self) -> list[str]:
        """List the operations that were never executed."""
        return [op for op in operations() if not self.operations[op]]

    def report(self) -> str:
        """Describe the counts in lines of text, the rarest operations first."""
        possible = len(operations()) ** 2
        lines = [f"{self.programs:,} programs"]
        tables = ((self.in_sequence, "within a function"), (self.among_tasks, "across functions"))
        for pairs, where in tables:
            met = len(pairs)
            lines.append(f"pairs of consecutive operations {where}: {met} of {possible}")
        by_number = sorted(self.operations.items(), key=lambda item: item[1])
        lines += [f"{number:>9,}  {op}" for op, number in by_number]
        never = ", ".join(self.never_executed())
        return "\n".join([*lines, f"never executed: {never or 'none'}"])

    def pairs_never_executed(self) -> list[Pair]:
        """List the pairs that never occurred, neither in one function nor across two."""
        names = operations()
        met = self.in_sequence.keys() | self.among_tasks.keys()
        return [(one, other) for one in names for other in names if (one, other) not in met]


class _Follower:
    """The trace function that the interpreter calls for each line of a program."""

    def __init__(self, coverage: Coverage, program: Program) -> None:
        self._coverage = coverage
        self._by_line = program.operations
        # Keyed by the addresses of frames: a reference to a frame would keep alive what it refers
        # to.
        self._last: tuple[int, tuple[str, ...]] = (0, ())
        self._last_in: dict[int, tuple[str, ...]] = {}

    def enter(self, frame: FrameType, event: str, argument: Any) -> Any:
        del event, argument
        return self._line if frame.f_code.co_filename == run.PROGRAM else None

    def _line(self, frame: FrameType, event: str, argument: Any) -> Any:
        del argument
        met = self._by_line.get(frame.f_lineno, ()) if event == "line" else ()
        if met:
            here = id(frame)
            self._coverage.operations.update(met)
            self._coverage.in_sequence.update(_pairs(self._last_in.get(here, ()), met))
            where, before = self._last
            if where != here:
                self._coverage.among_tasks.update(_pairs(before, met))
            self._last, self._last_in[here] = (here, met), met
        return self._line


def _pairs(before: Iterable[str], after: Iterable[str]) -> list[Pair]:
    return [(one, other) for one in before for other in after]


def cover(seeds: Iterable[int]) -> Coverage:
    """Count the operations in the programs of these seeds."""
    coverage = Coverage()
    for seed in seeds:
        coverage.run(generate(seeded(seed)))
    return coverage
