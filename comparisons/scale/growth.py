"""What the figures say about growth: exponents, and where one model gets dearer than another."""

import math
from collections.abc import Mapping, Sequence
from statistics import linear_regression
from typing import Final

FITTED_FROM: Final = (10_000, 1_000, 100)
"""The line is drawn through the largest numbers, those from here on, if they are two or more: with
small ones, the room that a process has anyhow hides what one more costs."""
TOLD_FROM: Final = 10_000
"""Growth that is too steep is told if it was seen with so many; up to there it may be noise."""
STEEPEST: Final = {"CPU": 1.15, "memory": 1.1}
"""Exponents above these are told with a warning. A timer costs log N, for the heap: between 1,000
and 1,000,000 that alone doubles, which adds 0.1 to the exponent if nothing else took any time."""


def exponent(values: Mapping[int, float]) -> float | None:
    """The slope of a straight line through the values in a log-log plot: 1 is growth linear in N.

    None if there are fewer than two numbers to draw it through.
    """
    for least in FITTED_FROM:
        fitted = {n: value for n, value in values.items() if n >= least and value > 0}
        if len(fitted) >= 2:
            numbers, found = (list(map(math.log, axis)) for axis in (fitted, fitted.values()))
            return linear_regression(numbers, found).slope
    return None


def crossover(loop: Mapping[int, float], other: Mapping[int, float]) -> float | None:
    """The N from which on `other` costs more than `loop`; None if that never begins.

    The smallest N measured if `other` costs more from there on. Between two numbers that were
    measured both are taken for straight in a log-log plot.
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


def told_crossover(other: str, what: str, at: float | None, measured: Sequence[int]) -> str:
    """A sentence; `measured` are the numbers that both were measured with."""
    if not measured:
        return ""
    if at is None:
        return f"{other} never need more {what} than miniloop, up to {max(measured):,}"
    if at <= min(measured):
        return f"{other} need more {what} than miniloop from the first: {min(measured):,}"
    return f"{other} need more {what} than miniloop from about {rounded(at):,} on"


def rounded(number: float) -> int:
    """To two figures: more would say more than was measured."""
    return int(float(f"{number:.1e}"))
