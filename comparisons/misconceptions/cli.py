"""The command: show the requested lessons, run each one on both loops, and compare the outputs."""

import sys

from rich.console import Console

from comparisons.misconceptions import show
from comparisons.misconceptions.execute import compare
from comparisons.misconceptions.lesson import Lesson
from comparisons.misconceptions.options import Settings
from comparisons.misconceptions.quiz import Quiz

WIDTH = 80
"""Columns. The programs and explanations are written for this width."""


def teach(settings: Settings) -> int:
    """Show the lessons, or hold the quiz, and return the exit status.

    KeyboardInterrupt, and OSError from writing the output, propagate.
    """
    screen = Console(highlight=False)
    screen.width = min(screen.width, WIDTH)
    if settings.contents:
        screen.print(show.contents(settings.lessons))
        return 0
    failed = _quiz(screen, settings) if settings.quiz else _show_all(screen, settings.lessons)
    if failed:
        screen.file.flush()
        numbers = ", ".join(map(str, failed))
        print(f"misconceptions: unexpected result of number {numbers}", file=sys.stderr)
    return 1 if failed else 0


def _quiz(screen: Console, settings: Settings) -> list[int]:
    quiz = Quiz(screen, settings.lessons)
    quiz.run()
    return quiz.failed


def _show_all(screen: Console, lessons: tuple[Lesson, ...]) -> list[int]:
    """Show and run the lessons; return the numbers of those with an unexpected result."""
    failed, same, older = [], 0, 0
    for lesson in lessons:
        screen.print(show.claim(lesson), show.question(lesson), show.program(lesson))
        comparison = compare(lesson)
        screen.print(show.outputs(lesson, comparison), show.explanation(lesson), "")
        if comparison.failed:
            failed.append(lesson.number)
        same += comparison.same
        older += comparison.older and not comparison.same
    if len(lessons) > 1:
        screen.print(show.summary(len(lessons), same, older))
    return failed
