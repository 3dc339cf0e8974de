"""`python -m comparisons loops`: one row for each workload, one column for each event loop.

Read the modules in this order: workload, micro, tree, classics, columns, process, network, rows
(what is measured); worker, measure (how it is measured); means, table, figure, files (how it is
shown); options, run.

Every sample process imports this file first, so it imports nothing that a sample does not need.
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
    """Run the command; return its exit status: 0, 1 (something failed) or 130 (Ctrl-C).

    Raises SystemExit(2) on invalid usage.
    """
    from comparisons.loops.options import settings_from  # late, so that samples do not import it

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
        # Discard buffered output: flushing it at exit would fail again with the same error.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
