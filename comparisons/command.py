"""What the commands that measure have in common: what they need, and how they end.

0: all was measured. 1: something failed; what could be shown has been. 2: wrong usage.
130: Ctrl-C. None of them ends with a traceback for what its user, or the machine, has done.
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
    """The exit status of the command `name`, whose work is `action`."""
    missing = [library for library in needs if find_spec(library) is None]
    if missing:
        what = " and ".join(missing)
        print(f"{name} needs {what}: python -m pip install -e '.[compare]'", file=sys.stderr)
        return 1
    try:
        return action()
    except KeyboardInterrupt:
        print(f"{name}: interrupted", file=sys.stderr)
        return INTERRUPTED
    except OSError as error:
        where = f" {error.filename}" if error.filename else ""
        print(f"{name}: cannot write{where}: {error.strerror or error}", file=sys.stderr)
        # What standard output still holds may be what could not be written: do not try again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def names_among(known: Sequence[str], what: str) -> Callable[[str], tuple[str, ...]]:
    """A type for argparse: names separated by commas, which come in the order of `known`."""

    def split(text: str) -> tuple[str, ...]:
        names = [name.strip() for name in text.split(",") if name.strip()]
        unknown = ", ".join(name for name in names if name not in known)
        if unknown or not names:
            problem = f"unknown {what}: {unknown}" if unknown else f"no {what} named"
            raise argparse.ArgumentTypeError(f"{problem}; known are {', '.join(known)}")
        return tuple(name for name in known if name in names)

    return split


def folder(text: str) -> Path:
    """A type for argparse: a folder, or where one can be made."""
    path = Path(text)
    if path.exists() and not path.is_dir():
        raise argparse.ArgumentTypeError(f"{path} is not a directory")
    return path


def whole_number(least: int, most: int) -> Callable[[str], int]:
    """A type for argparse: a whole number in these bounds."""

    def number(text: str) -> int:
        if not (text.isascii() and text.isdecimal() and least <= int(text) <= most):
            problem = f"{text!r} is not a whole number from {least:,} to {most:,}"
            raise argparse.ArgumentTypeError(problem)
        return int(text)

    return number
