"""The command line of `python -m comparisons fastpaths`."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

from comparisons.command import folder, names_among, whole_number
from comparisons.fast_paths.paths import FAST_PATHS

ROUNDS: Final = 15
QUICK_ROUNDS: Final = 3


class Settings(NamedTuple):
    names: tuple[str, ...]
    rounds: int
    quick: bool
    out: Path | None
    save_readme: bool


def settings_from(arguments: Sequence[str]) -> Settings:
    """Parse the arguments; raise SystemExit(2), with a message on standard error, if invalid."""
    parser = _parser()
    given = parser.parse_args(arguments)
    if given.save_readme and given.only != tuple(FAST_PATHS):
        parser.error("--save-readme needs the complete table: omit --only")
    return Settings(
        names=given.only,
        rounds=given.rounds or (QUICK_ROUNDS if given.quick else ROUNDS),
        quick=given.quick,
        out=given.out,
        save_readme=given.save_readme,
    )


def _parser() -> argparse.ArgumentParser:
    about = "\n".join(f"  {path.name:21} {path.plain}" for path in FAST_PATHS.values())
    parser = argparse.ArgumentParser(
        prog="python -m comparisons fastpaths",
        description="Measure each fast path of miniloop against its plain form, on a whole\n"
        "workload. The last column of the table says whether the plain form takes at\n"
        "least 1.10 times as long. Without options, this takes about ten minutes.",
        epilog=f"fast paths, and what their plain form does:\n{about}\n\n"
        "exit status: 0 success, 1 something failed, 2 invalid usage, 130 Ctrl-C",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("--quick", action="store_true", help="fewer and smaller samples: about a minute")
    add(
        "--only",
        type=names_among(tuple(FAST_PATHS), "fast path"),
        default=tuple(FAST_PATHS),
        metavar="NAME,…",
        help="fast paths to measure (default: all)",
    )
    rounds = f"pairs of samples for each row (default: {ROUNDS}, with --quick {QUICK_ROUNDS})"
    add("--rounds", type=whole_number(1, 1000), metavar="N", help=rounds)
    add(
        "--out",
        type=folder,
        metavar="DIR",
        help="results folder (default: results/fastpaths-DATE-TIME)",
    )
    add("--save-readme", action="store_true", help="also put the table in comparisons/README.md")
    return parser
