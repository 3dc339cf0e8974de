"""Random programs as tests of a mutant: each does on miniloop what it does on asyncio.

What asyncio does is recorded when this file is collected, which is once for all mutants. It is no
part of the test suite; `python -m tests.fuzz` runs many more.
"""

from __future__ import annotations

import gc
from collections.abc import Sequence
from typing import Final

import pytest

from tests.fuzz.difference import first_difference
from tests.fuzz.generate import generate, seeded
from tests.fuzz.known import meets_a_fault, rewritten
from tests.fuzz.programs import play
from tests.fuzz.run import Main, Trace, load

#: Few at a time: a test is what is timed.
A_TEST: Final = 20

TESTS: Final = 50


def play_all(mains: Sequence[Main], name: str) -> list[Trace]:
    """The traces of the programs. Each ends with a collection, which shall not look at pytest."""
    gc.freeze()
    try:
        return [play(main, name) for main in mains]
    finally:
        gc.unfreeze()


SOURCES: Final = [generate(seeded(seed)).source for seed in range(TESTS * A_TEST)]
MAINS: Final = [load(source) for source in SOURCES]
EXPECTED: Final = play_all(MAINS, "asyncio")


@pytest.mark.parametrize("number", range(TESTS))
def test_programs_do_on_miniloop_what_they_do_on_asyncio(number: int) -> None:
    some = slice(number * A_TEST, (number + 1) * A_TEST)
    traces = play_all(MAINS[some], "miniloop")
    for source, expected, trace in zip(SOURCES[some], EXPECTED[some], traces, strict=True):
        if not meets_a_fault(expected, source):
            pair = rewritten("miniloop", [expected, trace], source)
            assert first_difference({"asyncio": pair[0], "miniloop": pair[1]}) is None
