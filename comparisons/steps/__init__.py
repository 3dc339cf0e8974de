"""`python -m comparisons steps`: who runs, who waits and who is done, step by step.

Read in this order: journal, story, outside, models, table, figure, cli.
Nothing heavy is imported here, because every process that runs a function imports this file first.
"""

import sys
from importlib.util import find_spec


def main(argv: list[str]) -> int:
    """Run the command; the answer is its exit code: 0, 1 (a failure), 130 (Ctrl-C).

    Raises SystemExit(2) on wrong usage, as argparse does.
    """
    missing = [name for name in ("rich", "matplotlib") if find_spec(name) is None]
    if missing:
        print(
            f"steps needs {' and '.join(missing)}: python -m pip install '.[compare]'",
            file=sys.stderr,
        )
        return 1
    try:
        from comparisons.steps.cli import run

        return run(argv)
    except KeyboardInterrupt:
        print("steps: stopped", file=sys.stderr)
        return 130
