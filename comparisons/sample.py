"""One sample: a fresh process in which one model does one workload once.

The job comes as JSON on standard input; what came of it goes as one line of JSON to standard
output, and so does what went wrong in the work: {"error": "..."}. A process of its own keeps the
imports, caches and memory of one model away from the next, and a crash away from the run.
"""

import errno
import json
import sys
from typing import Any

from comparisons.client import PageError
from comparisons.job import Job
from comparisons.models import MODELS
from comparisons.workloads import check_files


def take(job: Job) -> dict[str, Any]:
    """Run the job; {"outcome": ...} or {"error": ...}."""
    try:
        outcome = MODELS[job.model](job)
        if job.workload == "mixed":
            check_files(job, outcome.results)
    except Exception as error:
        return {"error": explain(error, job)}
    return {"outcome": outcome._asdict()}


def explain(error: Exception, job: Job) -> str:
    """What happened, in words for whoever reads the report."""
    kind = type(error).__name__
    if isinstance(error, PageError):
        return str(error)
    if kind == "BrokenProcessPool":  # by name: importing the class would cost every model
        return "a worker process died in the middle of its work"
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return f"cannot write to {error.filename or job.folder}: {error.strerror}"
    return f"{kind}: {error}" if str(error) else kind


def main() -> None:
    asked = json.load(sys.stdin)
    answer = take(Job(**{**asked, "urls": tuple(asked["urls"])}))
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
