"""Random programs as tests of a mutant: each must behave on miniloop as on asyncio.

The behaviour on asyncio is recorded when this file is collected: once for all mutants. This file is
not part of the test suite; `python -m tests.fuzz` runs many more programs.
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

#: Programs per test. Few, because the time limit applies to a test.
A_TEST: Final = 20

TESTS: Final = 50


def play_all(mains: Sequence[Main], name: str) -> list[Trace]:
    """Return the traces of the programs. Each collects garbage at its end, but not pytest's."""
    gc.freeze()
    try:
        return [play(main, name) for main in mains]
    finally:
        gc.unfreeze()


SOURCES: Final = [generate(seeded(seed)).source for seed in range(TESTS * A_TEST)]
MAINS: Final = [load(source) for source in SOURCES]
EXPECTED: Final = play_all(MAINS, "asyncio")


@pytest.mark.parametrize("number", range(TESTS))
def test_programs_behave_on_miniloop_as_on_asyncio(number: int) -> None:
    some = slice(number * A_TEST, (number + 1) * A_TEST)
    traces = play_all(MAINS[some], "miniloop")
    for source, expected, trace in zip(SOURCES[some], EXPECTED[some], traces, strict=True):
        if not meets_a_fault(expected, source):
            pair = rewritten("miniloop", [expected, trace], source)
            assert first_difference({"asyncio": pair[0], "miniloop": pair[1]}) is None
