"""The command: show the lessons asked for, run each on both loops, and compare."""

import sys

from rich.console import Console

from comparisons.misconceptions import show
from comparisons.misconceptions.lesson import Lesson
from comparisons.misconceptions.options import Settings
from comparisons.misconceptions.play import compare
from comparisons.misconceptions.quiz import Quiz

WIDTH = 80
"""Columns; programs and explanations are written for them."""


def teach(settings: Settings) -> int:
    """The exit status; KeyboardInterrupt and OSError of what is written pass through."""
    screen = Console(highlight=False)
    screen.width = min(screen.width, WIDTH)
    if settings.contents:
        screen.print(show.contents(settings.lessons))
        return 0
    failed = _quiz(screen, settings) if settings.quiz else _tell(screen, settings.lessons)
    if failed:
        screen.file.flush()
        print(
            f"misconceptions: something is wrong in {', '.join(map(str, failed))}", file=sys.stderr
        )
    return 1 if failed else 0


def _quiz(screen: Console, settings: Settings) -> list[int]:
    quiz = Quiz(screen, settings.lessons)
    quiz.hold()
    return quiz.failed


def _tell(screen: Console, lessons: tuple[Lesson, ...]) -> list[int]:
    """The numbers of the lessons in which something is wrong with a loop."""
    failed, same = [], 0
    for lesson in lessons:
        screen.print(show.claim(lesson), show.question(lesson), show.program(lesson))
        comparison = compare(lesson)
        screen.print(show.outputs(lesson, comparison), show.explanation(lesson), "")
        if comparison.failed:
            failed.append(lesson.number)
        same += comparison.same
    if len(lessons) > 1:
        screen.print(f"In {same} of {len(lessons)}, asyncio and miniloop print the same.")
    return failed
