"""How a lesson looks on an 80-column terminal or in a file."""

import platform
from collections.abc import Iterable

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.panel import Panel
from rich.rule import Rule
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from comparisons.misconceptions.execute import Comparison, Outcome
from comparisons.misconceptions.lesson import Lesson
from comparisons.results import shortest

COMMAND = "python -m comparisons misconceptions"


def prose(text: str, style: str = "") -> Text:
    """Return the text with everything between backticks highlighted as code."""
    marked = Text(text, style)
    marked.highlight_regex(r"`[^`]+`", "cyan")
    return marked


def heading(title: str) -> RenderableType:
    return Rule(Text(title, "bold"), align="left", style="dim")


def claim(lesson: Lesson) -> RenderableType:
    return Panel(prose(lesson.claim, "bold"), title=str(lesson.number), title_align="left")


def question(lesson: Lesson) -> RenderableType:
    choices = Table.grid(padding=(0, 1))
    for letter, choice in lesson.choices.items():
        choices.add_row(Text(f"{letter})", "bold"), prose(choice))
    return Group(prose(lesson.question), Padding(choices, (0, 0, 0, 2)))


def program(lesson: Lesson, named: bool = True) -> RenderableType:
    """Show the program; its file name as the title only if `named`, because it gives the answer."""
    code = Syntax(
        lesson.program.rstrip(),
        "python",
        theme="ansi_dark",
        background_color="default",
        word_wrap=True,
    )
    title = Text(str(shortest(lesson.path))) if named else None
    return Panel(code, title=title, title_align="left")


def outputs(lesson: Lesson, comparison: Comparison) -> RenderableType:
    """Show what the program printed: once if both loops agree, else side by side."""
    if comparison.same:
        return _output("output, the same on asyncio and miniloop", comparison.asyncio, "green")
    both = Table.grid(expand=True)
    both.add_column(ratio=1)
    both.add_column(ratio=1)
    style = "yellow" if comparison.older else "red"
    both.add_row(
        _output("asyncio", comparison.asyncio, style),
        _output("miniloop", comparison.miniloop, style),
    )
    return Group(both, prose(_difference(lesson, comparison), style))


def _output(title: str, outcome: Outcome, style: str) -> Panel:
    lines = [Text(line) for line in outcome.out.splitlines()]
    messages = outcome.err.splitlines()
    if outcome.status != 0:  # the last line of a traceback names the exception
        messages = [*messages[-1:], f"exit status: {outcome.status}"]
    if messages:
        lines.append(Text("standard error:", "dim"))
        lines += [Text(line, "yellow") for line in messages]
    return Panel(Group(*lines), title=title, title_align="left", border_style=style)


def _difference(lesson: Lesson, comparison: Comparison) -> str:
    if not comparison.older:
        return "The outputs of asyncio and miniloop differ."
    since = ".".join(map(str, lesson.since))
    return (
        "This is expected: miniloop behaves like newer versions of asyncio. "
        f"Before Python {since}, {lesson.before}."
    )


def summary(total: int, same: int, older: int) -> str:
    """Return how many lessons print the same on both loops, and why the others do not."""
    text = f"asyncio and miniloop print the same output for {same} of {total} programs."
    if older:
        python = ".".join(platform.python_version_tuple()[:2])
        text += f"\n{older} differ because asyncio of Python {python} is older (see above)."
    if other := total - same - older:
        text += f"\n{other} differ unexpectedly."
    return text


def explanation(lesson: Lesson) -> RenderableType:
    """Show the correct answer, the reason in three lines, and the places in miniloop's source."""
    right = f"{lesson.answer}) {lesson.choices[lesson.answer]}"
    places = [f"{place.file}, line {place.line()}: {place.name}" for place in lesson.places]
    table = Table.grid(padding=(0, 1))
    table.add_row(Text("answer", "dim"), prose(right, "bold green"))
    table.add_row(Text("why", "dim"), Group(*map(prose, lesson.why)))
    table.add_row(Text("code", "dim"), Group(*map(Text, places)))
    return table


def contents(lessons: Iterable[Lesson]) -> RenderableType:
    table = Table.grid(padding=(0, 1))
    table.add_column(justify="right")
    for lesson in lessons:
        table.add_row(Text(str(lesson.number), "bold"), prose(lesson.claim))
    usage = Text(f"\nShow number 1: {COMMAND} 1\nTake the quiz: {COMMAND} --quiz", "dim")
    return Group(table, usage)
