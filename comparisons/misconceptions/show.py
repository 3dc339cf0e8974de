"""How a lesson looks on a terminal of 80 columns, or in a file."""

from collections.abc import Iterable

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.panel import Panel
from rich.rule import Rule
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from comparisons.misconceptions.lesson import Lesson
from comparisons.misconceptions.play import Comparison, Outcome
from comparisons.results import shortest

COMMAND = "python -m comparisons misconceptions"


def prose(text: str, style: str = "") -> Text:
    """Text in which what stands between backticks is marked as code."""
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
    """The program under the name of its file, which gives the answer away."""
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
    """What the program has printed; twice, side by side, where that is not the same."""
    if comparison.same:
        return _output("asyncio and miniloop print the same", comparison.asyncio, "green")
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
    if outcome.status != 0:  # of a traceback the last line, which says what is wrong
        messages = [*messages[-1:], f"exit status: {outcome.status}"]
    if messages:
        lines.append(Text("standard error:", "dim"))
        lines += [Text(line, "yellow") for line in messages]
    return Panel(Group(*lines), title=title, title_align="left", border_style=style)


def _difference(lesson: Lesson, comparison: Comparison) -> str:
    if not comparison.older:
        return "asyncio and miniloop do not print the same."
    since = ".".join(map(str, lesson.since))
    return f"asyncio does as miniloop since Python {since}; before, {lesson.before}."


def explanation(lesson: Lesson) -> RenderableType:
    """The right answer, why it is so, in three lines, and where that stands in the source."""
    right = f"{lesson.answer}) {lesson.choices[lesson.answer]}"
    places = [f"{place.file}, line {place.line()}: {place.name}" for place in lesson.places]
    table = Table.grid(padding=(0, 1))
    table.add_row(Text("answer", "dim"), prose(right, "bold green"))
    table.add_row(Text("why", "dim"), Group(*map(prose, lesson.why)))
    table.add_row(Text("where", "dim"), Group(*map(Text, places)))
    return table


def contents(lessons: Iterable[Lesson]) -> RenderableType:
    table = Table.grid(padding=(0, 1))
    table.add_column(justify="right")
    for lesson in lessons:
        table.add_row(Text(str(lesson.number), "bold"), prose(lesson.claim))
    usage = Text(f"\nRun number 1: {COMMAND} 1\nGuess first:  {COMMAND} --quiz", "dim")
    return Group(table, usage)
