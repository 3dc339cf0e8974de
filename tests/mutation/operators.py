"""An operator that Cosmic Ray does not have, written like its own operators.

Purpose: removes a statement. Cosmic Ray changes conditions and numbers. But typical bugs in an
event loop are missing lines: a flag is not cleared, or a waiter is not removed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from cosmic_ray.operators.operator import Example, Operator
from parso.python.tree import Keyword

Position = tuple[tuple[int, int], tuple[int, int]]

NAME: Final = "statement/Remove"

# Not removed: without an import, a NameError is certain; `pass` and docstrings have no effect;
# Cosmic Ray has an operator for `break` and `continue`.
_KEPT: Final = frozenset(
    {"import_name", "import_from", "string", "strings", "global_stmt", "nonlocal_stmt"}
)
_KEPT_WORDS: Final = frozenset({"pass", "break", "continue", "..."})


class RemoveStatement(Operator):  # type: ignore[misc]  # it has no types
    """Replace a simple statement inside a function by `pass`."""

    def mutation_positions(self, node: Any) -> Iterator[Position]:
        if node.type == "simple_stmt" and _is_in_a_function(node) and _does_something(node):
            statement = node.children[0]
            yield statement.start_pos, statement.end_pos

    def mutate(self, node: Any, index: int) -> Any:
        first = node.get_first_leaf()
        node.children[0] = Keyword("pass", first.start_pos, first.prefix)
        return node

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return (
            Example("def f():\n    g()\n", "def f():\n    pass\n"),
            Example("def f():\n    return 1\n", "def f():\n    pass\n"),
        )


def _is_in_a_function(node: Any) -> bool:
    while (node := node.parent) is not None:
        if node.type in ("funcdef", "classdef"):
            return bool(node.type == "funcdef")
    return False


def _does_something(node: Any) -> bool:
    statement = node.children[0]
    if statement.type in _KEPT or statement.get_code().strip() in _KEPT_WORDS:
        return False
    if statement.type == "expr_stmt" and statement.children[1].type == "annassign":
        return any(
            child == "=" for child in statement.children[1].children
        )  # otherwise it is only a declaration
    return True
