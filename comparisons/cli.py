"""The main comparison, `python -m comparisons`: run it and return the exit status.

0: every model finished and got the sequential result. 1: something failed; the results so far were
shown. 2: invalid usage. 130: Ctrl-C.
"""

import os
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from types import FrameType
from typing import Final, NoReturn

from comparisons.options import settings_from

INTERRUPTED: Final = 130
TERMINATED: Final = 143


def main(arguments: Sequence[str], other_commands: Sequence[str] = ()) -> int:
    """Run the main comparison; `other_commands` are named in its help."""
    settings = settings_from(arguments, other_commands)
    if not find_spec("rich"):
        print("this needs rich: python -m pip install -e '.[compare]'", file=sys.stderr)
        return 1
    from comparisons.run import Run  # imports rich, which may be missing

    try:
        return Run(settings, arguments).complete()
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    except OSError as error:
        where = f" {error.filename}" if error.filename else ""
        print(f"cannot write{where}: {error.strerror or error}", file=sys.stderr)
        _discard_output()
        return 1


def stop(_signal: int, _frame: FrameType | None) -> NoReturn:
    """Exit on SIGTERM by an exception, so that all cleanup code runs."""
    raise SystemExit(TERMINATED)


def _discard_output() -> None:
    """Discard buffered output: flushing it at exit would fail again with the same error."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
