"""The command line of `python -m comparisons knockout`."""

import argparse
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Final, NamedTuple

from comparisons.command import folder, names_among, whole_number
from comparisons.knockout.ladder import WHOLE, WORKLOADS

ROUNDS: Final = 7
QUICK_ROUNDS: Final = 3
VALUES: Final = 40
QUICK_VALUES: Final = 25


class Settings(NamedTuple):
    workloads: tuple[str, ...]
    rounds: int
    values: int
    """The number of runs in a sample; the fastest one counts."""
    whole: tuple[str, ...]
    """The complete loops that are measured for comparison."""
    out: Path | None
    save_readme: bool


def settings_from(arguments: Sequence[str]) -> Settings:
    """Parse the arguments; raise SystemExit(2), with a message on standard error, if invalid."""
    given = _parser().parse_args(arguments)
    return Settings(
        workloads=given.only,
        rounds=given.samples or (QUICK_ROUNDS if given.quick else ROUNDS),
        values=QUICK_VALUES if given.quick else VALUES,
        whole=tuple(name for name in WHOLE if name != "uvloop" or find_spec("uvloop")),
        out=given.out,
        save_readme=given.save_readme,
    )


def _parser() -> argparse.ArgumentParser:
    about = "\n".join(f"  {each.name:8} {each.about}" for each in WORKLOADS.values())
    parser = argparse.ArgumentParser(
        prog="python -m comparisons knockout",
        description="Measure the cost of each part of a loop iteration by removing the parts one\n"
        "at a time, down to a minimal loop. asyncio and uvloop run the same programs.",
        epilog=f"workloads:\n{about}\n\n"
        "exit status: 0 success, 1 something failed, 2 invalid usage, 130 Ctrl-C",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("--quick", action="store_true", help="fewer and smaller samples: about two minutes")
    add(
        "--only",
        type=names_among(tuple(WORKLOADS), "workload"),
        default=tuple(WORKLOADS),
        metavar="A,B",
        help="workloads to run",
    )
    samples = f"samples of each rung (default: {ROUNDS}, with --quick {QUICK_ROUNDS})"
    add("--samples", type=whole_number(1, 1000), metavar="N", help=samples)
    add(
        "--out",
        type=folder,
        metavar="DIR",
        help="results folder (default: results/knockout-DATE-TIME)",
    )
    add("--save-readme", action="store_true", help="also put the tables in comparisons/README.md")
    return parser
