"""The command line of the main comparison. Arguments that pass these checks can be run."""

import argparse
import math
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Final, NamedTuple

from comparisons.client import target_of
from comparisons.plan import (
    COMPUTING_SECONDS,
    KNOWN_MODELS,
    KNOWN_WORKLOADS,
    MODEL_GROUPS,
    REFERENCE,
    Plan,
)

PAGES: Final = 40
LATENCY_MS: Final = 25.0
SAMPLES: Final = 7
QUICK_SAMPLES: Final = 3
QUICK_COMPUTING_SECONDS: Final = 0.4
MANY: Final = 1_000_000
EPILOG: Final = """\
workloads:
  io          fetch pages from a local server that answers after a delay
  cpu         arithmetic in pure Python, which holds the GIL
  cpu-native  arithmetic in C, which releases the GIL
  mixed       fetch pages, hash them, write them to files

models:
  sequential  one unit after the other; always runs, as the reference
  threads     a thread pool
  processes   processes-cold: a process pool whose start-up is part of the time;
              processes-warm: a process pool that is already running
  asyncio, miniloop, uvloop
              one task per unit on an event loop

exit status: 0 all models agree, 1 something failed, 2 invalid usage, 130 Ctrl-C
"""


class Settings(NamedTuple):
    plan: Plan
    out: Path | None
    json: bool


def settings_from(arguments: Sequence[str], other_commands: Sequence[str] = ()) -> Settings:
    """Parse the arguments; raise SystemExit(2), with a message on standard error, if invalid."""
    parser = _parser(other_commands)
    given = parser.parse_args(arguments)
    urls = tuple(given.url or given.urls or ())
    if urls and given.latency is not None:
        parser.error("--latency applies to the local server; --url and --urls do not use it")
    if given.out is not None and given.out.exists() and not given.out.is_dir():
        parser.error(f"--out: {given.out} is not a directory")
    plan = Plan(
        workloads=given.only,
        models=given.models,
        pages=given.pages or len(urls) or PAGES,
        latency=(LATENCY_MS if given.latency is None else given.latency) / 1000,
        samples=given.samples or (QUICK_SAMPLES if given.quick else SAMPLES),
        workers=given.workers,
        urls=urls,
        computing_seconds=QUICK_COMPUTING_SECONDS if given.quick else COMPUTING_SECONDS,
    )
    return Settings(plan, given.out, given.json)


def _parser(other_commands: Sequence[str]) -> argparse.ArgumentParser:
    commands = "".join(f"\n  python -m comparisons {name} --help" for name in other_commands)
    others = f"\nother commands:{commands}" if commands else ""
    parser = argparse.ArgumentParser(
        prog="python -m comparisons",
        description="Run the same workloads sequentially, in threads, in processes and on event\n"
        "loops. Compare their times and check that all results agree.",
        epilog=EPILOG + others,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    _add_general(parser)
    _add_pages(parser)
    return parser


def _add_general(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--quick", action="store_true", help="fewer samples: about a minute on two cores")
    add("--only", type=_workloads, default=KNOWN_WORKLOADS, metavar="A,B", help="workloads to run")
    add("--models", type=_models, default=_installed(), metavar="A,B", help="models to run")
    samples = f"samples of each model (default: {SAMPLES}, with --quick {QUICK_SAMPLES})"
    add("--samples", type=_count, metavar="N", help=samples)
    workers = "pool size (default: a thread per page, at most 32, else the number of cores)"
    add("--workers", type=_count, metavar="N", help=workers)
    add("--out", type=Path, metavar="DIR", help="results folder (default: results/DATE-TIME)")
    add("--json", action="store_true", help="print JSON to standard output, the rest to stderr")


def _add_pages(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    pages = f"pages to fetch (default: {PAGES}, or the number of addresses)"
    add("--pages", type=_count, metavar="N", help=pages)
    latency = f"delay of each page in milliseconds (default: {LATENCY_MS:g})"
    add("--latency", type=_latency, metavar="MS", help=latency)
    source = parser.add_mutually_exclusive_group()
    source.add_argument(
        "--url", type=_url, action="append", help="fetch this page instead; can be repeated"
    )
    source.add_argument(
        "--urls", type=_url_file, metavar="FILE", help="fetch the pages in FILE, one per line"
    )


def _count(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and 1 <= int(text) <= MANY):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 to {MANY:,}")
    return int(text)


def _latency(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value <= 10_000:  # also true for NaN
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of milliseconds, 0 to 10000")
    return value


def _url(text: str) -> str:
    try:
        target_of(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return text.strip()


def _url_file(name: str) -> list[str]:
    try:
        lines = Path(name).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise argparse.ArgumentTypeError(f"cannot read {name}: {reason}") from None
    urls = [_url(line) for line in lines if line.strip() and not line.startswith("#")]
    if not urls:
        raise argparse.ArgumentTypeError(f"{name} contains no address")
    return urls


def _names(known: Sequence[str], kind: str) -> Callable[[str], list[str]]:
    def split(text: str) -> list[str]:
        names = [name.strip() for name in text.split(",") if name.strip()]
        unknown = ", ".join(name for name in names if name not in known)
        if unknown or not names:
            problem = f"unknown {kind}: {unknown}" if unknown else f"no {kind} given"
            raise argparse.ArgumentTypeError(f"{problem}; choose from {', '.join(known)}")
        return names

    return split


def _workloads(text: str) -> tuple[str, ...]:
    names = _names(KNOWN_WORKLOADS, "workload")(text)
    return tuple(name for name in KNOWN_WORKLOADS if name in names)


def _models(text: str) -> tuple[str, ...]:
    names = _names((*KNOWN_MODELS, *MODEL_GROUPS), "model")(text)
    wanted = {REFERENCE, *names}.union(*(MODEL_GROUPS.get(name, ()) for name in names))
    if "uvloop" in wanted and not find_spec("uvloop"):
        raise argparse.ArgumentTypeError("uvloop is not installed: python -m pip install uvloop")
    return tuple(name for name in KNOWN_MODELS if name in wanted)


def _installed() -> tuple[str, ...]:
    return tuple(name for name in KNOWN_MODELS if name != "uvloop" or find_spec("uvloop"))
