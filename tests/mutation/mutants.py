"""Mutants: a module's source with one change each.

Purpose: from a module's text and the operators make all mutants that can be told apart.
Rules: annotations, docstrings and lists of names (`__all__`, `__slots__`) are not mutated, for the
interpreter does not ask what they say. A mutant that is compiled to the very code of the original,
or of a mutant before it, is none.
This file does not know tests. Read operators.py first.
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

#: What a recursion over a syntax tree needs: parso's is deeper than Python's own.
_DEPTH: Final = 10_000

Place = tuple[int, int]  # line, from 1, and column, from 0


@dataclass(frozen=True)
class Mutant:
    """One change: where, what, and the module's whole source with it."""

    module: str
    function: str  # with its class, as `Task._run`; empty outside all functions
    line: int
    operator: str
    before: str  # the first line that is changed, without indentation and comment
    after: str
    nth: int  # of those in the function that are changed alike, from 1
    reach: str  # the function that has to be called for it to matter; empty: none
    source: str

    @property
    def key(self) -> Key:
        """What names it from one day to the next: its line number will not."""
        return self.module, self.function, self.before, self.after, self.nth


def operators(left_out: Sequence[str]) -> dict[str, Any]:
    """Every operator that no pattern of `left_out` names, ready to be used.

    Those that have arguments are left out: they ask which variable is the cause of which other.
    """
    found = {NAME: RemoveStatement()}
    for name in cosmic_ray.plugins.operator_names():
        kind = cosmic_ray.plugins.get_operator(name)
        if not kind.arguments():
            found[name] = kind()
    patterns = [re.compile(fnmatch.translate(pattern)) for pattern in left_out]
    return {n: o for n, o in found.items() if not any(p.match(n) for p in patterns)}


def mutants_of(module: str, source: str, used: dict[str, Any]) -> list[Mutant]:
    """All mutants of a module, in the order of its lines."""
    sys.setrecursionlimit(max(_DEPTH, sys.getrecursionlimit()))
    tree = get_ast(source)
    frozen = pickle.dumps(
        tree
    )  # an operator changes the tree; to thaw one is quicker than to parse
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
        except SyntaxError:  # a star between parameters is no multiplication
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
    """What the source is compiled to, without the places of its lines."""
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
    """What stands where in a module's source."""

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
        """The innermost function around a line, and the one whose call brings the line to run."""
        around = [found for found in self._functions if found[0] <= line <= found[2]]
        called = [found for found in around if found[1] <= line]
        # Those inside come later.
        return around[-1][3] if around else "", called[-1][3] if called else ""


def _left_alone(node: ast.AST) -> Iterator[ast.expr]:
    """The parts of a node that are written for people and type checkers."""
    if isinstance(node, ast.arg | ast.AnnAssign) and node.annotation is not None:
        yield node.annotation
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.returns is not None:
        yield node.returns
    if isinstance(node, ast.Assign) and LISTS_OF_NAMES & {ast.unparse(t) for t in node.targets}:
        yield node.value


def _span(node: ast.expr) -> tuple[Place, Place]:
    # Columns of ast are in bytes; they are the same as parso's where a line is ASCII up to there.
    return (node.lineno, node.col_offset), (node.end_lineno or 0, node.end_col_offset or 0)
