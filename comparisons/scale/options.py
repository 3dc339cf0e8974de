"""The options of the command, checked."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from comparisons.command import folder, names_among, whole_number
from comparisons.scale.plan import EXPERIMENTS, ROUNDS, installed

MOST = 1_000_000


class Settings(NamedTuple):
    experiments: tuple[str, ...]
    models: tuple[str, ...]
    quick: bool
    rounds: int
    most: int
    out: Path | None
    save_readme: bool


def settings_from(arguments: Sequence[str]) -> Settings:
    """SystemExit(2) with a line on standard error if the arguments are wrong."""
    given = _parser().parse_args(arguments)
    rounds = given.samples or (1 if given.quick else ROUNDS)
    return Settings(
        given.only, given.models, given.quick, rounds, given.most, given.out, given.save_readme
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m comparisons scale",
        description="Many sleepers and many open connections: time, lateness and memory of tasks, "
        "threads and processes.",
        epilog="exit status: 0 measured, 1 something failed, 2 wrong usage, 130 Ctrl-C",
        allow_abbrev=False,
    )
    add = parser.add_argument
    experiments, models = tuple(EXPERIMENTS), installed()
    number = whole_number(10, MOST)
    add("--quick", action="store_true", help="smaller numbers, one sample: about a minute")
    add(
        "--only",
        type=names_among(experiments, "experiment"),
        default=experiments,
        metavar="A,B",
        help=f"of {', '.join(experiments)}",
    )
    add(
        "--models",
        type=names_among(models, "model"),
        default=models,
        metavar="A,B",
        help=f"of {', '.join(models)}",
    )
    add("--most", type=number, default=MOST, metavar="N", help="no more of anything than that")
    samples = f"samples of each ({ROUNDS}; quick 1; one of the largest numbers)"
    add("--samples", type=whole_number(1, 1000), metavar="N", help=samples)
    add("--out", type=folder, metavar="DIR", help="where to write (results/scale-DATE-TIME)")
    add("--save-readme", action="store_true", help="put the tables into comparisons/README.md, too")
    return parser
