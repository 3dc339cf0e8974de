"""The options, checked: whatever passes here can be run."""

import argparse
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Final, NamedTuple

from comparisons.loops.columns import COLUMNS, REFERENCE, installed
from comparisons.loops.measure import Plan
from comparisons.loops.rows import ROWS, chosen
from comparisons.loops.workload import Workload

ROUNDS: Final = {"quick": 2, "default": 3, "rigorous": 10}
MOST_ROUNDS: Final = 1000
EPILOG: Final = """\
PATTERN is a name of the table, a group, or both, with * and ?: micro, 'eager_*', 'curio/*'.

exit status: 0 every loop did the work, 1 something failed, 2 wrong usage, 130 Ctrl-C
"""


class Settings(NamedTuple):
    plan: Plan
    out: Path | None
    save_readme: bool


def settings_from(arguments: Sequence[str]) -> Settings:
    """SystemExit(2) with a line on standard error if the arguments are wrong."""
    parser = _parser()
    given = parser.parse_args(arguments)
    mode = "quick" if given.quick else "rigorous" if given.rigorous else "default"
    whole = given.only is None and set(given.columns) == set(installed())
    if given.save_readme and not whole:
        parser.error("--save-readme saves whole tables: it does not go with --only and --columns")
    if given.out is not None and given.out.exists() and not given.out.is_dir():
        parser.error(f"--out: {given.out} is not a directory")
    plan = Plan(
        mode=mode,
        rounds=given.rounds or ROUNDS[mode],
        workloads=tuple(given.only or _all_of(mode)),
        columns=given.columns,
    )
    return Settings(plan, given.out, given.save_readme)


def _all_of(mode: str) -> Iterator[Workload]:
    return (workload for workload in ROWS.values() if workload.in_quick or mode != "quick")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m comparisons loops",
        description="The same workloads on each event loop: timed, checked and shown.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    pace = parser.add_mutually_exclusive_group()
    pace.add_argument("--quick", action="store_true", help="small sizes: 90 s on two cores")
    pace.add_argument("--rigorous", action="store_true", help="many samples: an hour")
    add("--rounds", type=_rounds, metavar="N", help=f"samples of each figure ({_pace()})")
    add("--only", type=_workloads, metavar="PATTERN,…", help="the workloads to run")
    add("--columns", type=_columns, default=installed(), metavar="A,B", help=", ".join(COLUMNS))
    add("--out", type=Path, metavar="DIR", help="where to write (results/loops-DATE-TIME)")
    add("--save-readme", action="store_true", help="put the tables into comparisons/README.md")
    return parser


def _pace() -> str:
    return ", ".join(f"{mode} {rounds}" for mode, rounds in ROUNDS.items())


def _rounds(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and 1 <= int(text) <= MOST_ROUNDS):
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 1 to {MOST_ROUNDS:,}")
    return int(text)


def _workloads(text: str) -> list[Workload]:
    patterns = [pattern.strip() for pattern in text.split(",") if pattern.strip()]
    found = chosen(patterns)
    idle = [pattern for pattern in patterns if not chosen([pattern])]
    if idle or not found:
        groups = dict.fromkeys(workload.group for workload in ROWS.values())
        problem = f"nothing is named {idle[0]!r}" if idle else "no workload named"
        raise argparse.ArgumentTypeError(f"{problem}; the groups are {', '.join(groups)}")
    return found


def _columns(text: str) -> tuple[str, ...]:
    """asyncio is always among them, because the others are compared with it."""
    names = {name.strip() for name in text.split(",") if name.strip()}
    unknown = ", ".join(sorted(names - COLUMNS.keys()))
    if unknown or not names:
        problem = f"unknown column: {unknown}" if unknown else "no column named"
        raise argparse.ArgumentTypeError(f"{problem}; known are {', '.join(COLUMNS)}")
    if "uvloop" in names and not find_spec("uvloop"):
        raise argparse.ArgumentTypeError("uvloop is not installed: python -m pip install uvloop")
    return tuple(name for name in COLUMNS if name in names | {REFERENCE})
