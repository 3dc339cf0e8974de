"""The main job, `python -m comparisons`: options in, exit status out.

0: every model did the work and got the sequential result. 1: something failed; what could be shown
has been. 2: wrong usage. 130: Ctrl-C.
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
    settings = settings_from(arguments, other_commands)
    if not find_spec("rich"):
        print("this needs rich: python -m pip install -e '.[compare]'", file=sys.stderr)
        return 1
    from comparisons.run import Run  # it imports rich

    try:
        return Run(settings, arguments).complete()
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    except OSError as error:
        where = f" {error.filename}" if error.filename else ""
        print(f"cannot write{where}: {error.strerror or error}", file=sys.stderr)
        _forget_output()
        return 1


def stop(_signal: int, _frame: FrameType | None) -> NoReturn:
    """Leave in good order, through every clean-up, when asked to terminate."""
    raise SystemExit(TERMINATED)


def _forget_output() -> None:
    """What standard output still holds may be what could not be written: do not try again."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
