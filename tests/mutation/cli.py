"""The command `python -m tests.mutation`: parse options, print a table.

Exit status: 0 if every survivor is explained and every explanation is needed; 1 if not; 2 on wrong
usage; 130 on Ctrl-C. The source files are not changed. The results are written to a separate file.
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
    """The options ask for something that does not exist."""


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.mutation",
        description="Inject small bugs into miniloop, one by one; list those that no test detects.",
    )
    add = parser.add_argument
    add(
        "--module", action="append", metavar="NAME", help="mutate only this module; can be repeated"
    )
    add("--function", metavar="NAME", help="mutate only this function, for example Task.cancel")
    add(
        "--killer",
        action="append",
        metavar="NAME",
        help="run only this group of tests; can be repeated",
    )
    add("--again", type=Path, metavar="FILE", help="run only mutants not killed in these results")
    add(
        "--json",
        type=Path,
        metavar="FILE",
        help="write results here instead of results/mutation.json",
    )
    add(
        "--jobs",
        type=_count,
        default=os.cpu_count() or 1,
        metavar="N",
        help="test N mutants in parallel (default: number of CPUs)",
    )
    add(
        "--config",
        type=Path,
        default=FILE,
        metavar="FILE",
        help="use this file instead of config.toml",
    )
    add("--record", action="store_true", help="record the totals for tests/README.md")
    return parser


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is less than 1")
    return number


def chosen_killers(config: Config, names: Sequence[str] | None) -> list[Killer]:
    return [config.killer(name) for name in names] if names else list(config.killers)


def chosen_mutants(config: Config, options: argparse.Namespace) -> list[Mutant]:
    """Return the selected mutants; raise WrongUsage if there are none."""
    modules = options.module or config.modules
    for module in modules:
        if module not in config.modules:
            raise WrongUsage(f"{module} is not mutated; choose from {', '.join(config.modules)}")
    used = operators(config.left_out)
    found = []
    for module in modules:
        source = config.source_of(module).read_text(encoding="utf-8")
        found += mutants_of(module, source, used)
    if options.function:
        found = [mutant for mutant in found if mutant.function == options.function]
    if not found:
        raise WrongUsage("no mutant matches these options")
    return found


def kills_before(file: Path | None) -> dict[Key, Verdict]:
    """Return the killed mutants of an earlier run by key; raise WrongUsage."""
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
    """Run the killers in order, each on the mutants that none has killed so far.

    Yield all verdicts so far after each killer.
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
                progress.advance(bar)  # noqa: B023 - called before the next killer starts

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
    """Raise WrongUsage if --record is used for a part of the mutants or tests."""
    narrower = [options.module, options.function, options.killer]
    if options.record and (any(narrower) or options.config != FILE):
        raise WrongUsage("--record needs a whole run with the default config")


def mutation(options: argparse.Namespace) -> int:
    config = read_config(options.config)
    check_recording(options)
    killers = chosen_killers(config, options.killer)
    explanations = read_explanations(config.survivors)
    killed = kills_before(options.again)
    with Console(stderr=True).status("creating the mutants"):
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
    """Handle SIGTERM: exit through all clean-up code."""
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
