"""`python -m comparisons`: the main comparison, or the command named by the first argument."""

import signal
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Final

from comparisons import cli

COMMANDS: Final = {
    "steps": "comparisons.steps",
    "loops": "comparisons.loops",
    "knockout": "comparisons.knockout",
    "fastpaths": "comparisons.fast_paths",
    "scale": "comparisons.scale",
    "misconceptions": "comparisons.misconceptions",
}
"""The module of each command, imported when needed; it has `main(arguments) -> exit status`."""


def main(arguments: Sequence[str]) -> int:
    first, rest = (arguments[0], arguments[1:]) if arguments else ("", [])
    if first in COMMANDS:
        status: int = import_module(COMMANDS[first]).main(list(rest))
        return status
    if first and not first.startswith("-"):
        known = ", ".join(COMMANDS)
        print(
            f"python -m comparisons: unknown command {first!r}; the commands are {known}; "
            "without a command, the main comparison runs",
            file=sys.stderr,
        )
        return 2
    return cli.main(arguments, tuple(COMMANDS))


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, cli.stop)
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(cli.INTERRUPTED)
