"""Mutants: a module's source with one change each.

Purpose: creates all distinct mutants of a module's source with the given operators.
Rules: annotations, docstrings and lists of names (`__all__`, `__slots__`) are not mutated, because
they have no effect at run time. A mutant is dropped if it compiles to the same bytecode as the
original or as an earlier mutant.
Does not depend on the tests. Read operators.py first.
"""

from __future__ import annotations

import ast
import fnmatch
import pickle
import re
import sys
import types
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import cosmic_ray.plugins
from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import MutationVisitor

from tests.mutation.lines import Key, bare_line
from tests.mutation.operators import NAME, RemoveStatement

LISTS_OF_NAMES: Final = frozenset({"__all__", "__slots__"})

#: Recursion limit for walking a syntax tree: parso's trees are deeper than those of `ast`.
_DEPTH: Final = 10_000

Place = tuple[int, int]  # line, from 1, and column, from 0


@dataclass(frozen=True)
class Mutant:
    """One change: its place, its kind, and the module's whole source with it."""

    module: str
    function: str  # with its class, for example `Task._run`; "" outside all functions
    line: int
    operator: str
    before: str  # the first changed line, without indentation and comment
    after: str
    nth: int  # number among equal changes in this function, from 1
    reach: str  # the change has no effect unless this function is called; "": always
    source: str

    @property
    def key(self) -> Key:
        """The stable name of the mutant; its line number is not stable."""
        return self.module, self.function, self.before, self.after, self.nth


def operators(left_out: Sequence[str]) -> dict[str, Any]:
    """Return an instance of every operator that no pattern in `left_out` matches.

    Operators with arguments are left out: they need to know which variable depends on which.
    """
    found = {NAME: RemoveStatement()}
    for name in cosmic_ray.plugins.operator_names():
        kind = cosmic_ray.plugins.get_operator(name)
        if not kind.arguments():
            found[name] = kind()
    patterns = [re.compile(fnmatch.translate(pattern)) for pattern in left_out]
    return {n: o for n, o in found.items() if not any(p.match(n) for p in patterns)}


def mutants_of(module: str, source: str, used: dict[str, Any]) -> list[Mutant]:
    """Return all mutants of a module in line order."""
    sys.setrecursionlimit(max(_DEPTH, sys.getrecursionlimit()))
    tree = get_ast(source)
    frozen = pickle.dumps(
        tree
    )  # an operator modifies the tree; unpickling a copy is faster than parsing
    map_of = _Map(source)
    seen = {_bytecode(source)}
    found = []
    alike: Counter[tuple[str, str, str]] = Counter()
    for name, operator, occurrence, place in _places(tree, used):
        if map_of.is_left_alone(place):
            continue
        changed = _change(pickle.loads(frozen), operator, occurrence)
        try:
            code = _bytecode(changed)
        except SyntaxError:  # `*` between parameters is not a multiplication
            continue
        if code in seen:
            continue
        seen.add(code)
        before, after = _first_difference(source, changed)
        where, reach = map_of.function_at(place[0])
        alike[where, before, after] += 1
        nth = alike[where, before, after]
        found.append(Mutant(module, where, place[0], name, before, after, nth, reach, changed))
    return sorted(found, key=lambda mutant: mutant.line)


def _places(tree: Any, used: dict[str, Any]) -> Iterator[tuple[str, Any, int, Place]]:
    nodes = list(ast_nodes(tree))
    for name, operator in used.items():
        positions = (start for node in nodes for start, _ in operator.mutation_positions(node))
        for occurrence, place in enumerate(positions):
            yield name, operator, occurrence, place


def _change(tree: Any, operator: Any, occurrence: int) -> str:
    visitor = MutationVisitor(occurrence, operator)
    changed: str = visitor.walk(tree).get_code()
    return changed


def _bytecode(source: str) -> object:
    """Return the compiled source without line numbers."""
    code = compile(source, "", "exec", dont_inherit=True)
    return _essence(code)


def _essence(code: types.CodeType) -> tuple[object, ...]:
    constants = tuple(
        _essence(constant) if isinstance(constant, types.CodeType) else (type(constant), constant)
        for constant in code.co_consts
    )
    return (code.co_code, constants, code.co_names, code.co_varnames, code.co_exceptiontable,
            code.co_argcount, code.co_kwonlyargcount, code.co_flags)  # fmt: skip


def _first_difference(before: str, after: str) -> tuple[str, str]:
    old, new = ([bare_line(line) for line in text.splitlines()] for text in (before, after))
    pairs = zip(filter(None, old), filter(None, new), strict=False)
    return next(pair for pair in pairs if pair[0] != pair[1])


class _Map:
    """The positions of functions and unmutated parts in a module's source."""

    def __init__(self, source: str) -> None:
        self._alone: list[tuple[Place, Place]] = []
        self._functions: list[tuple[int, int, int, str]] = []  # first, body, last line, name
        self._read(ast.parse(source), "")

    def _read(self, node: ast.AST, inside: str) -> None:
        for child in ast.iter_child_nodes(node):
            name = inside
            if isinstance(child, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                name = f"{inside}.{child.name}".lstrip(".")
                if not isinstance(child, ast.ClassDef):
                    first = min([child.lineno, *(d.lineno for d in child.decorator_list)])
                    body = child.body[0].lineno
                    self._functions.append((first, body, child.end_lineno or first, name))
            self._alone.extend(_span(part) for part in _left_alone(child))
            self._read(child, name)

    def is_left_alone(self, place: Place) -> bool:
        return any(start <= place < end for start, end in self._alone)

    def function_at(self, line: int) -> tuple[str, str]:
        """Return the innermost function around a line, and the function whose call runs it."""
        around = [found for found in self._functions if found[0] <= line <= found[2]]
        called = [found for found in around if found[1] <= line]
        # Nested functions come later in the list.
        return around[-1][3] if around else "", called[-1][3] if called else ""


def _left_alone(node: ast.AST) -> Iterator[ast.expr]:
    """Return the parts of a node that only people and type checkers read."""
    if isinstance(node, ast.arg | ast.AnnAssign) and node.annotation is not None:
        yield node.annotation
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.returns is not None:
        yield node.returns
    if isinstance(node, ast.Assign) and LISTS_OF_NAMES & {ast.unparse(t) for t in node.targets}:
        yield node.value


def _span(node: ast.expr) -> tuple[Place, Place]:
    # ast counts columns in bytes, parso in characters: equal if the line is ASCII up to there.
    return (node.lineno, node.col_offset), (node.end_lineno or 0, node.end_col_offset or 0)
