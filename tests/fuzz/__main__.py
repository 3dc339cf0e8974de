"""Compare random programs on miniloop and on asyncio: `python -m tests.fuzz --minutes 10 --seed 1`.

Exit status: 0 if miniloop behaves like asyncio, 1 if it differs, 2 on wrong usage, 130 on Ctrl-C.
With --coverage, 1 means that some operation was never executed.
"""

from __future__ import annotations

import argparse
import itertools
import multiprocessing
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn

from tests.fuzz import programs, run, streams
from tests.fuzz.batches import BATCH, Result, batch, prepare
from tests.fuzz.coverage import cover
from tests.fuzz.difference import Difference, side_by_side
from tests.fuzz.generate import generate, seeded

EACH_SEED = 10_000_000
"""How many programs one --seed can generate. Their own seeds start at --seed × EACH_SEED."""

MOST_FINDS = 10
"""A run stops after this many differences, since one bug is found again and again."""


def arguments(line: list[str] | None = None) -> argparse.Namespace:
    """Parse the command line; exit with 2 if it is wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument(
        "--minutes",
        type=_positive(float),
        default=1.0,
        metavar="N",
        help="how long to run; default: 1",
    )
    parser.add_argument(
        "--programs",
        type=_positive(int),
        metavar="N",
        help=f"number of programs, instead of --minutes; rounded up to a multiple of {BATCH}",
    )
    parser.add_argument(
        "--seed", type=_seed, default=0, metavar="S", help="seed of the run; default: 0"
    )
    parser.add_argument("--jobs", type=_positive(int), default=os.cpu_count(), metavar="N",
                        help="number of processes; default: one per core")  # fmt: skip
    parser.add_argument(
        "--kind",
        choices=("programs", "streams", "all"),
        default="programs",
        help="programs about tasks, futures, locks and queues (default), about streams, or both",
    )
    parser.add_argument(
        "--no-save", action="store_true", help="do not save differences in tests/fuzz/found"
    )
    parser.add_argument(
        "--replay",
        type=_seed,
        metavar="SEED",
        help="print the program of this seed and --kind with its traces, and exit",
    )
    parser.add_argument(
        "--coverage", action="store_true", help="count the operations that are executed, and exit"
    )
    parser.add_argument(
        "--pairs",
        action="store_true",
        help="with --coverage: list the pairs of operations that never occur",
    )
    chosen = parser.parse_args(line)
    if chosen.pairs and not chosen.coverage:
        parser.error("--pairs needs --coverage")
    if chosen.replay is not None and chosen.kind == "all":
        parser.error("--replay needs one --kind: programs or streams")
    if chosen.coverage and chosen.kind != "programs":
        parser.error("--coverage works only with --kind programs")
    return chosen


def _seed(text: str) -> int:
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"{text} is less than 0")
    return value


def _positive(kind: type[int | float]) -> Callable[[str], float]:
    def number(text: str) -> float:
        value = kind(text)
        if not value > 0:
            raise argparse.ArgumentTypeError(f"{text} is not greater than 0")
        return value

    return number


def main(line: list[str] | None = None) -> int:
    """Run the command; return the exit status."""
    chosen = arguments(line)
    console = Console()
    try:
        if chosen.replay is not None:
            return replay(chosen.replay, chosen.kind)
        if chosen.coverage:
            return show_coverage(chosen)
        return run_programs(chosen, console)
    except KeyboardInterrupt:
        console.print("interrupted")
        return 130
    except BrokenPipeError:
        # The reader has closed the pipe, as `head` does. Without this, the interpreter would fail
        # to flush stdout at exit and print an error.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def replay(seed: int, kind: str = "programs") -> int:
    """Print the program of a seed and its trace on each implementation."""
    traces: Mapping[str, Sequence[str]]
    if kind == "streams":
        source = streams.source(seed)
        traces = streams.traces(source)
    else:
        source = generate(seeded(seed)).source
        main = run.load(source)
        traces = {name: programs.play(main, name) for name in run.IMPLEMENTATIONS}
    lines = enumerate(source.splitlines(), 1)
    print("\n".join(f"{number:3} {text}".rstrip() for number, text in lines))
    print(side_by_side(traces, 120), flush=True)
    return 0


def show_coverage(chosen: argparse.Namespace) -> int:
    """Print how often operations and pairs of them were executed; return 1 if one never was."""
    first = chosen.seed * EACH_SEED
    coverage = cover(range(first, first + (chosen.programs or 2_000)))
    print(coverage.report())
    if chosen.pairs:
        print("\n".join(f"{one} → {other}" for one, other in coverage.pairs_never_executed()))
    return 1 if coverage.never_executed() else 0


# -- long runs ------------------------------------------------------------------------------------


def run_programs(chosen: argparse.Namespace, console: Console) -> int:
    """Run programs until the time is over, or MOST_FINDS differences are found; return 0 or 1."""
    total, started = Result(), time.monotonic()
    columns = (SpinnerColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=console, transient=True) as progress:
        line = progress.add_task("starting")
        for result in results(chosen):
            total.add(result)
            for found in result.found:
                report(found, chosen, console)
            rate = total.programs / (time.monotonic() - started)
            text = f"{total.programs:,} programs, {rate:,.0f}/s, {len(total.found)} found"
            progress.update(line, description=text)
            if len(total.found) >= MOST_FINDS:
                break
    seconds = time.monotonic() - started
    console.print(
        f"{total.programs:,} programs in {seconds:.0f} s, {total.programs / seconds:,.0f}/s"
    )
    for name, number in total.known.most_common():
        console.print(f"known difference ({number:,}×): {name}", highlight=False)
    ours, theirs = len(total.blamed), len(total.found) - len(total.blamed)
    console.print(
        f"new differences: {ours} of miniloop, {theirs} of asyncio without its C accelerator"
    )
    return 1 if ours else 0


def report(found: Difference, chosen: argparse.Namespace, console: Console) -> None:
    """Print a difference; save it if miniloop differs from asyncio."""
    console.print(found.show(), markup=False, highlight=False, soft_wrap=True)
    if not chosen.no_save and not found.name.startswith("asyncios"):
        console.print(f"saved as {found.save()}", highlight=False)


def results(chosen: argparse.Namespace) -> Iterator[Result]:
    """Yield the results of all processes, batch by batch, as they arrive."""
    kinds = ("programs", "streams") if chosen.kind == "all" else (chosen.kind,)
    first = chosen.seed * EACH_SEED
    batches: Iterator[tuple[str, int]]
    batches = ((kind, first + start) for start in itertools.count(0, BATCH) for kind in kinds)
    if chosen.programs is not None:
        batches = itertools.islice(batches, -(-chosen.programs // BATCH))
    end = time.monotonic() + chosen.minutes * 60
    pool = multiprocessing.get_context("spawn").Pool(chosen.jobs, prepare)
    try:
        while round_ := list(itertools.islice(batches, chosen.jobs * 4)):
            yield from pool.imap_unordered(batch, round_)
            if chosen.programs is None and time.monotonic() > end:
                break
    finally:
        pool.terminate()
        pool.join()


if __name__ == "__main__":
    sys.exit(main())
