"""The command line of `python -m comparisons misconceptions`."""

import argparse
from collections.abc import Sequence
from typing import NamedTuple

from comparisons.command import whole_number
from comparisons.misconceptions.lesson import Lesson, lessons


class Settings(NamedTuple):
    lessons: tuple[Lesson, ...]
    contents: bool
    """Whether only to list the lessons."""
    quiz: bool


def settings_from(arguments: Sequence[str]) -> Settings:
    """Parse the arguments; raise SystemExit(2), with a message on standard error, if invalid."""
    known = lessons()
    given = _parser(len(known)).parse_args(arguments)
    chosen = dict.fromkeys(given.numbers or known)
    return Settings(tuple(known[number] for number in chosen), given.list, given.quiz)


def _parser(count: int) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m comparisons misconceptions",
        description="Show common misconceptions about asyncio. Each one has a short program, "
        "which is run on asyncio and on miniloop.",
        epilog="exit status: 0 every result is as expected, 1 a result is not, 2 invalid usage, "
        "130 Ctrl-C",
        allow_abbrev=False,
    )
    add = parser.add_argument
    number = whole_number(1, count)
    add("numbers", nargs="*", type=number, metavar="N", help=f"1 to {count} (default: all)")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--list", action="store_true", help="list the misconceptions, run nothing")
    how.add_argument("--quiz", action="store_true", help="ask before showing each answer")
    return parser
