"""The command `python -m tests.conformance`: parse options, print the scoreboard.

Exit status: 0 if every selected test passes or is marked, every mark is valid and the totals are no
worse than recorded; 1 if not; 2 on wrong usage; 130 on Ctrl-C.
Only totals of whole runs on a release with its own lists are recorded and compared. With --plain,
failed tests are counted, but are no errors.
"""

from __future__ import annotations

import argparse
import fnmatch
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Final, NoReturn

from rich.console import Console

from tests.conformance import marks as marking
from tests.conformance.lists import (
    Lists,
    known_versions,
    lists_for,
    minor_of,
    module_of,
    read_lists,
)
from tests.conformance.marks import BadMarks, Mark
from tests.conformance.scoreboard import Scoreboard, read_record, worse_than_recorded, write_record
from tests.conformance.shadow import make_shadow
from tests.conformance.supervisor import ModuleRun, Wanted, Workshop

CONTROL: Final = "asyncio"
SUBJECT: Final = "miniloop"
INTERRUPTED: Final = 130
TERMINATED: Final = 143

# The interpreter under test runs this. It prints its version, the folder of the suite and the
# folder of the implementation; null means that there is none.
PROBE: Final = """
import importlib.util, json, platform, sys
def folder(name):
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        return None
    folders = spec and spec.submodule_search_locations
    return list(folders)[0] if folders and spec.origin else None
print(json.dumps([platform.python_version(), folder("test.test_asyncio"), folder(sys.argv[1])]))
"""


class WrongUsage(Exception):
    """The options ask for something that does not exist."""


class Unusable(Exception):
    """The implementation cannot be imported as asyncio."""


@dataclass(frozen=True)
class Subject:
    """The package that replaces asyncio, and the lists of tests that it must pass."""

    name: str
    python: str
    version: str
    folder: Path
    lists: Lists


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.conformance",
        description="Run the interpreter's own asyncio tests against miniloop.",
    )
    add = parser.add_argument
    add("--impl", default=SUBJECT, metavar="NAME", help="test this package instead of miniloop")
    add(
        "--module",
        action="append",
        metavar="test_locks",
        help="run only this module; can be repeated",
    )
    add(
        "-k",
        metavar="PATTERN",
        help="run tests whose id contains PATTERN, or matches it if it has * or ?",
    )
    add(
        "--python",
        default=sys.executable,
        metavar="PATH",
        help="run this interpreter and its tests",
    )
    add(
        "--json",
        type=Path,
        metavar="FILE",
        help="write results here instead of results/conformance-NAME-VERSION.json",
    )
    add(
        "--timeout",
        type=_positive,
        default=60.0,
        metavar="SECONDS",
        help="time limit per test (default: 60)",
    )
    add(
        "--jobs",
        type=_count,
        default=os.cpu_count() or 1,
        metavar="N",
        help="run N modules in parallel (default: number of CPUs)",
    )
    add(
        "--plain",
        action="store_true",
        help="add no names to the package but those of pure-Python classes; failures are no errors",
    )
    add("--once", action="store_true", help="do not run failed tests a second time")
    add("--record", action="store_true", help="record the totals; later runs must not be worse")
    add("-v", "--verbose", action="store_true", help="print full tracebacks")
    return parser


def _positive(text: str) -> float:
    number = float(text)
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is not a positive number of seconds")
    return number


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is less than 1")
    return number


def probe(name: str, python: str) -> Subject:
    """Run PROBE in the interpreter; raise WrongUsage if it cannot be tested."""
    try:
        asked = subprocess.run(
            [python, "-c", PROBE, name], capture_output=True, text=True, check=True
        )
        version, suite, folder = json.loads(asked.stdout)
    except (OSError, subprocess.CalledProcessError, ValueError) as error:
        raise WrongUsage(f"{python} is not a working Python interpreter: {error}") from error
    lists = lists_for(version)
    if lists is None:
        known = ", ".join(known_versions())
        raise WrongUsage(f"there are no lists for Python {version}, only for {known}")
    if suite is None:
        where = f"on Debian, install libpython{minor_of(version)}-testsuite"
        raise WrongUsage(f"{python} has no test.test_asyncio ({where})")
    if folder is None:
        raise WrongUsage(f"{python} cannot import a package {name} from here")
    return Subject(name, python, version, Path(folder), lists)


def chosen_tests(lists: Lists, modules: list[str] | None, pattern: str | None) -> set[str]:
    """Return the selected tests; raise WrongUsage if there are none, or none in a module."""
    known = {module_of(test) for test in lists.tests}
    for module in modules or ():
        if module not in known:
            raise WrongUsage(f"{module} has no listed test; choose from {', '.join(sorted(known))}")
    chosen = {test for test in lists.tests if not modules or module_of(test) in modules}
    if pattern is not None:
        glob = pattern if {"*", "?"} & set(pattern) else f"*{pattern}*"
        chosen = set(fnmatch.filter(chosen, glob))
    if not chosen:
        raise WrongUsage(f"no listed test matches {pattern}")
    return chosen


def check_recording(subject: Subject, options: argparse.Namespace) -> None:
    """Raise WrongUsage if later runs could not be compared with these totals."""
    if not options.record:
        return
    if options.module or options.k is not None:
        raise WrongUsage("--record needs a whole run: remove --module and -k")
    if subject.name != SUBJECT:
        raise WrongUsage(f"--record only works with {SUBJECT}")
    if subject.version != subject.lists.version:
        raise WrongUsage(
            f"--record only works on {', '.join(known_versions())}, not on {subject.version}"
        )


def read_marks(subject: Subject) -> tuple[list[Mark], list[str]]:
    """Return the marks that apply to the subject, and complaints about them."""
    if subject.name == CONTROL:
        return [], []
    marks = marking.read_marks(marking.FILE.read_text(encoding="utf-8"))
    all_lists = [read_lists(version) for version in known_versions()]
    return marks, list(marking.complaints(marks, all_lists))


def check_import(subject: Subject, shadow: str) -> None:
    """Raise Unusable with the reason once; otherwise each test would report it."""
    command = [subject.python, "-P", "-c", "import asyncio"]
    environment = {**os.environ, "PYTHONPATH": shadow}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if done.returncode != 0:
        raise Unusable(f"{subject.name} cannot be imported as asyncio:\n{done.stderr}")


def run(
    subject: Subject, tests: set[str], marks: dict[str, Mark], options: argparse.Namespace
) -> Scoreboard:
    console = Console(stderr=True)
    modules = sorted({module_of(test) for test in tests})
    wanted = [
        Wanted(
            module,
            frozenset(test for test in tests if module_of(test) == module),
            frozenset(test for test in marks if module_of(test) == module),
        )
        for module in modules
    ]
    with tempfile.TemporaryDirectory(prefix="conformance-shadow-") as folder:
        make_shadow(Path(folder), subject.folder, options.plain)
        check_import(subject, folder)
        tries = 1 if options.once else 2
        workshop = Workshop(subject.python, Path(folder), options.timeout, tries)
        with console.status(f"{len(tests)} tests in {len(modules)} modules") as status:

            def tell(done: ModuleRun) -> None:
                modules.remove(done.module)
                status.update(f"still running: {', '.join(modules)[:60]}")

            runs = workshop.run_all(wanted, options.jobs, tell)
    return Scoreboard(subject.name, subject.version, subject.lists, marks, runs, options.plain)


def show(board: Scoreboard, complaints: list[str], verbose: bool) -> None:
    console = Console(width=None if sys.stdout.isatty() else 80)
    console.print(board.table())
    console.print(f"{board.in_no_list} tests of these modules are not listed and did not run.")
    if board.version != board.lists.version:
        used = f"the lists of CPython {board.lists.version} were used"
        text = f"CPython {board.version} has no lists: {used}, and totals were not compared."
        console.print(text, highlight=False, soft_wrap=True)
    console.print(board.summary(), highlight=False, soft_wrap=True)
    for test in board.at_second_try:
        console.print(f"passed only on the second try: {test}", soft_wrap=True)
    for failure in board.failures if verbose or not board.plain else ():
        text = f"\n{failure.outcome.fault}" if verbose else failure.summary
        console.out(f"FAILED ({failure.list}) {failure.test}: {text}", highlight=False)
    for complaint in complaints:
        console.out(f"ERROR {complaint}", highlight=False)


def conformance(options: argparse.Namespace) -> int:
    subject = probe(options.impl, options.python)
    tests = chosen_tests(subject.lists, options.module, options.k)
    check_recording(subject, options)
    marks, complaints = read_marks(subject)
    board = run(subject, tests, marking.marked(tests, marks, subject.lists.minor), options)
    if subject.name in (SUBJECT, CONTROL) and not board.plain:
        complaints += board.complaints()
    whole = options.module is None and options.k is None
    if subject.name == SUBJECT and whole:
        if options.record:
            write_record(board)
        recorded = read_record(board.shadow).get(board.version, {})
        complaints += worse_than_recorded(board.totals(), recorded)
    show(board, complaints, options.verbose)
    name = f"conformance-{subject.name}-{subject.version}{'-plain' if board.plain else ''}.json"
    file = options.json or Path("results", name)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(board.as_json(), indent=2) + "\n", encoding="utf-8")
    return 1 if complaints or (board.failures and not board.plain) else 0


def stop(_signal: int, _frame: FrameType | None) -> NoReturn:
    """Handle SIGTERM: exit through all clean-up code."""
    raise SystemExit(TERMINATED)


def main(arguments: Sequence[str] | None = None) -> int:
    options = parser().parse_args(arguments)
    try:
        return conformance(options)
    except WrongUsage as error:
        print(f"python -m tests.conformance: {error}", file=sys.stderr)
        return 2
    except BadMarks as error:
        print(f"{marking.FILE}: {error}", file=sys.stderr)
        return 1
    except Unusable as error:
        print(error, file=sys.stderr)
        return 1
    except OSError as error:
        print(f"python -m tests.conformance: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
