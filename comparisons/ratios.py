"""The ratio of two medians, and its confidence interval.

The interval is a bootstrap: both sets of samples are resampled many times with replacement, and
the middle 95 % of the ratios are kept. It describes the variation within these samples, not what
another machine or a busier one would show. A single sample has no interval.
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
        """Whether no difference is visible: the interval contains 1, or there is none."""
        return self.low is None or self.high is None or self.low <= 1 <= self.high

    @property
    def mark(self) -> str:
        return "≈" if self.same else ""

    def __str__(self) -> str:
        if self.low is None or self.high is None:
            return f"{self.mark}{figure(self.value)}"
        return f"{self.mark}{figure(self.value)} ({figure(self.low)}–{figure(self.high)})"


def figure(value: float) -> str:
    """Format a ratio: three decimals below 0.1, two below 10, none above."""
    decimals = 3 if value < 0.1 else 2 if value < 10 else 0
    return f"{value:.{decimals}f}"


def ratio_of_medians(samples: Sequence[float], reference: Sequence[float]) -> Ratio:
    """Return the median of `samples` divided by that of `reference`, with a 95 % interval."""
    value = median(samples) / median(reference)
    if min(len(samples), len(reference)) < 2:
        return Ratio(value, None, None)
    generator = random.Random(len(samples))  # the same samples always give the same interval
    ratios = sorted(
        median(generator.choices(samples, k=len(samples)))
        / median(generator.choices(reference, k=len(reference)))
        for _ in range(RESAMPLES)
    )
    tail = round(RESAMPLES * (1 - CONFIDENCE) / 2)
    return Ratio(value, ratios[tail], ratios[-tail - 1])
