"""Shrink a program about streams while it shows the same difference.

A program is shrunk as a syntax tree: statements, keyword arguments and elements of lists and tuples
are removed; bytes and numbers become smaller. A program that makes no sense fails in the same way
on all implementations, so it shows no difference.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from typing import TypeVar

T = TypeVar("T")

MOST_TRIALS = 600
"""The number of candidates to run. Then the smallest program so far is returned."""


def shrink(text: str, shows: Callable[[str], bool]) -> str:
    """Return the smallest program found that `shows` what `text` shows."""
    trials = 0

    def allowed(candidate: str) -> bool:
        nonlocal trials
        trials += 1
        return trials <= MOST_TRIALS and shows(candidate)

    while smaller := next(filter(allowed, _smaller(text)), None):
        text = smaller
    return text


def _smaller(text: str) -> Iterator[str]:
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.AsyncFunctionDef):
            yield from _without_some(tree, node.body, (8, 4, 2, 1), least=1)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield from _without_some(tree, node.keywords, (1,), least=0)
        elif isinstance(node, (ast.List, ast.Tuple)):
            yield from _without_some(tree, node.elts, (1,), least=0)
        elif isinstance(node, ast.Constant):
            yield from _with_less(tree, node)


def _without_some(
    tree: ast.AST, items: list[T], sizes: tuple[int, ...], *, least: int
) -> Iterator[str]:
    """Yield the program without `size` consecutive items, the last ones first."""
    for size in sizes:
        for at in reversed(range(len(items) - size + 1)):
            if len(items) - size >= least:
                left_out = items[at : at + size]
                del items[at : at + size]
                yield ast.unparse(tree) + "\n"
                items[at:at] = left_out


def _with_less(tree: ast.AST, constant: ast.Constant) -> Iterator[str]:
    """Yield the program with a smaller value in one place."""
    value = constant.value
    for less in _less(value):
        constant.value = less
        yield ast.unparse(tree) + "\n"
    constant.value = value


def _less(value: object) -> list[bytes | int]:
    if isinstance(value, bytes) and value:
        half = len(value) // 2
        options = [value[:half], value[half:], value[1:], value[:-1], b"a" * len(value)]
        return [less for less in dict.fromkeys(options) if less != value]
    if isinstance(value, int) and value > 1:
        return [*dict.fromkeys((1, value // 2, value - 1))]
    return []
