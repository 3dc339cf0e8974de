"""The quiz: shows a program and a question, and the answer only after the reader's guess."""

import sys

from rich.console import Console

from comparisons.misconceptions import show
from comparisons.misconceptions.execute import compare
from comparisons.misconceptions.lesson import Lesson


class Quiz:
    """Asks the questions and keeps the score."""

    def __init__(self, screen: Console, lessons: tuple[Lesson, ...]) -> None:
        self._screen = screen
        self._lessons = lessons
        self._asked = 0
        self._right = 0
        self.failed: list[int] = []
        """The numbers of the lessons with an unexpected result."""

    def run(self) -> None:
        """Ask all questions; stop early at the end of standard input."""
        try:
            for position, lesson in enumerate(self._lessons, 1):
                self._screen.print(show.heading(f"Question {position} of {len(self._lessons)}"))
                self._ask(lesson)
        except EOFError:
            self._screen.print("\n")
        self._screen.print(f"{self._right} correct of {self._asked} answered.", style="bold")

    def _ask(self, lesson: Lesson) -> None:
        self._screen.print(show.program(lesson, named=False), show.question(lesson), "")
        right = self._guess(lesson) == lesson.answer
        self._asked += 1
        self._right += right
        verdict = "Correct." if right else f"Wrong: the answer is {lesson.answer})."
        self._screen.print(verdict, style="bold green" if right else "bold red", end="\n\n")
        comparison = compare(lesson)
        self._screen.print(show.outputs(lesson, comparison), show.claim(lesson))
        self._screen.print(show.explanation(lesson), "")
        if comparison.failed:
            self.failed.append(lesson.number)

    def _guess(self, lesson: Lesson) -> str:
        """Ask until the answer is the letter of a choice; raise EOFError at the end of input."""
        *others, last = lesson.choices
        letters = f"{', '.join(others)} or {last}"
        while True:
            given = self._screen.input(f"Your answer, {letters} (Ctrl-D quits): ")
            if not sys.stdin.isatty():
                self._screen.print()  # input from a pipe echoes no newline on this screen
            guess = given.strip().rstrip(")").lower()
            if guess in lesson.choices:
                return guess
            self._screen.print(f"Please type {letters}.", style="yellow")
