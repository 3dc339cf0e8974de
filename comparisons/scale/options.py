"""The command line of `python -m comparisons scale`."""

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
    """Parse the arguments; raise SystemExit(2), with a message on standard error, if invalid."""
    given = _parser().parse_args(arguments)
    rounds = given.samples or (1 if given.quick else ROUNDS)
    return Settings(
        given.only, given.models, given.quick, rounds, given.most, given.out, given.save_readme
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m comparisons scale",
        description="Measure CPU time, memory and delays of up to a million sleepers and ten "
        "thousand open connections, as tasks, threads and processes. Without --quick, this "
        "takes many minutes.",
        epilog="exit status: 0 success, 1 something failed, 2 invalid usage, 130 Ctrl-C",
        allow_abbrev=False,
    )
    add = parser.add_argument
    experiments, models = tuple(EXPERIMENTS), installed()
    number = whole_number(10, MOST)
    add("--quick", action="store_true", help="smaller N, one sample: about a minute")
    add(
        "--only",
        type=names_among(experiments, "experiment"),
        default=experiments,
        metavar="A,B",
        help=f"experiments to run (default: {', '.join(experiments)})",
    )
    add(
        "--models",
        type=names_among(models, "model"),
        default=models,
        metavar="A,B",
        help=f"models to run (default: {', '.join(models)})",
    )
    add("--most", type=number, default=MOST, metavar="N", help="upper limit of N")
    samples = f"samples of each (default: {ROUNDS}, with --quick 1; always 1 of the largest N)"
    add("--samples", type=whole_number(1, 1000), metavar="N", help=samples)
    add(
        "--out",
        type=folder,
        metavar="DIR",
        help="results folder (default: results/scale-DATE-TIME)",
    )
    add("--save-readme", action="store_true", help="also put the tables in comparisons/README.md")
    return parser
