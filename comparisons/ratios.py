"""How a model compares with the first row: a ratio of medians, and how sure that ratio is.

The interval is a bootstrap: both rows' samples are drawn again many times with replacement, and the
middle 95 % of the ratios are kept. It says how much the samples at hand wobble, not what another
machine, or a busier one, would show. One sample has no wobble to look at, hence no interval.
"""

import random
from collections.abc import Sequence
from statistics import median
from typing import Final, NamedTuple

RESAMPLES: Final = 4000
CONFIDENCE: Final = 0.95


class Ratio(NamedTuple):
    value: float
    low: float | None
    high: float | None

    @property
    def same(self) -> bool:
        """No difference can be told: the interval holds 1, or there is none."""
        return self.low is None or self.high is None or self.low <= 1 <= self.high

    @property
    def mark(self) -> str:
        return "≈" if self.same else ""

    def __str__(self) -> str:
        if self.low is None or self.high is None:
            return f"{self.mark}{figure(self.value)}"
        return f"{self.mark}{figure(self.value)} ({figure(self.low)}–{figure(self.high)})"


def figure(value: float) -> str:
    """Two decimals; a third where two would hide a difference, fewer where they would tell none."""
    decimals = 3 if value < 0.1 else 2 if value < 10 else 0
    return f"{value:.{decimals}f}"


def ratio_of_medians(samples: Sequence[float], reference: Sequence[float]) -> Ratio:
    value = median(samples) / median(reference)
    if min(len(samples), len(reference)) < 2:
        return Ratio(value, None, None)
    chance = random.Random(len(samples))  # the same samples always give the same interval
    ratios = sorted(
        median(chance.choices(samples, k=len(samples)))
        / median(chance.choices(reference, k=len(reference)))
        for _ in range(RESAMPLES)
    )
    tail = round(RESAMPLES * (1 - CONFIDENCE) / 2)
    return Ratio(value, ratios[tail], ratios[-tail - 1])
