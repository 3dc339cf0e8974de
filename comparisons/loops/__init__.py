"""`python -m comparisons loops`: one row for each workload, one column for each event loop.

Read in this order: workload, micro, tree, classics, columns, process, rows (what is measured);
worker, measure (how); means, table, figure, files (how it is shown); options, run.

Nothing is imported here that a sample does not need: every sample imports this file first.
"""

import os
import sys
from typing import Final

NEEDED: Final = ("rich", "matplotlib", "psutil", "pyperf")
INTERRUPTED: Final = 130


def installed(name: str) -> bool:
    from importlib.util import find_spec

    return find_spec(name) is not None


def main(arguments: list[str]) -> int:
    """Run the command; the answer is its exit status: 0, 1 (a failure), 130 (Ctrl-C).

    Raises SystemExit(2) on wrong usage, as argparse does.
    """
    from comparisons.loops.options import settings_from  # here for the samples' sake, as below

    settings = settings_from(arguments)
    missing = [name for name in NEEDED if not installed(name)]
    if missing:
        wanted = " and ".join(missing)
        print(f"this needs {wanted}: python -m pip install -e '.[compare]'", file=sys.stderr)
        return 1
    from comparisons.loops.run import run

    try:
        return run(settings, arguments)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    except OSError as error:
        print(f"cannot write: {error.strerror or error}", file=sys.stderr)
        # What standard output still holds may be what could not be written: do not try again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
