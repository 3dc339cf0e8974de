"""How a mutant is named: by a line as it was and as it is.

This file needs nothing that has to be installed, so that `survivors.toml` can be checked anywhere.
"""

from __future__ import annotations

from typing import TypeAlias

#: Module, function, the line as it was and as it is, and which of those that are changed alike.
Key: TypeAlias = tuple[str, str, str, str, int]


def bare_line(line: str) -> str:
    """A line without its indentation and comment."""
    return line.partition("  # ")[0].strip()
