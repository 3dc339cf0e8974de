"""One sample: a new process in which one model runs one workload once.

The job is read as JSON from standard input. The result, or {"error": "..."}, is written as one
line of JSON to standard output. A separate process isolates each model's imports, caches and
memory, and a crash does not end the run.
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
    """Run the job; return {"outcome": ...} or {"error": ...}."""
    try:
        outcome = MODELS[job.model](job)
        if job.workload == "mixed":
            check_files(job, outcome.results)
    except Exception as error:
        return {"error": explain(error, job)}
    return {"outcome": outcome._asdict()}


def explain(error: Exception, job: Job) -> str:
    """Describe the error for the report."""
    kind = type(error).__name__
    if isinstance(error, PageError):
        return str(error)
    if kind == "BrokenProcessPool":  # by name: importing the class would slow down every model
        return "a worker process died"
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return f"cannot write to {error.filename or job.folder}: {error.strerror}"
    return f"{kind}: {error}" if str(error) else kind


def main() -> None:
    fields = json.load(sys.stdin)
    answer = take(Job(**{**fields, "urls": tuple(fields["urls"])}))
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
