"""The name of a mutant: its original line and its changed line.

This file needs no installed package, so that `survivors.toml` can be checked anywhere.
"""

from __future__ import annotations

from typing import TypeAlias

#: Module, function, original line, changed line, and the number among equal changes, from 1.
Key: TypeAlias = tuple[str, str, str, str, int]


def bare_line(line: str) -> str:
    """Return a line without its indentation and comment."""
    return line.partition("  # ")[0].strip()
