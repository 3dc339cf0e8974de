"""Long runs of random programs: `python -m tests.fuzz --minutes 10 --seed 1`.

Exits with 0 if miniloop does as asyncio does, 1 if miniloop differs, 2 on wrong usage, 130 on
Ctrl-C. With --coverage, 1 is that some operation was never met.
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
"""So many programs has a seed of a run; they are numbered on from seed × EACH_SEED."""

MOST_FINDS = 10
"""After so many a run ends: what is wrong in one place is found again and again."""


def arguments(line: list[str] | None = None) -> argparse.Namespace:
    """The command line; exits with 2 if it makes no sense."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--minutes", type=_positive(float), default=1.0, metavar="N")
    parser.add_argument(
        "--programs",
        type=_positive(int),
        metavar="N",
        help=f"in place of --minutes; rounded up to a multiple of {BATCH}",
    )
    parser.add_argument("--seed", type=_seed, default=0, metavar="S", help="of the run; default 0")
    parser.add_argument("--jobs", type=_positive(int), default=os.cpu_count(), metavar="N",
                        help="processes; default: one a core")  # fmt: skip
    parser.add_argument("--kind", choices=("programs", "streams", "all"), default="programs")
    parser.add_argument("--no-save", action="store_true", help="write nothing to tests/fuzz/found")
    parser.add_argument(
        "--replay", type=_seed, metavar="SEED", help="print this program of --kind and its traces"
    )
    parser.add_argument("--coverage", action="store_true", help="count what is met, and stop")
    parser.add_argument(
        "--pairs", action="store_true", help="list pairs never met, with --coverage"
    )
    chosen = parser.parse_args(line)
    if chosen.pairs and not chosen.coverage:
        parser.error("--pairs goes with --coverage")
    if chosen.replay is not None and chosen.kind == "all":
        parser.error("--replay needs one --kind: programs or streams")
    if chosen.coverage and chosen.kind != "programs":
        parser.error("--coverage is of --kind programs")
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
            raise argparse.ArgumentTypeError(f"{text} is not more than 0")
        return value

    return number


def main(line: list[str] | None = None) -> int:
    """Do what the command line says; return the exit status."""
    chosen = arguments(line)
    console = Console()
    try:
        if chosen.replay is not None:
            return replay(chosen.replay, chosen.kind)
        if chosen.coverage:
            return show_coverage(chosen)
        return hunt(chosen, console)
    except KeyboardInterrupt:
        console.print("interrupted")
        return 130
    except BrokenPipeError:
        # Who reads has seen enough, as `head` has. What is still to be flushed goes nowhere, or
        # the interpreter would complain of it when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def replay(seed: int, kind: str = "programs") -> int:
    """Print the program of a seed and what each implementation makes of it."""
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
    """Print which operations and pairs of operations are met; 1 if an operation is not."""
    first = chosen.seed * EACH_SEED
    coverage = cover(range(first, first + (chosen.programs or 2_000)))
    print(coverage.report())
    if chosen.pairs:
        print("\n".join(f"{one} → {other}" for one, other in coverage.pairs_never_met()))
    return 1 if coverage.never_met() else 0


# -- long runs ------------------------------------------------------------------------------------


def hunt(chosen: argparse.Namespace, console: Console) -> int:
    """Run programs until the time is up, or enough was found."""
    total, began = Result(), time.monotonic()
    columns = (SpinnerColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=console, transient=True) as progress:
        line = progress.add_task("starting")
        for result in results(chosen):
            total.add(result)
            for found in result.found:
                tell(found, chosen, console)
            rate = total.programs / (time.monotonic() - began)
            told = f"{total.programs:,} programs, {rate:,.0f}/s, {len(total.found)} found"
            progress.update(line, description=told)
            if len(total.found) >= MOST_FINDS:
                break
    seconds = time.monotonic() - began
    console.print(
        f"{total.programs:,} programs in {seconds:.0f} s, {total.programs / seconds:,.0f}/s"
    )
    for name, number in total.known.most_common():
        console.print(f"known: {name}: {number:,}×", highlight=False)
    ours, theirs = len(total.blamed), len(total.found) - len(total.blamed)
    console.print(f"differences of miniloop: {ours}; of the two asyncios: {theirs}")
    return 1 if ours else 0


def tell(found: Difference, chosen: argparse.Namespace, console: Console) -> None:
    """Print a difference, and save those that miniloop is to blame for."""
    console.print(found.show(), markup=False, highlight=False, soft_wrap=True)
    if not chosen.no_save and not found.name.startswith("asyncios"):
        console.print(f"saved as {found.save()}", highlight=False)


def results(chosen: argparse.Namespace) -> Iterator[Result]:
    """The results of batch after batch, as they come, from all processes."""
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
