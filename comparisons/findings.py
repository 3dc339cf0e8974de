"""The sentence below a table, derived from its rows.

It orders the models by their ratios and groups them by their intervals. It gives no reasons.
"""

from collections.abc import Sequence

from comparisons.experiment import Row
from comparisons.plan import REFERENCE


def sentence(rows: Sequence[Row]) -> str:
    """Say which models were faster or slower than the reference; "" if there are none.

    A model whose interval contains 1 shows no clear difference.
    """
    ratios = {row.model: row.ratio for row in rows if row.ratio and row.model != REFERENCE}
    ordered = sorted(ratios, key=lambda model: ratios[model].value)
    values = {model: ratios[model].value for model in ordered}
    unclear = [model for model in values if ratios[model].same]
    clear = [model for model in values if model not in unclear]
    faster = [f"{model} ({1 / values[model]:.3g}×)" for model in clear if values[model] < 1]
    slower = [f"{model} ({values[model]:.3g}×)" for model in clear if values[model] > 1]
    groups = (
        (f"faster than {REFERENCE}", faster),
        ("no clear difference", unclear),
        (f"slower than {REFERENCE}", slower),
    )
    text = "; ".join(f"{title}: {', '.join(models)}" for title, models in groups if models)
    return f"{text[0].upper()}{text[1:]}." if text else ""
