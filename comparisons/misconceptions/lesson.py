"""A lesson as it stands in its script: what is asked, the program, and the answer.

A script opens with a docstring: the claim, an empty line, the question, and the choices, a line
each. Then comes the program. It closes with notes in a comment, each a word, a colon and its text:
Answer, Why (three lines), Where (a place in miniloop's source, once or more), Prints, and if need
be Warns (what goes to standard error), Since (the first Python whose asyncio does so) and Before
(what it did until then).

Not known here: whether the program prints that.
"""

import ast
import re
from pathlib import Path
from typing import Any, Final, NamedTuple

FOLDER: Final = Path(__file__).resolve().parent
ROOT: Final = FOLDER.parents[1]
NEEDED: Final = ("Answer", "Why", "Where", "Prints")
OPTIONAL: Final = ("Warns", "Since", "Before")

EVER: Final = "3.11"

_OPENING: Final = re.compile(r"(.+?)\n\n(.+?)\n(a\) .+)", re.DOTALL)
_NOTE: Final = re.compile(r"# ([A-Z]\w+):(?: (.*))?")
_CHOICE: Final = re.compile(r"([a-z])\) (.+)")


class BrokenLesson(Exception):
    """A script is not written as it has to be, or leads to a place that is not there."""


class Place(NamedTuple):
    """A class or a function in miniloop's source."""

    file: str
    """From the root of the project: `miniloop/tasks.py`."""
    name: str
    """As `__qualname__` has it: `Task._run`."""

    def line(self) -> int:
        """Where it begins; BrokenLesson if it does not exist."""
        path = ROOT / self.file
        found: Any = ast.parse(path.read_text(encoding="utf-8")) if path.is_file() else None
        for part in self.name.split("."):
            found = _defined(part, found)
        if found is None:
            raise BrokenLesson(f"there is no {self.name} in {self.file}")
        return int(found.lineno)


def _defined(name: str, inside: Any) -> Any:
    for node in getattr(inside, "body", ()):
        kinds = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
        if isinstance(node, kinds) and node.name == name:
            return node
    return None


class Lesson(NamedTuple):
    number: int
    path: Path
    claim: str
    question: str
    choices: dict[str, str]
    """By letter."""
    program: str
    answer: str
    """The letter of the right choice."""
    why: tuple[str, ...]
    places: tuple[Place, ...]
    prints: str
    """What standard output has to get, on any Python from `since` on."""
    warns: str
    """What standard error has to get."""
    since: tuple[int, ...]
    """The first Python whose asyncio does so; miniloop does so on all of them."""
    before: str
    """What the asyncio of an older Python does."""


def lessons() -> dict[int, Lesson]:
    """All there are, by number; BrokenLesson if one is not written as it has to be."""
    read = (read_lesson(path) for path in sorted(FOLDER.glob("m[0-9][0-9]_*.py")))
    return {lesson.number: lesson for lesson in read}


def read_lesson(path: Path) -> Lesson:
    """BrokenLesson if the script is not written as it has to be."""
    source = path.read_text(encoding="utf-8")
    module = ast.parse(source)
    opening = _OPENING.fullmatch(ast.get_docstring(module) or "")
    program, found, closing = source.partition("\n# Answer:")
    if not opening or not found:
        raise BrokenLesson(f"{path.name} lacks a claim, a question, choices, or an answer")
    claim, question, choices = opening.groups()
    notes = _notes(path, found.strip() + closing)
    places = (where.partition(": ") for where in notes["Where"])
    return Lesson(
        number=int(path.name[1:3]),
        path=path,
        claim=_joined(claim),
        question=_joined(question),
        choices=_choices(path, choices),
        program="\n".join(program.splitlines()[module.body[0].end_lineno or 0 :]).strip() + "\n",
        answer=_joined(notes["Answer"]),
        why=tuple(line.strip() for line in notes["Why"]),
        places=tuple(Place(file, name) for file, _, name in places),
        prints=_block(notes["Prints"]),
        warns=_block(notes.get("Warns", [])),
        since=tuple(map(int, _joined(notes.get("Since", [EVER])).split("."))),
        before=_joined(notes.get("Before", [])),
    )


def _notes(path: Path, text: str) -> dict[str, list[str]]:
    """The lines of each note, by its word; a note that is given more than once is one."""
    notes: dict[str, list[str]] = {}
    for line in text.splitlines():
        if note := _NOTE.fullmatch(line):
            lines = notes.setdefault(note[1], [])
            lines += [note[2]] if note[2] else []
        elif line.startswith("#     "):
            lines.append(line[6:])
        else:
            raise BrokenLesson(f"{path.name} has a line among its notes that is none: {line}")
    wrong = set(NEEDED) - notes.keys() | notes.keys() - {*NEEDED, *OPTIONAL}
    if wrong:
        raise BrokenLesson(f"{path.name} lacks notes, or has unknown ones: {sorted(wrong)}")
    return notes


def _choices(path: Path, text: str) -> dict[str, str]:
    found = [_CHOICE.fullmatch(line) for line in text.splitlines()]
    choices = {choice[1]: choice[2] for choice in found if choice}
    if len(choices) != len(found):
        raise BrokenLesson(f"{path.name} has choices that are not a line each, or of one letter")
    return choices


def _joined(lines: str | list[str]) -> str:
    return " ".join(lines.split() if isinstance(lines, str) else lines)


def _block(lines: list[str]) -> str:
    return "".join(f"{line}\n" for line in lines)
