"""The quiz: a program, a question, and the answer only after the reader's own."""

import sys

from rich.console import Console

from comparisons.misconceptions import show
from comparisons.misconceptions.lesson import Lesson
from comparisons.misconceptions.play import compare


class Quiz:
    """Asks, and keeps the score."""

    def __init__(self, screen: Console, lessons: tuple[Lesson, ...]) -> None:
        self._screen = screen
        self._lessons = lessons
        self._asked = 0
        self._right = 0
        self.failed: list[int] = []
        """The numbers of the lessons in which something is wrong with a loop."""

    def hold(self) -> None:
        """Ask all questions, or as many as there are answers to on standard input."""
        try:
            for position, lesson in enumerate(self._lessons, 1):
                self._screen.print(show.heading(f"Question {position} of {len(self._lessons)}"))
                self._pose(lesson)
        except EOFError:
            self._screen.print("\n")
        self._screen.print(f"{self._right} right of {self._asked} answered.", style="bold")

    def _pose(self, lesson: Lesson) -> None:
        self._screen.print(show.program(lesson, named=False), show.question(lesson), "")
        right = self._guess(lesson) == lesson.answer
        self._asked += 1
        self._right += right
        verdict = "Right." if right else f"No, it is {lesson.answer})."
        self._screen.print(verdict, style="bold green" if right else "bold red", end="\n\n")
        comparison = compare(lesson)
        self._screen.print(show.outputs(lesson, comparison), show.claim(lesson))
        self._screen.print(show.explanation(lesson), "")
        if comparison.failed:
            self.failed.append(lesson.number)

    def _guess(self, lesson: Lesson) -> str:
        """The letter of a choice; EOFError if none comes any more."""
        *others, last = lesson.choices
        letters = f"{', '.join(others)} or {last}"
        while True:
            given = self._screen.input(f"Your guess, {letters} (Ctrl-D ends): ")
            if not sys.stdin.isatty():
                self._screen.print()  # nobody has typed the line's end on this screen
            guess = given.strip().rstrip(")").lower()
            if guess in lesson.choices:
                return guess
            self._screen.print(f"Please type {letters}.", style="yellow")
