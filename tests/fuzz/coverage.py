"""Which operations, and which pairs of operations, were met while programs ran.

Not which of them stand in the programs: what follows a step that fails is never run. A pair is
counted where one operation follows another, be it in the same function or in another one. It knows
the lines of a program and what stands in each.
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
    """How often each operation was met, and each pair: within a function, and between two."""

    def __init__(self) -> None:
        self.operations: Counter[str] = Counter()
        self.in_sequence: Counter[Pair] = Counter()
        self.among_tasks: Counter[Pair] = Counter()
        self.programs = 0

    def run(self, program: Program) -> None:
        """Count what is met in a run of the program on miniloop."""
        main = run.load(program.source)
        before = sys.gettrace()
        sys.settrace(_Follower(self, program).enter)
        try:
            run.run(main, run.implementation("miniloop"))
        finally:
            sys.settrace(before)
        self.programs += 1

    def never_met(self) -> list[str]:
        """The operations that programs are made of and none has got to."""
        return [op for op in operations() if not self.operations[op]]

    def report(self) -> str:
        """All of that in some lines; the operations that were met least come first."""
        possible = len(operations()) ** 2
        lines = [f"{self.programs:,} programs"]
        for pairs, where in ((self.in_sequence, "in one function"), (self.among_tasks, "in two")):
            met = len(pairs)
            lines.append(f"pairs of operations, one after the other {where}: {met} of {possible}")
        by_number = sorted(self.operations.items(), key=lambda item: item[1])
        lines += [f"{number:>9,}  {op}" for op, number in by_number]
        never = ", ".join(self.never_met())
        return "\n".join([*lines, f"never met: {never or 'none'}"])

    def pairs_never_met(self) -> list[Pair]:
        """The pairs that were met neither within a function nor between two."""
        names = operations()
        met = self.in_sequence.keys() | self.among_tasks.keys()
        return [(one, other) for one in names for other in names if (one, other) not in met]


class _Follower:
    """What the interpreter calls for each line of a program."""

    def __init__(self, coverage: Coverage, program: Program) -> None:
        self._coverage = coverage
        self._by_line = program.operations
        # By the frames' addresses, since a frame that is held holds what the program lets go.
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
    """What is met in the programs of these seeds."""
    coverage = Coverage()
    for seed in seeds:
        coverage.run(generate(seeded(seed)))
    return coverage
