"""Reading a lesson from its script: the question, the program and the answer.

A script starts with a docstring: the claim, an empty line, the question, and one line for each
choice. Then comes the program. It ends with notes in a comment, each with a keyword and a colon:
Answer, Why (three lines), Where (a place in miniloop's source; may be repeated) and Prints.
Optional notes are Warns (the expected standard error), Since (the first Python version whose
asyncio behaves like this) and Before (what older versions do).

This module does not run the program, so it does not check the expected output.
"""

import ast
import re
from pathlib import Path
from typing import Any, Final, NamedTuple

FOLDER: Final = Path(__file__).resolve().parent
ROOT: Final = FOLDER.parents[1]
NEEDED: Final = ("Answer", "Why", "Where", "Prints")
OPTIONAL: Final = ("Warns", "Since", "Before")

OLDEST_PYTHON: Final = "3.11"

_OPENING: Final = re.compile(r"(.+?)\n\n(.+?)\n(a\) .+)", re.DOTALL)
_NOTE: Final = re.compile(r"# ([A-Z]\w+):(?: (.*))?")
_CHOICE: Final = re.compile(r"([a-z])\) (.+)")


class BrokenLesson(Exception):
    """A script does not follow the format, or refers to code that does not exist."""


class Place(NamedTuple):
    """A class or a function in miniloop's source."""

    file: str
    """The path relative to the root of the project: `miniloop/tasks.py`."""
    name: str
    """The name in the form of `__qualname__`: `Task._run`."""

    def line(self) -> int:
        """Return the number of its first line; raise BrokenLesson if it does not exist."""
        path = ROOT / self.file
        found: Any = ast.parse(path.read_text(encoding="utf-8")) if path.is_file() else None
        for part in self.name.split("."):
            found = _defined(part, found)
        if found is None:
            raise BrokenLesson(f"{self.file} does not define {self.name}")
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
    """The text of each choice, by its letter."""
    program: str
    answer: str
    """The letter of the right choice."""
    why: tuple[str, ...]
    places: tuple[Place, ...]
    prints: str
    """The expected standard output, on Python `since` or newer."""
    warns: str
    """The expected standard error."""
    since: tuple[int, ...]
    """The first Python version whose asyncio behaves like this; miniloop does on every version."""
    before: str
    """What asyncio did before that version, as a clause: "there were no eager tasks"."""


def lessons() -> dict[int, Lesson]:
    """Read all lessons, by number; raise BrokenLesson if one does not follow the format."""
    read = (read_lesson(path) for path in sorted(FOLDER.glob("m[0-9][0-9]_*.py")))
    return {lesson.number: lesson for lesson in read}


def read_lesson(path: Path) -> Lesson:
    """Read one lesson; raise BrokenLesson if the script does not follow the format."""
    source = path.read_text(encoding="utf-8")
    module = ast.parse(source)
    opening = _OPENING.fullmatch(ast.get_docstring(module) or "")
    program, found, closing = source.partition("\n# Answer:")
    if not opening or not found:
        raise BrokenLesson(f"{path.name} has no claim, no question, no choices or no answer")
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
        since=tuple(map(int, _joined(notes.get("Since", [OLDEST_PYTHON])).split("."))),
        before=_joined(notes.get("Before", [])),
    )


def _notes(path: Path, text: str) -> dict[str, list[str]]:
    """Return the lines of each note by its keyword; lines of a repeated note are joined."""
    notes: dict[str, list[str]] = {}
    for line in text.splitlines():
        if note := _NOTE.fullmatch(line):
            lines = notes.setdefault(note[1], [])
            lines += [note[2]] if note[2] else []
        elif line.startswith("#     "):
            lines.append(line[6:])
        else:
            raise BrokenLesson(
                f"{path.name} has a line after the answer that is not a note: {line}"
            )
    wrong = set(NEEDED) - notes.keys() | notes.keys() - {*NEEDED, *OPTIONAL}
    if wrong:
        raise BrokenLesson(f"{path.name} has missing or unknown notes: {sorted(wrong)}")
    return notes


def _choices(path: Path, text: str) -> dict[str, str]:
    found = [_CHOICE.fullmatch(line) for line in text.splitlines()]
    choices = {choice[1]: choice[2] for choice in found if choice}
    if len(choices) != len(found):
        raise BrokenLesson(f"{path.name} has a choice of more than one line, or a repeated letter")
    return choices


def _joined(lines: str | list[str]) -> str:
    return " ".join(lines.split() if isinstance(lines, str) else lines)


def _block(lines: list[str]) -> str:
    return "".join(f"{line}\n" for line in lines)
