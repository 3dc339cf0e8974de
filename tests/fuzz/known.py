"""Known differences from asyncio, each with its reason, and the rows in which they may show.

A rule is as narrow as possible. Most rewrite rows so that both implementations have the same one.
The report counts how often each rule was needed. A rule about miniloop is a row of the table *Where
miniloop differs*, or describes what asyncio did before 3.13.

When objects are freed is compared only in part. A report of a lost exception, or of a coroutine
that was never awaited, must appear, but a `Late` rule ignores where. From 3.13 on, these rules
apply only to programs that make eager tasks.
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
    """A known difference from asyncio: which implementation, which words of a row, and why."""

    name: str
    reason: str
    of: str
    """The implementation that differs from asyncio."""
    pattern: str
    words: str
    """The text that replaces `pattern` in both traces."""
    versions: tuple[tuple[int, ...], tuple[int, ...]] = ((3, 11), (4,))
    """The first version of Python that differs, and the first that no longer does."""
    again: bool = False
    """Whether to repeat the replacement until nothing changes."""
    only: str = ""
    """A pattern that the source of the program must contain."""

    def concerns(self, of: str, source: str | None) -> bool:
        """Return whether the rule applies to this implementation, this version and this program."""
        mine = self.of == of and self.versions[0] <= VERSION < self.versions[1]
        return mine and (source is None or re.search(self.only, source) is not None)

    def apply(self, asyncio: Trace, other: Trace) -> list[list[str]]:
        """Return both traces without this difference."""
        return [self.rewrite(trace) for trace in (asyncio, other)]

    def rewrite(self, trace: Trace) -> list[str]:
        """Return the trace without this difference."""
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
    """A row that appears at another time: it is moved to the end."""

    def rewrite(self, trace: Trace) -> list[str]:
        found = [re.search(self.pattern, row) for row in trace]
        moved = [f"{IN_THE_END}{match[1]}" for match in found if match]
        kept = [row for row, match in zip(trace, found, strict=True) if not match]
        end = next((n for n, row in enumerate(kept) if row.startswith(IN_THE_END)), len(kept))
        return kept[:end] + sorted(kept[end:] + moved)


@dataclass(frozen=True)
class Sooner(Late):
    """A row that asyncio has at the end, from the garbage collector, and the other one earlier."""

    def apply(self, asyncio: Trace, other: Trace) -> list[list[str]]:
        """Move as many such rows of the other trace to the end as only asyncio has there."""
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
        return [self._unified(trace) for trace in (asyncio, [*kept, *sooner])]

    def _about(self, row: str) -> str:
        """Return what is freed, without the context of an error; "" if it is another row."""
        found = re.search(self.pattern, row)
        return found[1].partition(" ⟨")[0] if found else ""

    def _unified(self, trace: Trace) -> list[str]:
        ends = [row for row in trace if row.startswith(IN_THE_END)]
        about = [(self._about(row), row) for row in ends]
        alike = [IN_THE_END + what if what else row for what, row in about]
        return [row for row in trace if not row.startswith(IN_THE_END)] + sorted(alike)


@dataclass(frozen=True)
class Name(Rule):
    """A name that asyncio has not set, or not yet; of a remaining task only such a name."""

    def apply(self, asyncio: Trace, other: Trace) -> list[list[str]]:
        """Replace `pattern`, and the names of remaining tasks that have no name in asyncio."""
        nameless = {match[1] for row in asyncio if (match := re.search(NAMELESS, row))}

        def renamed(found: re.Match[str]) -> str:
            return f"{found[1]}name" if found[2] in nameless else found[0]

        pair = [[re.sub(LEFT, renamed, row) for row in trace] for trace in (asyncio, other)]
        return [self.rewrite(trace) for trace in pair]


@dataclass(frozen=True)
class Excuse(Rule):
    """A row that only asyncio has, after which everything may differ.

    Both traces are cut there. They are not dropped completely, since an earlier difference cannot
    have its cause in a later row.
    """

    def apply(self, asyncio: Trace, other: Trace) -> list[list[str]]:
        """Return the rows of both before that row of asyncio."""
        ours, theirs = self._first(asyncio), self._first(other)
        end = ours if theirs is None else None
        return [list(asyncio[:end]), list(other[:end])]

    def _first(self, trace: Trace) -> int | None:
        return next((n for n, row in enumerate(trace) if re.search(self.pattern, row)), None)


@dataclass(frozen=True)
class Cut(Excuse):
    """A row of asyncio after which everything may differ, even if the other one has it, too."""

    def apply(self, asyncio: Trace, other: Trace) -> list[list[str]]:
        """Return the rows of both before that row of asyncio."""
        end = self._first(asyncio)
        return [list(asyncio[:end]), list(other[:end])]


IN_THE_END: Final = "in the end "
IN_PYTHON: Final = "asyncio in Python"
NEVER_AWAITED: Final = r"(RuntimeWarning: coroutine .* was never awaited)"
LOST: Final = (
    r"(?:handler \(future\)|ERROR): (\w+ exception was never retrieved[^|]*?)(?: \| future: .*)?$"
)
LOST_EXIT: Final = LOST.replace("[^|]*?", " (?:SystemExit|KeyboardInterrupt)[^|]*?")

CALLED: Final = (
    r"((?:Exception in callback|<(?:Timer)?Handle(?: when=[\d.e+-]+)?) [\w.]+)"
    r"\(.*?\)(?= at <program>:| [A-Z]|'|>(?:\}| \||$)|$)"
)
"""A callback with its arguments, in a report or in the repr of its handle."""

LEFT: Final = r"\b(left: (T\d+) )[^:]+(?=: )"
NAMELESS: Final = r"\bleft: (T\d+) (?:None|Task-N|Task-\+\d+): "
"""A row about a remaining task that has no name."""

FACTORY: Final = r"set_task_factory\("
EAGER: Final = r"eager_start|eager_task_factory"

STUCK: Final = (
    "Leaving task <|Cannot enter into task <|Invalid attempt to leave task <|"
    r"Unhandled error in exception handler RuntimeError\(cannot enter context"
)
"""After this row no task runs any more: see the habit about eager tasks in habits.py."""

FAULTS: Final = (("await wasn't used with future", ""), (rf"{STUCK}|cannot enter context: ", EAGER))
"""Bugs of the C accelerator that asyncio in Python does not have: a pattern of the trace, and one
that the source of the program must contain.
"""

RULES: Final[tuple[Rule, ...]] = (
    Rule(
        "a done future, without C",
        "without C, the message of set_result() on a done future contains its state",
        IN_PYTHON,
        r"InvalidStateError\((['\"]?)"
        r"(?:(?:FINISHED|CANCELLED): <.*?>|invalid state)\1\)(?![>'\"])",
        "InvalidStateError(invalid state)",
    ),
    Rule(
        "no result yet, without C",
        "without C, result() of a pending future has another message",
        IN_PYTHON,
        "Result is not ready",
        "Result is not set",
    ),
    Rule(
        "the context of an error, without C",
        "without C, a step that is resumed by an exception runs while that exception is handled, "
        "so it becomes the context of everything that the step raises later",
        IN_PYTHON,
        " ⟨(?:during|after) (?:[^⟨⟩]|⟨from [^⟨⟩]*⟩)*⟩",
        "",
        again=True,
    ),
    Rule(
        "the name of a task from a factory",
        "the row: The name of a task created by a task factory",
        "miniloop",
        r"(left: T\d+ |name='?|: ')(?:None|Task-\+\d+)(?=[: ,'])",
        r"\1Task-N",
        ((3, 13), (3, 13, 1)),
        only=FACTORY,
    ),
    Name(
        "the name of a task from a factory that failed",
        "before 3.13.1, the name is set after the factory has returned",
        "miniloop",
        r"name='(?:\w+|Task-N|Task-\+\d+)'(?=[ >])",
        "name=…",
        ((3, 12), (3, 13, 1)),
        only=FACTORY,
    ),
    Rule(
        "the numbers in names",
        "before 3.13, a task that is named after its creation has used up a number",
        "miniloop",
        r"Task-\+\d+",
        "Task-N",
        ((3, 11), (3, 13)),
    ),
    Rule(
        "the arguments of a callback",
        "before 3.13, they are shown without debug mode too",
        "miniloop",
        CALLED,
        r"\1()",
        ((3, 11), (3, 13)),
    ),
    Rule(
        "the arguments of a callback, without C",
        "before 3.13, they are shown, and an exception in them has the text of asyncio without C",
        IN_PYTHON,
        CALLED,
        r"\1()",
        ((3, 11), (3, 13)),
    ),
    Late(
        "when a lost exception is reported, without C",
        "with and without C, the last reference to a future goes away at different times",
        IN_PYTHON,
        LOST,
        "",
    ),
    Late(
        "when a coroutine that was never awaited is freed, without C",
        "with and without C, the last reference goes away at different times",
        IN_PYTHON,
        NEVER_AWAITED,
        "",
    ),
    Late(
        "when a coroutine that was never awaited is freed",
        "before 3.13, an exception and its frames form a reference cycle",
        "miniloop",
        NEVER_AWAITED,
        "",
        ((3, 11), (3, 13)),
    ),
    Late(
        "when a lost exception is reported",
        "before 3.13, an exception and its frames form a reference cycle",
        "miniloop",
        LOST,
        "",
        ((3, 11), (3, 13)),
    ),
    Sooner(
        "when a coroutine that was never awaited is freed together with an error",
        "the row: Freeing objects that an exception refers to",
        "miniloop",
        NEVER_AWAITED,
        "",
        ((3, 13), (4,)),
    ),
    Sooner(
        "when an exception that another one refers to is reported",
        "the row: Freeing objects that an exception refers to",
        "miniloop",
        LOST,
        "",
        ((3, 13), (4,)),
    ),
    Late(
        "when the exit of an eager task is reported",
        "the row: SystemExit in an eager task without references",
        "miniloop",
        LOST_EXIT,
        "",
        only=EAGER,
    ),
    Late(
        "when a lost exception of an eager task is reported",
        "the recorder keeps only tasks of create_task(); this one is freed with its frames",
        "miniloop",
        LOST,
        "",
        only=r"aio\.Task\(",
    ),
    Rule(
        "the context of an exception that is reported later",
        "an exception that the program raises again may have got a context in the meantime",
        "miniloop",
        rf"^({IN_THE_END}(?:Future|Task) exception was never retrieved [^⟨]*) ⟨.*⟩$",
        r"\1",
    ),
    Rule(
        "a lock where no loop runs",
        # For example in a generator that is closed after the loop.
        "the row: Waiting for a lock without a running loop",
        "miniloop",
        r"<[\w. ]+ at 0x…[^<>]*> is bound to a different event loop(?=\) ⟨during GeneratorExit⟩)",
        "no running event loop",
    ),
    Rule(
        "the call graph of a future that is done",
        "the row of this name",
        "miniloop",
        r"(graph of [TF]\d+ (?:done|cancelled) in \[[\d, |]*\]).*",
        r"\1",
    ),
    Rule(
        "the call graph of an eager task",
        "the row of this name",
        "miniloop",
        r"(graph of T\d+ pending in \[[\d, ]*) \| [\d, ]*\]",
        r"\1]",
        only=EAGER,
    ),
    Rule(
        "the call graph of an eager task, without C",
        "without C, the frames of the task that started it are not shown",
        IN_PYTHON,
        r"(graph of T\d+ pending in \[[\d, ]*) \| [\d, ]*\]",
        r"\1]",
        only=EAGER,
    ),
    Rule(
        "the handle of call_soon_threadsafe",
        "before 3.14, asyncio has no private class for it",
        "miniloop",
        "<_ThreadSafeHandle ",
        "<Handle ",
        ((3, 11), (3, 14)),
    ),
    Excuse(
        "an eager task in a context that is already entered",
        "before 3.15, with the accelerator, it stays the current task, and no other task runs",
        "miniloop",
        STUCK,
        "",
        ((3, 11), (3, 15)),
        only=EAGER,
    ),
    Cut(
        "an eager task in a context that is already entered, and a program's own handler",
        "as above, but the handler shows only the message, which does not say what has happened",
        "miniloop",
        "cannot enter context: ",
        "",
        ((3, 11), (3, 15)),
        only=rf"(?s)\A(?=.*set_exception_handler).*(?:{EAGER})",
    ),
)


def meets_a_fault(asyncio: Trace, source: str) -> bool:
    """Return whether the trace of asyncio shows a bug of the C accelerator."""
    return any(
        re.search(only, source) and any(re.search(pattern, row) for row in asyncio)
        for pattern, only in FAULTS
    )


def rewritten(of: str, traces: Sequence[Trace], source: str | None = None) -> list[list[str]]:
    """Return the traces of asyncio and of `of` without the known differences.

    Without `source`, every rule may apply. The rules that were needed are counted.
    """
    pair = [list(trace) for trace in traces]
    for rule in RULES:
        if pair[0] == pair[1]:
            break
        if rule.concerns(of, source):
            again = rule.apply(*pair)
            if again != pair:
                used[rule.name] += 1
                pair = again
    return pair
