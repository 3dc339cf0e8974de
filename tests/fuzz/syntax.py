"""The syntax tree of a random program, how it is written as source, and how it is shrunk.

A program is a function of Python source in which `aio` is the library under test: the printed text
is what is run. A node is an expression or a line (`text`, with a place for each of its `parts`), or
a block (one head for each of its `bodies`). Every node has the name of its operation, which
generate.py chooses and coverage.py counts.

This file knows the layout of Python and nothing of asyncio.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property

__all__ = ["Body", "Function", "Node", "Program", "block", "listed", "node", "smaller_programs"]

Body = tuple["Node", ...]

LISTED = "{0}, …"
"""The text of an expression that consists of all its parts, separated by commas."""


@dataclass(frozen=True)
class Node:
    """An expression, a line or a block; `heads` has one text for each of a block's `bodies`."""

    op: str
    heads: tuple[str, ...]
    parts: tuple[Node, ...] = ()
    bodies: tuple[Body, ...] = ()
    simpler: tuple[str, ...] = ()
    """Texts that may replace it when the program is shrunk, the simplest first."""

    @property
    def text(self) -> str:
        """The source of an expression or a line."""
        if self.heads[0] is LISTED:
            return ", ".join(part.text for part in self.parts)
        return self._filled(self.heads[0])

    def _filled(self, text: str) -> str:
        return text.format(*(part.text for part in self.parts))

    def lines(self, depth: int) -> Iterator[tuple[str, Node]]:
        """Yield the indented source lines, each with its node."""
        indent = "    " * depth
        if not self.bodies:
            yield indent + self.text, self
        for head, body in zip(self.heads if self.bodies else (), self.bodies, strict=True):
            yield indent + self._filled(head), self
            yield from _body_lines(body, depth + 1)

    def operations(self) -> Iterator[str]:
        """Yield the operations of its own line and its parts, but not of its bodies."""
        if self.op:
            yield self.op
        for part in self.parts:
            yield from part.operations()


def node(op: str, text: str, *parts: Node, simpler: tuple[str, ...] = ()) -> Node:
    """Make an expression or a line."""
    return Node(op, (text,), parts, simpler=simpler)


def block(op: str, *clauses: tuple[str, Body], parts: tuple[Node, ...] = ()) -> Node:
    """Make a block of one or more clauses, each a head such as `try:` and its body."""
    return Node(op, tuple(head for head, _ in clauses), parts, tuple(body for _, body in clauses))


def listed(parts: Iterable[Node]) -> Node:
    """Make a list of all parts, separated by commas. Shrinking may remove some of them."""
    return Node("", (LISTED,), tuple(parts))


PASS = node("", "pass")


def _body_lines(body: Body, depth: int) -> Iterator[tuple[str, Node]]:
    for statement in body or (PASS,):
        yield from statement.lines(depth)


@dataclass(frozen=True)
class Function:
    """A coroutine function, an asynchronous generator or a callback, according to `head`."""

    head: str
    body: Body

    @property
    def name(self) -> str:
        found = re.search(r"def (\w+)", self.head)
        assert found is not None
        return found[1]

    def lines(self) -> Iterator[tuple[str, Node]]:
        yield f"    {self.head}", PASS
        written = list(_body_lines(self.body, 2))
        changed = {m[1] for line, _ in written if (m := re.match(r" *(t\d) = ", line))}
        if changed:
            yield f"        nonlocal {', '.join(sorted(changed))}", PASS
        yield from written


HEADER = '''\
"""{about}"""


def program(aio, loop, log, attempt, var, copy_context, work):
'''

FOOTER = """

if __name__ == "__main__":  # run it on asyncio and on miniloop
    import sys
    from pathlib import Path

    sys.path.insert(0, str(Path(__file__).resolve().parents[3]))
    from tests.fuzz.programs import show_script

    sys.exit(show_script(__file__))
"""


@dataclass(frozen=True)
class Program:
    """A program: shared objects, functions, and the lines that start everything."""

    shared: Body
    functions: tuple[Function, ...]
    start: Body

    @cached_property
    def _body(self) -> list[tuple[str, Node]]:
        lines = list(_body_lines(self.shared, 1)) if self.shared else []
        for function in self.functions:
            lines += [("", PASS), *function.lines()]
        return [*lines, ("", PASS), *_body_lines(self.start, 1)]

    @cached_property
    def source(self) -> str:
        """The source of the function `program`, which is run."""
        return HEADER.format(about="A random program.") + "\n".join(line for line, _ in self._body)

    def script(self, about: str) -> str:
        """Return the source as a script that can be run. Its lines have the numbers of `source`."""
        return HEADER.format(about=about) + "\n".join(line for line, _ in self._body) + FOOTER

    @cached_property
    def operations(self) -> dict[int, tuple[str, ...]]:
        """The operations in each line of the source, by line number."""
        first = HEADER.count("\n") + 1
        return {first + n: tuple(of.operations()) for n, (_, of) in enumerate(self._body)}

    @property
    def size(self) -> int:
        """The length of the source; shrinking reduces it."""
        return len(self.source)


# -- shrinking -------------------------------------------------------------------------------------


def smaller_programs(program: Program) -> Iterator[Program]:
    """Yield programs with one thing removed, those with the largest parts removed first."""
    used = "\n".join(line for line, _ in program._body)
    for n, function in enumerate(program.functions):
        if len(re.findall(rf"\b{function.name}\b", used)) == 1:
            functions = program.functions[:n] + program.functions[n + 1 :]
            yield replace(program, functions=functions)
    for body in _smaller_bodies(program.start):
        yield replace(program, start=body)
    for n, function in enumerate(program.functions):
        for body in _smaller_bodies(function.body):
            changed = replace(function, body=body)
            functions = (*program.functions[:n], changed, *program.functions[n + 1 :])
            yield replace(program, functions=functions)
    for body in _smaller_bodies(program.shared):
        yield replace(program, shared=body)


def _smaller_bodies(body: Body) -> Iterator[Body]:
    if len(body) > 3:
        half = len(body) // 2
        yield body[half:]
        yield body[:half]
    for n, statement in enumerate(body):
        before, after = body[:n], body[n + 1 :]
        yield before + after
        for inner in statement.bodies:  # its contents without the block
            yield before + inner + after
        for smaller in _smaller_nodes(statement):
            yield (*before, smaller, *after)


def _smaller_nodes(of: Node) -> Iterator[Node]:
    for text in of.simpler:
        yield replace(
            of, op="", heads=(text,), parts=(), simpler=of.simpler[: of.simpler.index(text)]
        )
    for n, part in enumerate(of.parts):
        if of.heads[0] is LISTED and len(of.parts) > 1:
            yield replace(of, parts=of.parts[:n] + of.parts[n + 1 :])
        for smaller in (*part.parts, *_smaller_nodes(part)):
            yield replace(of, parts=(*of.parts[:n], smaller, *of.parts[n + 1 :]))
    for n, body in enumerate(of.bodies):
        for smaller_body in _smaller_bodies(body):
            yield replace(of, bodies=(*of.bodies[:n], smaller_body, *of.bodies[n + 1 :]))
