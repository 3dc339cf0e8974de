"""The sentence below a table: read off the rows, never known beforehand.

It orders the models by their ratios and groups them by their intervals. It does not say why.
"""

from collections.abc import Callable, Sequence
from typing import Final

from comparisons.experiment import Row
from comparisons.models import LOOPS
from comparisons.plan import REFERENCE

OVERLAPPING: Final = 0.8
"""A model that needs less than this share of the time must have done units side by side."""
FAMILIES: Final = {
    "threads": ("threads",),
    "processes": ("processes-cold", "processes-warm"),
    "event loops": LOOPS,
}


def sentence(rows: Sequence[Row]) -> str:
    """Which models were ahead of the reference, level with it, behind it; "" if there are none."""
    ratios = {row.model: row.ratio for row in rows if row.ratio and row.model != REFERENCE}
    ordered = sorted(ratios, key=lambda model: ratios[model].value)
    values = {model: ratios[model].value for model in ordered}
    level = [model for model in values if ratios[model].same]
    ahead = [model for model in values if model not in level and values[model] < 1]
    behind = [model for model in values if model not in level and values[model] > 1]
    parts = [
        _said(
            ahead, lambda model: f"{model} at {1 / values[model]:.3g}×", f"the speed of {REFERENCE}"
        ),
        _said(level, str, f"level with {REFERENCE}"),
        _said(behind, lambda model: f"{model} at {values[model]:.3g}×", f"the time of {REFERENCE}"),
    ]
    told = "; ".join(filter(None, parts))
    return f"{_claim(values, ahead)}: {told}." if values else ""


def _said(models: list[str], name: Callable[[str], str], what: str) -> str:
    return f"{joined([name(model) for model in models])} {what}" if models else ""


def _claim(values: dict[str, float], ahead: Sequence[str]) -> str:
    """Which families did units side by side, of those that were measured."""
    side_by_side = {model for model in ahead if values[model] < OVERLAPPING}
    measured = [
        family for family, models in FAMILIES.items() if not values.keys().isdisjoint(models)
    ]
    overlapping = [family for family in measured if not side_by_side.isdisjoint(FAMILIES[family])]
    if not overlapping:
        return "Nothing here did this work side by side"
    only = "" if len(overlapping) == len(measured) else "only "
    said = f"{only}{joined(overlapping)} did this work side by side"
    return said[0].upper() + said[1:]


def joined(words: Sequence[str]) -> str:
    """ "a", "a and b", "a, b and c"."""
    *most, last = words
    return f"{', '.join(most)} and {last}" if most else last
