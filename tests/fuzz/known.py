"""Differences that are known, each with its reason: what may be told otherwise, and where.

A rule is as narrow as it can be. Most say that a row of one implementation, in other words, is a
row of the other; the report counts how often each was needed. What is about miniloop is a row of
the README's table *Where miniloop differs*, or what asyncio did before 3.13.

When things are freed is compared only in part: that a lost exception is told, or a coroutine that
was never awaited, but where a `Late` rule holds not at which row. These rules hold for tasks from
3.13 on only in programs with an eager task that create_task() has not made, for futures in all.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

__all__ = ["RULES", "Rule", "meets_a_fault", "rewritten", "used"]

Trace = Sequence[str]

VERSION: Final = sys.version_info[:3]

used: Counter[str] = Counter()
"""How often each rule was needed, by its name."""


@dataclass(frozen=True)
class Rule:
    """A known difference from asyncio: whose, by which words of a row, and why."""

    name: str
    reason: str
    of: str
    """The implementation that differs from asyncio."""
    pattern: str
    words: str
    """What both are made to say in the place of `pattern`."""
    versions: tuple[tuple[int, ...], tuple[int, ...]] = ((3, 11), (4,))
    """The first version of Python that differs, and the first that does no more."""
    again: bool = False
    """Whether there may be more of it inside what was replaced."""
    only: str = ""
    """What stands in the source of each program that can differ so."""

    def concerns(self, of: str, source: str | None) -> bool:
        """Whether the implementation differs so in this version, in a program of this source."""
        mine = self.of == of and self.versions[0] <= VERSION < self.versions[1]
        return mine and (source is None or re.search(self.only, source) is not None)

    def apply(self, asyncio: Trace, other: Trace) -> list[list[str]]:
        """Both traces in words that do not tell of this difference."""
        return [self.rewrite(trace) for trace in (asyncio, other)]

    def rewrite(self, trace: Trace) -> list[str]:
        """The trace in words that do not tell of this difference."""
        rows = [self._row(row) for row in trace]
        end = next((n for n, row in enumerate(rows) if row.startswith(IN_THE_END)), len(rows))
        return rows[:end] + sorted(rows[end:])

    def _row(self, row: str) -> str:
        changed = re.sub(self.pattern, self.words, row)
        while self.again and changed != row:
            row, changed = changed, re.sub(self.pattern, self.words, changed)
        return changed


@dataclass(frozen=True)
class Late(Rule):
    """A row that comes at another time: moved to the end."""

    def rewrite(self, trace: Trace) -> list[str]:
        found = [re.search(self.pattern, row) for row in trace]
        moved = [f"{IN_THE_END}{match[1]}" for match in found if match]
        kept = [row for row, match in zip(trace, found, strict=True) if not match]
        end = next((n for n, row in enumerate(kept) if row.startswith(IN_THE_END)), len(kept))
        return kept[:end] + sorted(kept[end:] + moved)


@dataclass(frozen=True)
class Sooner(Late):
    """A row that asyncio has in the end, from the garbage collector, and the other before that."""

    def apply(self, asyncio: Trace, other: Trace) -> list[list[str]]:
        """Of the other, as many such rows moved to the end as only asyncio has there."""
        left = Counter(self._about(row) for row in asyncio if row.startswith(IN_THE_END))
        left.subtract(self._about(row) for row in other if row.startswith(IN_THE_END))
        kept, sooner = [], []
        for row in other:
            about = self._about(row)
            if about and not row.startswith(IN_THE_END) and left[about] > 0:
                left[about] -= 1
                sooner.append(IN_THE_END + row)
            else:
                kept.append(row)
        if not sooner:
            return [list(asyncio), list(other)]
        return [self._told_alike(trace) for trace in (asyncio, [*kept, *sooner])]

    def _about(self, row: str) -> str:
        """What goes, if it is such a row, without the history of an error; else nothing."""
        found = re.search(self.pattern, row)
        return found[1].partition(" ⟨")[0] if found else ""

    def _told_alike(self, trace: Trace) -> list[str]:
        ends = [row for row in trace if row.startswith(IN_THE_END)]
        about = [(self._about(row), row) for row in ends]
        alike = [IN_THE_END + what if what else row for what, row in about]
        return [row for row in trace if not row.startswith(IN_THE_END)] + sorted(alike)


@dataclass(frozen=True)
class Name(Rule):
    """A name that asyncio has not given, or not yet: of a task that is left, only such a one."""

    def apply(self, asyncio: Trace, other: Trace) -> list[list[str]]:
        """Beside `pattern`, the names of those tasks that are left without one by asyncio."""
        nameless = {match[1] for row in asyncio if (match := re.search(NAMELESS, row))}

        def told(found: re.Match[str]) -> str:
            return f"{found[1]}name" if found[2] in nameless else found[0]

        pair = [[re.sub(LEFT, told, row) for row in trace] for trace in (asyncio, other)]
        return [self.rewrite(trace) for trace in pair]


@dataclass(frozen=True)
class Excuse(Rule):
    """A row of asyncio's, and of asyncio's alone, from which on anything may differ.

    Both traces are cut there. To drop them whole would hide what has differed before, which no
    fault that comes later can have made.
    """

    def apply(self, asyncio: Trace, other: Trace) -> list[list[str]]:
        """The rows of both before that row of asyncio's."""
        ours, theirs = self._first(asyncio), self._first(other)
        end = ours if theirs is None else None
        return [list(asyncio[:end]), list(other[:end])]

    def _first(self, trace: Trace) -> int | None:
        return next((n for n, row in enumerate(trace) if re.search(self.pattern, row)), None)


IN_THE_END: Final = "in the end "
IN_PYTHON: Final = "asyncio in Python"
NEVER_AWAITED: Final = r"(RuntimeWarning: coroutine .* was never awaited)"
LOST: Final = (
    r"(?:handler \(future\)|ERROR): (\w+ exception was never retrieved[^|]*?)(?: \| future: .*)?$"
)
LOST_FUTURE: Final = LOST.replace(r"\w+", "(?:Future|_GatheringFuture)")
LOST_EXIT: Final = LOST.replace("[^|]*?", " (?:SystemExit|KeyboardInterrupt)[^|]*?")

CALLED: Final = (
    r"((?:Exception in callback|<(?:Timer)?Handle(?: when=[\d.e+-]+)?) [\w.]+)"
    r"\(.*?\)(?= at <program>:| [A-Z]|'|>(?:\}| \||$)|$)"
)
"""A callback with its arguments, in what is told of it or in its handle."""

LEFT: Final = r"\b(left: (T\d+) )[^:]+(?=: )"
NAMELESS: Final = r"\bleft: (T\d+) (?:None|Task-N|Task-\+\d+): "
"""Of what is left, a task that nobody has named."""

FACTORY: Final = r"set_task_factory\("
EAGER: Final = r"eager_start|eager_task_factory"

STUCK: Final = "Leaving task <|Cannot enter into task <"
"""From here on no task runs any more: see the habit of an eager task in habits.py."""

FAULTS: Final = (("await wasn't used with future", ""), (rf"{STUCK}|cannot enter context: ", EAGER))
"""Faults of the accelerator that asyncio in Python lacks: what tells of one, and what stands in the
source of each program that can meet it."""

RULES: Final[tuple[Rule, ...]] = (
    Rule(
        "an ended future, in Python",
        "without the accelerator, set_result() of an ended future tells which state it is in",
        IN_PYTHON,
        r"InvalidStateError\((['\"]?)"
        r"(?:(?:FINISHED|CANCELLED): <.*?>|invalid state)\1\)(?![>'\"])",
        "InvalidStateError(invalid state)",
    ),
    Rule(
        "no result yet, in Python",
        "without the accelerator, result() of a pending future says that it is not ready",
        IN_PYTHON,
        "Result is not ready",
        "Result is not set",
    ),
    Rule(
        "the history of an error, in Python",
        "without the accelerator, a step that is resumed by an exception runs while that exception "
        "is handled, so that it stands in the history of whatever the step raises later",
        IN_PYTHON,
        " ⟨(?:during|after) (?:[^⟨⟩]|⟨from [^⟨⟩]*⟩)*⟩",
        "",
        again=True,
    ),
    Rule(
        "the name of a task from a factory",
        "the row of this name: None on 3.13.0",
        "miniloop",
        r"(left: T\d+ |name='?|: ')(?:None|Task-\+\d+)(?=[: ,'])",
        r"\1Task-N",
        ((3, 13), (3, 13, 1)),
        only=FACTORY,
    ),
    Name(
        "the name of a task from a factory that failed",
        "before 3.13.1, it is given to the task when the factory has returned",
        "miniloop",
        r"name='(?:\w+|Task-N|Task-\+\d+)'(?=[ >])",
        "name=…",
        ((3, 12), (3, 13, 1)),
        only=FACTORY,
    ),
    Rule(
        "the numbers in names",
        "before 3.13, a task that is named after it was made has used up a number",
        "miniloop",
        r"Task-\+\d+",
        "Task-N",
        ((3, 11), (3, 13)),
    ),
    Rule(
        "the arguments of a callback",
        "before 3.13, they are told not only in debug mode",
        "miniloop",
        CALLED,
        r"\1()",
        ((3, 11), (3, 13)),
    ),
    Rule(
        "the arguments of a callback, in Python",
        "before 3.13, they are told, and an error among them as without the accelerator",
        IN_PYTHON,
        CALLED,
        r"\1()",
        ((3, 11), (3, 13)),
    ),
    Late(
        "when a lost exception is told, in Python",
        "with and without the accelerator, a future's last reference goes at different times",
        IN_PYTHON,
        LOST,
        "",
    ),
    Late(
        "when a coroutine that was never awaited goes, in Python",
        "with and without the accelerator, its last reference goes at different times",
        IN_PYTHON,
        NEVER_AWAITED,
        "",
    ),
    Late(
        "when a coroutine that was never awaited goes",
        "before 3.13, an error held the frames that held it, until the garbage collector came",
        "miniloop",
        NEVER_AWAITED,
        "",
        ((3, 11), (3, 13)),
    ),
    Late(
        "when a lost exception is told",
        "before 3.13, an error held the frames that held it, until the garbage collector came",
        "miniloop",
        LOST,
        "",
        ((3, 11), (3, 13)),
    ),
    Sooner(
        "when a coroutine that was never awaited goes with an error",
        "the row: When what an error holds is freed",
        "miniloop",
        NEVER_AWAITED,
        "",
        ((3, 13), (4,)),
    ),
    Sooner(
        "when an exception that another one holds is told",
        "the row: When what an error holds is freed",
        "miniloop",
        LOST,
        "",
        ((3, 13), (4,)),
    ),
    Late(
        "when the exit of an eager task is told",
        "the row: The exit of an eager task that nobody holds",
        "miniloop",
        LOST_EXIT,
        "",
        only=EAGER,
    ),
    Late(
        "when a lost exception of an eager task is told",
        "the recorder holds only what create_task() makes, and such a one goes when its frames do",
        "miniloop",
        LOST,
        "",
        only=r"eager_start",
    ),
    Late(
        "when the lost exception of a future is told",
        "the row: A pending future with callbacks waits for the collector",
        "miniloop",
        LOST_FUTURE,
        "",
    ),
    Rule(
        "the history of an exception that is told later",
        "one that went on through the program has come by a context in the meantime",
        "miniloop",
        rf"^({IN_THE_END}(?:Future|Task) exception was never retrieved [^⟨]*) ⟨.*⟩$",
        r"\1",
    ),
    Rule(
        "a lock where no loop runs",
        "the row: Waiting for a lock where no loop runs",  # as what is closed after the loop may
        "miniloop",
        r"<[\w. ]+ at 0x…[^<>]*> is bound to a different event loop(?=\) ⟨during GeneratorExit⟩)",
        "no running event loop",
    ),
    Excuse(
        "an eager task in a context that is already entered",
        "the row of this name",
        "miniloop",
        STUCK,
        "",
        only=EAGER,
    ),
)


def meets_a_fault(asyncio: Trace, source: str) -> bool:
    """Whether a program has met a fault of the accelerator's, by asyncio's trace."""
    return any(
        re.search(only, source) and any(re.search(pattern, row) for row in asyncio)
        for pattern, only in FAULTS
    )


def rewritten(of: str, traces: Sequence[Trace], source: str | None = None) -> list[list[str]]:
    """The traces of asyncio and of another one without what is known to differ.

    Without the program's `source`, it is taken for one in which each rule can be needed. Counts the
    rules that are.
    """
    told = [list(trace) for trace in traces]
    for rule in RULES:
        if told[0] == told[1]:
            break
        if rule.concerns(of, source):
            again = rule.apply(*told)
            if again != told:
                used[rule.name] += 1
                told = again
    return told
