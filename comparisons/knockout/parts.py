"""The cost of each part, computed from the samples of the rungs.

The cost of a part is the median of the rung that has it minus the median of the next rung, which
does not. Its interval is a bootstrap over rounds. A round has one sample of every rung, all taken
within a short time, and is resampled as a whole. So if the machine is slow during a round, that
affects both rungs, and mostly not their difference.
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
    """How the rung without the part is made; for an absent part, the rung that has it."""
    absent: bool
    """Whether miniloop does not have it; then this is what it would add."""
    nanoseconds: float
    low: float | None
    high: float | None
    """The 95 % interval; None if there is only one round."""

    @property
    def unclear(self) -> bool:
        """Whether the interval contains zero."""
        return self.low is not None and self.high is not None and self.low <= 0 <= self.high


@dataclass
class Measurement:
    """One workload on every rung of its ladder and on the complete loops."""

    workload: Workload
    whole: tuple[str, ...]
    samples: dict[str, list[float]] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)

    @property
    def names(self) -> list[str]:
        return [*(rung.name for rung in self.workload.rungs), *self.whole]

    def take(self, rounds: int, values: int) -> Iterator[str]:
        """Take all samples, interleaved; yield the name of the rung or loop before each sample.

        The order rotates, so that no rung always follows the same one.
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
        """Return the median in nanoseconds; None without samples or after an error."""
        samples = self.samples.get(name)
        return median(samples) if samples and name not in self.errors else None

    def parts(self) -> list[Part]:
        """Return the parts from top to bottom, without those next to a rung that failed."""
        rungs = self.workload.rungs
        found = []
        for rung, below in zip(rungs, (*rungs[1:], None), strict=True):
            names = [rung.name] if below is None else [rung.name, below.name]
            if all(self.median(name) is not None for name in names):
                absent = rung.part in self.workload.absent
                how = rung.how if absent or below is None else below.how
                cost = difference([self.samples[name] for name in names])
                found.append(Part(rung.part, how, absent, *cost))
        return found

    def share(self, part: Part) -> float | None:
        """Return the cost of the part as a share of miniloop's time."""
        whole = self.median(MINILOOP)
        return None if whole is None else part.nanoseconds / whole


def difference(rungs: Sequence[Sequence[float]]) -> tuple[float, float | None, float | None]:
    """Return the first median minus the second, if there is a second, and the interval."""
    rounds = list(zip(*rungs, strict=False))
    value = _first_minus_second(rounds)
    if len(rounds) < 2:
        return value, None, None
    return value, *interval(_first_minus_second, rounds)


def _first_minus_second(rounds: Sequence[tuple[float, ...]]) -> float:
    first, *second = (median(samples) for samples in zip(*rounds, strict=True))
    return float(first - sum(second))


def interval(
    figure: Callable[[Sequence[tuple[float, ...]]], float], rounds: Sequence[tuple[float, ...]]
) -> tuple[float, float]:
    generator = random.Random(len(rounds))  # the same samples always give the same interval
    drawn = sorted(figure(generator.choices(rounds, k=len(rounds))) for _ in range(RESAMPLES))
    tail = round(RESAMPLES * (1 - CONFIDENCE) / 2)
    return drawn[tail], drawn[-tail - 1]
