"""From events to time spans: how long each function was in each state, and how many ran at once."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from comparisons.steps.journal import State
from comparisons.steps.models import Run


@dataclass(frozen=True)
class Span:
    """A function was in a state from start to end (milliseconds since the run's first event)."""

    function: str
    state: State
    stage: str
    start: float
    end: float


@dataclass(frozen=True)
class Totals:
    """How the time of a run was spent, in milliseconds."""

    whole: float
    at_least_one_ran: float
    at_least_two_ran: float  # at the same moment, on different cores

    @property
    def none_ran(self) -> float:
        return self.whole - self.at_least_one_ran


def spans(run: Run) -> list[Span]:
    """Return the spans of all functions; pauses are not removed from them."""
    return [span for function in run.functions for span in spans_of(run, function)]


def spans_of(run: Run, function: str) -> Iterator[Span]:
    every = run.events
    own = [event for event in every if event.function == function]
    for event, following in pairwise(own):
        start, end = ((moment - every[0].at) / 1e6 for moment in (event.at, following.at))
        yield Span(function, event.state, event.stage, start, end)


def pauses(run: Run) -> list[Span]:
    """Return the spans in which a running function was paused: another had the GIL or the core."""
    begin = run.events[0].at
    return [
        Span(
            pause.function,
            State.RUNNING,
            "",
            (pause.start - begin) / 1e6,
            (pause.end - begin) / 1e6,
        )
        for journal in run.journals
        for pause in journal.pauses
    ]


def totals(run: Run) -> Totals:
    running = [span for span in spans(run) if span.state is State.RUNNING]
    changes = [*edges(running, +1), *edges(pauses(run), -1)]
    at_least_one, at_least_two = time_at_level(sorted(changes))
    events = run.events
    return Totals((events[-1].at - events[0].at) / 1e6, at_least_one, at_least_two)


def edges(of: Iterable[Span], weight: int) -> Iterator[tuple[float, int]]:
    for span in of:
        yield span.start, weight
        yield span.end, -weight


def time_at_level(changes: list[tuple[float, int]]) -> tuple[float, float]:
    """Return how long the sum of the changes was at least 1, and at least 2."""
    level, at_least_one, at_least_two = 0, 0.0, 0.0
    for (moment, change), (next_moment, _) in pairwise(changes):
        level += change
        at_least_one += (next_moment - moment) * (level >= 1)
        at_least_two += (next_moment - moment) * (level >= 2)
    return at_least_one, at_least_two
