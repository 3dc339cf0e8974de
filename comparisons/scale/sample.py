"""One sample: a new process that runs one model with N sleepers or connections.

The question is read as JSON from standard input. The answer is a line of JSON: {"figures": {...}},
{"refused": "..."} if the machine has too few resources, or {"error": "..."}.
"""

import json
import sys
from typing import Any

from comparisons.scale.figures import Figures, Refused


def take(experiment: str, model: str, many: int) -> dict[str, Any]:
    try:
        return {"figures": _figures(experiment, model, many)._asdict()}
    except Refused as refusal:
        return {"refused": str(refusal)}
    except Exception as error:
        kind = type(error).__name__
        return {"error": f"{kind}: {error}" if str(error) else kind}


def _figures(experiment: str, model: str, many: int) -> Figures:
    if experiment == "connections":
        from comparisons.scale.connections import (
            measure_connections,
        )  # late import: only this experiment needs it

        return measure_connections(model, many)
    from comparisons.scale.sleepers import MODELS

    return MODELS[model](many)


if __name__ == "__main__":
    print(json.dumps(take(**json.load(sys.stdin))))
