"""The options of the command, checked."""

import argparse
from collections.abc import Sequence
from typing import NamedTuple

from comparisons.command import whole_number
from comparisons.misconceptions.lesson import Lesson, lessons


class Settings(NamedTuple):
    lessons: tuple[Lesson, ...]
    contents: bool
    """Only say which there are."""
    quiz: bool


def settings_from(arguments: Sequence[str]) -> Settings:
    """SystemExit(2) with a line on standard error if the arguments are wrong."""
    known = lessons()
    given = _parser(len(known)).parse_args(arguments)
    chosen = dict.fromkeys(given.numbers or known)
    return Settings(tuple(known[number] for number in chosen), given.list, given.quiz)


def _parser(count: int) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m comparisons misconceptions",
        description="What people most often get wrong about asyncio, "
        "each point as a program that runs on asyncio and on miniloop.",
        epilog="exit status: 0 both loops print the same, 1 they do not, 2 wrong usage, 130 Ctrl-C",
        allow_abbrev=False,
    )
    add = parser.add_argument
    number = whole_number(1, count)
    add("numbers", nargs="*", type=number, metavar="N", help=f"which, from 1 to {count} (all)")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--list", action="store_true", help="only say which there are")
    how.add_argument("--quiz", action="store_true", help="let me guess before I see the answer")
    return parser
