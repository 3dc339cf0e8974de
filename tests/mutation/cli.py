"""The command, `python -m tests.mutation`: options in, table and exit status out.

0: each survivor is explained, and no explanation is needless. 1: not so. 2: wrong usage.
130: Ctrl-C. Nothing in the checkout is changed; the results go to a file of their own.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import Final, NoReturn

from rich.console import Console
from rich.progress import Progress

from tests.mutation.config import FILE, BadConfig, Config, Killer, read_config
from tests.mutation.crew import Crew, WorkerFailed
from tests.mutation.lines import Key
from tests.mutation.mutants import Mutant, mutants_of, operators
from tests.mutation.verdicts import (
    RECORD,
    BadExplanations,
    Results,
    Verdict,
    outdated,
    read_explanations,
    read_verdicts,
)

INTERRUPTED: Final = 130
TERMINATED: Final = 143


class WrongUsage(Exception):
    """What was asked for is not there."""


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.mutation",
        description="Plant faults in miniloop, one at a time, and see which no test finds.",
    )
    add = parser.add_argument
    add("--module", action="append", metavar="NAME", help="this module only; may be repeated")
    add("--function", metavar="NAME", help="only mutants of this function, as Task.cancel")
    add("--killer", action="append", metavar="NAME", help="only these tests; may be repeated")
    add(
        "--again", type=Path, metavar="FILE", help="only what is not killed in this file of results"
    )
    add("--json", type=Path, metavar="FILE", help="where results go: results/mutation.json")
    add("--jobs", type=_count, default=os.cpu_count() or 1, metavar="N", help="mutants at a time")
    add("--config", type=Path, default=FILE, metavar="FILE", help="instead of config.toml")
    add("--record", action="store_true", help="make these the totals that the README tells")
    return parser


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is less than one")
    return number


def chosen_killers(config: Config, names: Sequence[str] | None) -> list[Killer]:
    return [config.killer(name) for name in names] if names else list(config.killers)


def chosen_mutants(config: Config, options: argparse.Namespace) -> list[Mutant]:
    """Raise WrongUsage if there is none."""
    modules = options.module or config.modules
    for module in modules:
        if module not in config.modules:
            raise WrongUsage(f"{module} is not mutated: {', '.join(config.modules)}")
    used = operators(config.left_out)
    found = []
    for module in modules:
        source = config.source_of(module).read_text(encoding="utf-8")
        found += mutants_of(module, source, used)
    if options.function:
        found = [mutant for mutant in found if mutant.function == options.function]
    if not found:
        raise WrongUsage("there is no such mutant")
    return found


def kills_before(file: Path | None) -> dict[Key, Verdict]:
    """By its key, each mutant that was killed in the run before. Raises WrongUsage."""
    if file is None:
        return {}
    try:
        return {verdict.key: verdict for verdict in read_verdicts(file) if verdict.killed}
    except (OSError, ValueError) as error:
        raise WrongUsage(str(error)) from error


def run(
    mutants: list[Mutant],
    verdicts: dict[str, Verdict],
    killers: list[Killer],
    options: argparse.Namespace,
) -> Iterator[list[Verdict]]:
    """Give each mutant that has no verdict yet to the killers in turn, until one has killed it.

    After each of them, what is known by then.
    """
    left = [mutant for mutant in mutants if mutant.source not in verdicts]
    with Progress(console=Console(stderr=True)) as progress:
        for killer in killers if left else ():
            bar = progress.add_task(killer.name, total=len(left))

            def tell(mutant: Mutant, outcome: str, test: str, *, by: str = killer.name) -> None:
                name = by if outcome != "survived" else ""
                verdicts[mutant.source] = Verdict(
                    mutant.key, mutant.line, mutant.operator, outcome, name, test
                )
                progress.advance(bar)  # noqa: B023 - called before the next killer's turn

            Crew(options.config, killer, min(options.jobs, len(left))).judge(left, tell)
            yield [verdicts[mutant.source] for mutant in mutants]
            left = [mutant for mutant in left if not verdicts[mutant.source].killed]
            if not left:
                return
    yield [verdicts[mutant.source] for mutant in mutants]


def show(results: Results, killers: list[Killer], complaints: list[str]) -> None:
    console = Console(width=None if sys.stdout.isatty() else 80)
    console.print(results.table([killer.name for killer in killers]))
    for survivor in results.unexplained:
        console.out(f"SURVIVED {survivor}", highlight=False)
    for complaint in complaints:
        console.out(f"ERROR {complaint}", highlight=False)
    console.print(results.summary(), highlight=False, soft_wrap=True)


def write(results: Results, file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(results.as_json(), indent=1) + "\n", encoding="utf-8")


def record(results: Results) -> None:
    totals = {"python": results.python, "modules": results.totals()}
    RECORD.write_text(json.dumps(totals, indent=1) + "\n", encoding="utf-8")


def check_recording(options: argparse.Namespace) -> None:
    """Raise WrongUsage if it would not be the record of all there is."""
    narrower = [options.module, options.function, options.killer]
    if options.record and (any(narrower) or options.config != FILE):
        raise WrongUsage("--record is for a whole run")


def mutation(options: argparse.Namespace) -> int:
    config = read_config(options.config)
    check_recording(options)
    killers = chosen_killers(config, options.killer)
    explanations = read_explanations(config.survivors)
    killed = kills_before(options.again)
    with Console(stderr=True).status("making the mutants"):
        mutants = chosen_mutants(config, options)
    kills = {mutant.source: killed[mutant.key] for mutant in mutants if mutant.key in killed}
    by_key = {entry.key: entry for entry in explanations}
    results = Results(platform.python_version(), by_key)
    for results.verdicts in run(mutants, kills, killers, options):
        write(results, options.json or Path("results", "mutation.json"))
    complaints = [*outdated(explanations, config), *results.needless()]
    show(results, killers, complaints)
    if options.record:
        record(results)
    return 1 if results.unexplained or complaints else 0


def stop(_signal: int, _frame: FrameType | None) -> NoReturn:
    """Leave in good order, through every clean-up, when asked to terminate."""
    raise SystemExit(TERMINATED)


def main(arguments: Sequence[str] | None = None) -> int:
    options = parser().parse_args(arguments)
    try:
        return mutation(options)
    except (WrongUsage, BadConfig) as error:
        print(f"python -m tests.mutation: {error}", file=sys.stderr)
        return 2
    except (BadExplanations, WorkerFailed, OSError) as error:
        print(f"python -m tests.mutation: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
