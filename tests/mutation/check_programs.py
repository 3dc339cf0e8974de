"""Random programs as tests of a mutant: each does on miniloop what it does on asyncio.

What asyncio does is recorded when this file is collected, which is once for all mutants. It is no
part of the test suite; `python -m tests.fuzz` runs many more.
"""

from __future__ import annotations

from typing import Final

import pytest

from tests.fuzz.difference import first_difference
from tests.fuzz.generate import generate, seeded
from tests.fuzz.known import rewritten
from tests.fuzz.programs import play
from tests.fuzz.run import load

#: Few at a time: a test is what is timed.
A_TEST: Final = 20

TESTS: Final = 20

MAINS: Final = [load(generate(seeded(seed)).source) for seed in range(TESTS * A_TEST)]
EXPECTED: Final = [play(main, "asyncio") for main in MAINS]


@pytest.mark.parametrize("number", range(TESTS))
def test_programs_do_on_miniloop_what_they_do_on_asyncio(number: int) -> None:
    for seed in range(number * A_TEST, (number + 1) * A_TEST):
        pair = rewritten("miniloop", [EXPECTED[seed], play(MAINS[seed], "miniloop")])
        assert first_difference({"asyncio": pair[0], "miniloop": pair[1]}) is None
