"""What the commands have in common: required libraries, exit status, argument types.

Exit status 0: success. 1: something failed; the results so far were shown. 2: invalid usage.
130: Ctrl-C. Errors of the user or of the machine never print a traceback.
"""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Final

INTERRUPTED: Final = 130
NEEDS: Final = ("rich", "matplotlib")


def carried_out(name: str, action: Callable[[], int], needs: Sequence[str] = NEEDS) -> int:
    """Run `action` as the command `name`; return its exit status.

    Missing libraries, Ctrl-C and OSError are reported in one line on standard error.
    """
    missing = [library for library in needs if find_spec(library) is None]
    if missing:
        names = " and ".join(missing)
        print(f"{name} needs {names}: python -m pip install -e '.[compare]'", file=sys.stderr)
        return 1
    try:
        return action()
    except KeyboardInterrupt:
        print(f"{name}: interrupted", file=sys.stderr)
        return INTERRUPTED
    except OSError as error:
        where = f" {error.filename}" if error.filename else ""
        print(f"{name}: cannot write{where}: {error.strerror or error}", file=sys.stderr)
        # Discard buffered output: flushing it at exit would fail again with the same error.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def names_among(known: Sequence[str], kind: str) -> Callable[[str], tuple[str, ...]]:
    """Return an argparse type: names separated by commas, returned in the order of `known`."""

    def split(text: str) -> tuple[str, ...]:
        names = [name.strip() for name in text.split(",") if name.strip()]
        unknown = ", ".join(name for name in names if name not in known)
        if unknown or not names:
            problem = f"unknown {kind}: {unknown}" if unknown else f"no {kind} given"
            raise argparse.ArgumentTypeError(f"{problem}; choose from {', '.join(known)}")
        return tuple(name for name in known if name in names)

    return split


def folder(text: str) -> Path:
    """Convert an argument to the path of a folder, which may not exist yet."""
    path = Path(text)
    if path.exists() and not path.is_dir():
        raise argparse.ArgumentTypeError(f"{path} is not a directory")
    return path


def whole_number(least: int, most: int) -> Callable[[str], int]:
    """Return an argparse type: a whole number from `least` to `most`."""

    def number(text: str) -> int:
        if not (text.isascii() and text.isdecimal() and least <= int(text) <= most):
            problem = f"{text!r} is not a whole number from {least:,} to {most:,}"
            raise argparse.ArgumentTypeError(problem)
        return int(text)

    return number
