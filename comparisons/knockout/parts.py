"""From the samples of the rungs to what each part costs.

A part costs the difference between the median of the rung that has it and the median of the next,
which has not. Its interval is a bootstrap over rounds: a round has one sample of every rung, taken
one shortly after the other, and is drawn as a whole. So what slows a whole round down falls on both
rungs, and mostly not on their difference.
"""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Final, NamedTuple

from comparisons.knockout.ladder import MINILOOP, Workload
from comparisons.ratios import CONFIDENCE
from comparisons.supervisor import ChildError, ask

RESAMPLES: Final = 2000
SAMPLE_SECONDS: Final = 120.0


class Part(NamedTuple):
    name: str
    how: str
    """How the rung that lacks it is made; of a spared part, the rung that has it."""
    spared: bool
    """miniloop does without it: what it would cost on top."""
    nanoseconds: float
    low: float | None
    high: float | None
    """The 95 % interval; None for a single round."""

    @property
    def nothing(self) -> bool:
        """That it costs anything cannot be told."""
        return self.low is not None and self.high is not None and self.low <= 0 <= self.high


@dataclass
class Measurement:
    """One workload on every rung of its ladder, and on the whole loops beside it."""

    workload: Workload
    whole: tuple[str, ...]
    samples: dict[str, list[float]] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)

    @property
    def names(self) -> list[str]:
        return [*(rung.name for rung in self.workload.rungs), *self.whole]

    def take(self, rounds: int, values: int) -> Iterator[str]:
        """Take all samples, one of each in turn; before each, say of what it is.

        Every round begins one further down, so that none always follows the same.
        """
        for number in range(rounds):
            first = number % len(self.names)
            for name in self.names[first:] + self.names[:first]:
                yield name
                if name not in self.errors:
                    self._sample(name, values)

    def _sample(self, name: str, values: int) -> None:
        question = {"workload": self.workload.name, "name": name, "values": values}
        try:
            answer = ask("comparisons.knockout.sample", question, SAMPLE_SECONDS)
        except ChildError as error:
            self.errors[name] = str(error)
        else:
            self.samples.setdefault(name, []).append(answer["nanoseconds"])

    def median(self, name: str) -> float | None:
        """Nanoseconds; None where it failed, or was not come to."""
        samples = self.samples.get(name)
        return median(samples) if samples and name not in self.errors else None

    def parts(self) -> list[Part]:
        """From the top; those beside a rung that failed are left out."""
        rungs = self.workload.rungs
        found = []
        for rung, below in zip(rungs, (*rungs[1:], None), strict=True):
            names = [rung.name] if below is None else [rung.name, below.name]
            if all(self.median(name) is not None for name in names):
                spared = rung.part in self.workload.spared
                how = rung.how if spared or below is None else below.how
                cost = difference([self.samples[name] for name in names])
                found.append(Part(rung.part, how, spared, *cost))
        return found

    def share(self, part: Part) -> float | None:
        """Of miniloop's time as it is."""
        whole = self.median(MINILOOP)
        return None if whole is None else part.nanoseconds / whole


def difference(rungs: Sequence[Sequence[float]]) -> tuple[float, float | None, float | None]:
    """The first's median less the second's, if there is one, and the interval."""
    rounds = list(zip(*rungs, strict=False))
    value = _first_less_second(rounds)
    if len(rounds) < 2:
        return value, None, None
    return value, *interval(_first_less_second, rounds)


def _first_less_second(rounds: Sequence[tuple[float, ...]]) -> float:
    first, *second = (median(samples) for samples in zip(*rounds, strict=True))
    return float(first - sum(second))


def interval(
    figure: Callable[[Sequence[tuple[float, ...]]], float], rounds: Sequence[tuple[float, ...]]
) -> tuple[float, float]:
    chance = random.Random(len(rounds))  # the same samples always give the same interval
    drawn = sorted(figure(chance.choices(rounds, k=len(rounds))) for _ in range(RESAMPLES))
    tail = round(RESAMPLES * (1 - CONFIDENCE) / 2)
    return drawn[tail], drawn[-tail - 1]
