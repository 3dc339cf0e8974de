"""Random programs: run on all implementations, compared, and made small where they differ.

`check(seed)` is what long runs and tests call; `show_script` is what a saved script calls.
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
"""Of a row: what it is, and the errors it names."""

Kind = tuple[str, ...]
"""What a difference has in common with the same one in a smaller program."""


def check(seed: int) -> Difference | None:
    """What miniloop does otherwise than asyncio in the program of a seed."""
    return next((found for found in check_all(seed) if "miniloop" in found.traces), None)


def check_all(seed: int) -> list[Difference]:
    """What the implementations do otherwise than one another in the program of a seed.

    Where miniloop does as one of the asyncios, and these differ, it is not to blame. The two are
    compared where miniloop differs, and else in one program of four.
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
    """Whether miniloop does as the asyncio without the accelerator, but for what is miniloop's own.

    What the two asyncios may tell otherwise than one another is no excuse of miniloop's here: it
    would hide what is as in neither of them.
    """
    main = load(source)
    pair = rewritten("miniloop", [play(main, IN_PYTHON), play(main, "miniloop")], source)
    return pair[0] == pair[1]


def check_program(program: Program, name: str, other: str = "miniloop") -> Difference | None:
    """What `other` does otherwise than asyncio, in a program made as small as it gets."""
    kind = differs(program, other)
    return None if kind is None else _difference(program, name, other, kind)


def _difference(program: Program, name: str, other: str, kind: Kind) -> Difference:
    small = shrink(program, other, kind)
    about = f"{other[0].upper()}{other[1:]} does not do as asyncio does."
    main = load(small.source)
    return Difference(name, small.script(about), {of: play(main, of) for of in (REFERENCE, other)})


def play(main: Main, name: str) -> Trace:
    """The trace of a program on the implementation of a name."""
    return run.run(main, run.implementation(name))


def differs(program: Program, other: str) -> Kind | None:
    """In what way `other` differs from asyncio; None if it does not, or as is known."""
    return _compare(program.source, other, play(load(program.source), REFERENCE))


def _compare(source: str, other: str, asyncio: Trace) -> Kind | None:
    main = load(source)
    trace = play(main, other)
    if asyncio[-1:] == trace[-1:] == [ENDLESS]:  # at different depths, it may be
        known.used["left out: an endless recursion"] += 1
        return None
    kind = _kind(rewritten(other, [asyncio, trace], source))
    if kind is not None and other == IN_PYTHON and known.meets_a_fault(asyncio, source):
        known.used["left out, in Python: a fault of the accelerator"] += 1
        return None
    if kind is None or other != "miniloop":
        return kind
    habits = habits_of()
    for some in (*((habit,) for habit in habits), habits):
        with habits_in_place(some):
            again = play(main, other)
        if _kind(rewritten(other, [asyncio, again], source)) is None:
            known.used[some[0].name if len(some) == 1 else "several old habits"] += 1
            return None
    return kind


def _kind(pair: Sequence[Trace]) -> Kind | None:
    number = first_difference({"asyncio": pair[0], "the other": pair[1]})
    if number is None:
        return None
    rows = [trace[number] if number < len(trace) else "nothing" for trace in pair]
    return tuple(" ".join(map("".join, re.findall(TELLING, row))) for row in rows)


def shrink(program: Program, other: str, kind: Kind) -> Program:
    """The smallest program found that differs in the same way."""
    found = True
    while found:
        found, number = False, 0
        while (smaller := nth(smaller_programs(program), number)) is not None:
            if smaller.size < program.size and _differs_so(smaller, other, kind):
                program, found = smaller, True  # and go on at the same place
            else:
                number += 1
    return program


def _differs_so(program: Program, other: str, kind: Kind) -> bool:
    try:
        return differs(program, other) == kind
    except SyntaxError:  # what is left is no program: an empty list of arguments, say
        return False


def nth(programs: Iterator[Program], number: int) -> Program | None:
    """The program of this number; None if there are fewer."""
    return next(itertools.islice(programs, number, None), None)


# -- saved scripts --------------------------------------------------------------------------------


def check_script(path: Path) -> Difference | None:
    """What miniloop does otherwise than asyncio in a saved script."""
    script = path.read_text(encoding="utf-8")
    main = load(script)
    traces = {name: play(main, name) for name in (REFERENCE, "miniloop")}
    kind = _compare(script, "miniloop", traces[REFERENCE])
    return None if kind is None else Difference(path.stem, script, traces)


def show_script(file: str) -> int:
    """Print a saved script's traces side by side; return 1 if they differ, else 0."""
    path = Path(file)
    main = load(path.read_text(encoding="utf-8"))
    sys.stdout.write(side_by_side({name: play(main, name) for name in (REFERENCE, "miniloop")}))
    return 0 if check_script(path) is None else 1
