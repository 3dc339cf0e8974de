"""Growth: exponents, and the N from which one model costs more than another."""

import math
from collections.abc import Mapping, Sequence
from statistics import linear_regression
from typing import Final

FITTED_FROM: Final = (10_000, 1_000, 100)
"""The line is fitted to all N from the first of these values that leaves two or more. Small N are
left out because the fixed cost of a process hides the cost of each item."""
WARN_FROM: Final = 10_000
"""The smallest N for a warning about steep growth; below it, it may be noise."""
STEEPEST: Final = {"CPU time": 1.15, "memory": 1.1}
"""Exponents above these values cause a warning. A timer costs log N because of the heap. From N =
1,000 to 1,000,000, log N doubles, which adds at most 0.1 to the exponent."""


def exponent(values: Mapping[int, float]) -> float | None:
    """Return the slope of a line fitted to the values in a log-log plot; 1 is linear growth.

    Returns None with fewer than two values to fit.
    """
    for least in FITTED_FROM:
        fitted = {n: value for n, value in values.items() if n >= least and value > 0}
        if len(fitted) >= 2:
            numbers, found = (list(map(math.log, axis)) for axis in (fitted, fitted.values()))
            return linear_regression(numbers, found).slope
    return None


def crossover(loop: Mapping[int, float], other: Mapping[int, float]) -> float | None:
    """Return the N from which `other` costs more than `loop`; None if it does not at the largest N.

    Returns the smallest measured N if `other` always costs more. Between two measured N, the curves
    are interpolated linearly in a log-log plot.
    """
    common = sorted(set(loop) & set(other))
    ratios = [math.log(other[n] / loop[n]) for n in common]
    if not ratios or ratios[-1] <= 0:
        return None
    place = len(ratios) - 1
    while place and ratios[place - 1] > 0:
        place -= 1
    if place == 0:
        return float(common[0])
    low, high = math.log(common[place - 1]), math.log(common[place])
    before, after = ratios[place - 1], ratios[place]
    return math.exp(low + (high - low) * -before / (after - before))


def crossover_sentence(other: str, cost: str, at: float | None, measured: Sequence[int]) -> str:
    """Describe a crossover in a sentence; `measured` are the N that both were measured with."""
    if not measured:
        return ""
    if at is None:
        return f"{other} do not use more {cost} than miniloop at N = {max(measured):,}"
    if at <= min(measured):
        return f"{other} use more {cost} than miniloop at every N measured"
    return f"{other} use more {cost} than miniloop from N ≈ {rounded(at):,}"


def rounded(number: float) -> int:
    """Round to two significant digits, because the measurement is not more precise."""
    return int(float(f"{number:.1e}"))
