"""The command line of `python -m comparisons loops`."""

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
PATTERN is the name of a workload, of a group, or GROUP/NAME, and may contain *
and ?, for example micro, 'eager_*' or 'curio/*'. The groups are
{groups}.

exit status: 0 success, 1 something failed, 2 invalid usage, 130 Ctrl-C
"""


class Settings(NamedTuple):
    plan: Plan
    out: Path | None
    save_readme: bool


def settings_from(arguments: Sequence[str]) -> Settings:
    """Parse the arguments; raise SystemExit(2), with a message on standard error, if invalid."""
    parser = _parser()
    given = parser.parse_args(arguments)
    mode = "quick" if given.quick else "rigorous" if given.rigorous else "default"
    whole = given.only is None and set(given.columns) == set(installed())
    if given.save_readme and not whole:
        parser.error("--save-readme needs complete tables: omit --only and --columns")
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
        description="Run the same workloads on each event loop and compare their times. asyncio\n"
        "always runs, as the reference. Without options, this takes several minutes.",
        epilog=EPILOG.format(groups=", ".join(_groups())),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    pace = parser.add_mutually_exclusive_group()
    pace.add_argument("--quick", action="store_true", help="small sizes: 90 s on two cores")
    pace.add_argument("--rigorous", action="store_true", help="more samples: about an hour")
    add("--rounds", type=_rounds, metavar="N", help=f"samples of each figure ({_pace()})")
    add("--only", type=_workloads, metavar="PATTERN,…", help="workloads to run (default: all)")
    loops = f"loops to run: {', '.join(COLUMNS)} (default: all)"
    add("--columns", type=_columns, default=installed(), metavar="A,B", help=loops)
    add("--out", type=Path, metavar="DIR", help="results folder (default: results/loops-DATE-TIME)")
    add("--save-readme", action="store_true", help="also put the tables in comparisons/README.md")
    return parser


def _pace() -> str:
    return ", ".join(f"{mode} {rounds}" for mode, rounds in ROUNDS.items())


def _rounds(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and 1 <= int(text) <= MOST_ROUNDS):
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a whole number from 1 to {MOST_ROUNDS:,}"
        )
    return int(text)


def _workloads(text: str) -> list[Workload]:
    patterns = [pattern.strip() for pattern in text.split(",") if pattern.strip()]
    found = chosen(patterns)
    unused = [pattern for pattern in patterns if not chosen([pattern])]
    if unused or not found:
        problem = f"no workload matches {unused[0]!r}" if unused else "no workload given"
        raise argparse.ArgumentTypeError(f"{problem}; the groups are {', '.join(_groups())}")
    return found


def _groups() -> list[str]:
    return list(dict.fromkeys(workload.group for workload in ROWS.values()))


def _columns(text: str) -> tuple[str, ...]:
    """Return the columns; always includes asyncio, the reference."""
    names = {name.strip() for name in text.split(",") if name.strip()}
    unknown = ", ".join(sorted(names - COLUMNS.keys()))
    if unknown or not names:
        problem = f"unknown column: {unknown}" if unknown else "no column given"
        raise argparse.ArgumentTypeError(f"{problem}; choose from {', '.join(COLUMNS)}")
    if "uvloop" in names and not find_spec("uvloop"):
        raise argparse.ArgumentTypeError("uvloop is not installed: python -m pip install uvloop")
    return tuple(name for name in COLUMNS if name in names | {REFERENCE})
