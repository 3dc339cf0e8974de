"""Random programs: run on all implementations, compared, and shrunk if they differ.

Long runs and tests call `check(seed)`; a saved script calls `show_script`.
"""

from __future__ import annotations

import itertools
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.fuzz import known, run
from tests.fuzz.difference import Difference, first_difference, side_by_side
from tests.fuzz.generate import generate, seeded
from tests.fuzz.habits import habits_in_place, habits_of
from tests.fuzz.known import rewritten
from tests.fuzz.run import ENDLESS, Main, Trace, load
from tests.fuzz.syntax import Program, smaller_programs

__all__ = ["check", "check_all", "check_program", "check_script", "differs", "play", "show_script"]

REFERENCE = "asyncio"
IN_PYTHON = "asyncio in Python"

TELLING = r"^(?:[\d.e+]+ )?([a-z]+)|\b([A-Z][a-z]+[A-Z]\w+)"
"""Finds the kind of a row, and the exceptions that it names."""

Kind = tuple[str, ...]
"""What two differences must have in common to count as the same one."""


def check(seed: int) -> Difference | None:
    """Return how miniloop differs from asyncio in the program of a seed, or None."""
    return next((found for found in check_all(seed) if "miniloop" in found.traces), None)


def check_all(seed: int) -> list[Difference]:
    """Return all differences between the implementations in the program of a seed.

    asyncio without its C accelerator is compared if miniloop differs, and otherwise in one of four
    programs. If the two asyncios differ and miniloop equals one of them, miniloop is not reported.
    """
    program = generate(seeded(seed))
    source = program.source
    asyncio = play(load(source), REFERENCE)
    kind = _compare(source, "miniloop", asyncio)
    if kind is None and seed % 4:
        return []
    between = _compare(source, IN_PYTHON, asyncio)
    found = []
    if between is not None:
        found.append(_difference(program, f"asyncios_{seed}", IN_PYTHON, between))
    if kind is not None and (between is None or not _as_in_python(source)):
        found.append(_difference(program, f"program_{seed}", "miniloop", kind))
    return found


def _as_in_python(source: str) -> bool:
    """Return whether miniloop equals asyncio without C, except for its own known differences.

    The known differences between the two asyncios are no excuse here: they would hide a row in
    which miniloop equals neither of them.
    """
    main = load(source)
    pair = rewritten("miniloop", [play(main, IN_PYTHON), play(main, "miniloop")], source)
    return pair[0] == pair[1]


def check_program(program: Program, name: str, other: str = "miniloop") -> Difference | None:
    """Return how `other` differs from asyncio in this program, shrunk; None if it does not."""
    kind = differs(program, other)
    return None if kind is None else _difference(program, name, other, kind)


def _difference(program: Program, name: str, other: str, kind: Kind) -> Difference:
    used = known.used.copy()
    small = shrink(program, other, kind)
    known.used.clear()
    known.used.update(used)  # not those of the programs between
    about = f"{other[0].upper()}{other[1:]} behaves differently from asyncio."
    main = load(small.source)
    return Difference(name, small.script(about), {of: play(main, of) for of in (REFERENCE, other)})


def play(main: Main, name: str) -> Trace:
    """Run a program on the implementation `name`; return its trace."""
    return run.run(main, run.implementation(name))


def differs(program: Program, other: str) -> Kind | None:
    """Return the kind of the difference from asyncio; None if there is none or it is known."""
    return _compare(program.source, other, play(load(program.source), REFERENCE))


def _compare(source: str, other: str, asyncio: Trace) -> Kind | None:
    main = load(source)
    trace = play(main, other)
    if asyncio[-1:] == trace[-1:] == [ENDLESS]:  # the depth may differ
        known.used["skipped: an endless recursion"] += 1
        return None
    kind = _kind(rewritten(other, [asyncio, trace], source))
    if kind is not None and other == IN_PYTHON and known.meets_a_fault(asyncio, source):
        known.used["skipped, without C: a bug of the C accelerator"] += 1
        return None
    if kind is None or other != "miniloop":
        return kind
    habits = habits_of()
    for some in (*((habit,) for habit in habits), habits):
        with habits_in_place(some):
            again = play(main, other)
        if _kind(rewritten(other, [asyncio, again], source)) is None:
            known.used[some[0].name if len(some) == 1 else "several habits of older asyncios"] += 1
            return None
    return kind


def _kind(pair: Sequence[Trace]) -> Kind | None:
    number = first_difference({"asyncio": pair[0], "the other": pair[1]})
    if number is None:
        return None
    rows = [trace[number] if number < len(trace) else "nothing" for trace in pair]
    return tuple(" ".join(map("".join, re.findall(TELLING, row))) for row in rows)


def shrink(program: Program, other: str, kind: Kind) -> Program:
    """Return the smallest program found that shows the same kind of difference."""
    found = True
    while found:
        found, number = False, 0
        while (smaller := nth(smaller_programs(program), number)) is not None:
            if smaller.size < program.size and _differs_so(smaller, other, kind):
                program, found = smaller, True  # continue at the same position
            else:
                number += 1
    return program


def _differs_so(program: Program, other: str, kind: Kind) -> bool:
    try:
        return differs(program, other) == kind
    except SyntaxError:  # the rest is not a program, for example with an empty argument list
        return False


def nth(programs: Iterator[Program], number: int) -> Program | None:
    """Return the program with this index; None if there are fewer."""
    return next(itertools.islice(programs, number, None), None)


# -- saved scripts --------------------------------------------------------------------------------


def check_script(path: Path) -> Difference | None:
    """Return how miniloop differs from asyncio in a saved script, or None."""
    script = path.read_text(encoding="utf-8")
    main = load(script)
    traces = {name: play(main, name) for name in (REFERENCE, "miniloop")}
    kind = _compare(script, "miniloop", traces[REFERENCE])
    return None if kind is None else Difference(path.stem, script, traces)


def show_script(file: str) -> int:
    """Print the traces of a saved script side by side; return 1 if they differ, else 0."""
    path = Path(file)
    main = load(path.read_text(encoding="utf-8"))
    sys.stdout.write(side_by_side({name: play(main, name) for name in (REFERENCE, "miniloop")}))
    return 0 if check_script(path) is None else 1
