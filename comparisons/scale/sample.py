"""One sample: a fresh process in which one model has so many sleepers, or connections.

The question comes as JSON on standard input; the answer is a line of JSON: {"figures": {...}},
{"refused": "..."} where the machine does not give so many, or {"error": "..."}.
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
        from comparisons.scale.connections import connected  # only who needs it pays for it

        return connected(model, many)
    from comparisons.scale.sleepers import MODELS

    return MODELS[model](many)


if __name__ == "__main__":
    print(json.dumps(take(**json.load(sys.stdin))))
