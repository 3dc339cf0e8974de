"""One sample: a new process in which one copy of miniloop runs one workload.

The question is read as JSON from standard input. The answer is a line of JSON: {"error": "..."}, or
the lowest CPU time of several runs in seconds, because noise only makes a run slower.
"""

import json
import sys
from pathlib import Path
from typing import Any

from comparisons.fast_paths.edits import PACKAGE
from comparisons.fast_paths.workloads import WORKLOADS
from comparisons.loops.worker import measure
from comparisons.loops.workload import CPU


def take(folder: str, workload: str, size: int, values: int) -> dict[str, Any]:
    """Take the sample with the copy in `folder`; return {"seconds": ...} or {"error": ...}."""
    sys.path.insert(0, folder)
    work = WORKLOADS[workload]
    try:
        import miniloop

        if Path(str(miniloop.__file__)).parent != Path(folder) / PACKAGE:
            raise ImportError(f"{PACKAGE} comes from {miniloop.__file__}, not from {folder}")
        measure(work, PACKAGE, min(size, work.quick))  # a warm-up
        seconds = [measure(work, PACKAGE, size)[CPU] for _ in range(values)]
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}"}
    return {"seconds": min(seconds)}


if __name__ == "__main__":
    print(json.dumps(take(**json.load(sys.stdin))))
