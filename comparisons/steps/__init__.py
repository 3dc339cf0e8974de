"""`python -m comparisons steps`: which function runs, waits or is done, step by step.

Read the modules in this order: journal, story, service, models, spans, table, figure, cli.

Every process that runs a function imports this file first, so it imports nothing heavy.
"""

import sys
from importlib.util import find_spec


def main(argv: list[str]) -> int:
    """Run the command; return its exit status: 0, 1 (something failed) or 130 (Ctrl-C).

    Raises SystemExit(2) on invalid usage.
    """
    missing = [name for name in ("rich", "matplotlib") if find_spec(name) is None]
    if missing:
        print(
            f"steps needs {' and '.join(missing)}: python -m pip install -e '.[compare]'",
            file=sys.stderr,
        )
        return 1
    try:
        from comparisons.steps.cli import run

        return run(argv)
    except KeyboardInterrupt:
        print("steps: interrupted", file=sys.stderr)
        return 130
