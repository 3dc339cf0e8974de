"""The step table of a run: a row per step, and a column per function or per worker.

A row shows the states after an event. If a function stops running and the next event on the same
worker is that another function runs, both events are one step: control was passed on. The table
does not show durations; the timelines do.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest

from rich.box import ASCII, ROUNDED
from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

from comparisons.steps.journal import Event, Journal, State
from comparisons.steps.models import Run

# ▶ and ✔ are used without the variation selector that requests their emoji form: terminals disagree
# whether that is one or two columns wide, so the text after it would not be aligned.
EMOJI = {State.NOT_STARTED: "🔒", State.RUNNING: "▶", State.WAITING: "🕐", State.DONE: "✔"}
LETTERS = {State.NOT_STARTED: "N", State.RUNNING: "R", State.WAITING: "W", State.DONE: "D"}
COLOURS = {
    State.NOT_STARTED: "bright_black",
    State.RUNNING: "bold green",
    State.WAITING: "yellow",
    State.DONE: "blue",
}


@dataclass(frozen=True)
class Step:
    milliseconds: float  # since the first event
    states: tuple[State, ...]  # one per function


def steps(run: Run) -> list[Step]:
    return list(each_step(run))


def each_step(run: Run) -> Iterator[Step]:
    states = dict.fromkeys(run.functions, State.NOT_STARTED)
    events = run.events
    yield Step(0.0, tuple(states.values()))
    for event, following in zip_longest(events, events[1:]):
        states[event.function] = event.state
        if following is None or not hands_over(event, following):
            yield Step((event.at - events[0].at) / 1e6, tuple(states.values()))


def hands_over(event: Event, following: Event) -> bool:
    return event.worker == following.worker and event.function != following.function


def first_difference(one: Run, other: Run) -> str | None:
    """Describe the first step that differs between two runs; None if all steps are the same."""
    pairs = zip_longest(steps(one), steps(other))
    for number, (here, there) in enumerate(pairs):
        if here is None or there is None:
            shorter = one if here is None else other
            return f"{shorter.model} has no step {number}"
        if here.states != there.states:
            return f"step {number}: " + ", but ".join(
                f"in {run.model} {in_words(run, step)}"
                for run, step in ((one, here), (other, there))
            )
    return None


def in_words(run: Run, step: Step) -> str:
    return ", ".join(
        f"{name} {state.value}" for name, state in zip(run.functions, step.states, strict=True)
    )


def step_table(run: Run, signs: dict[State, str]) -> Table:
    parallel = len(run.journals) > 1
    table = Table(
        title=run.model,
        title_justify="left",
        title_style="bold",
        box=ASCII if signs is LETTERS else ROUNDED,
    )
    table.add_column("step", justify="right")
    if parallel:  # two steps may be a microsecond apart, so show the time
        table.add_column("ms", justify="right")
    for heading in headings(run):
        table.add_column(heading, no_wrap=True)
    for number, step in enumerate(steps(run)):
        moment = [f"{step.milliseconds:.1f}"] if parallel else []
        table.add_row(str(number), *moment, *cells(run, step, signs))
    return table


def headings(run: Run) -> list[str]:
    if len(run.journals) == 1:
        return list(run.functions)
    return [worker_heading(journal) for journal in run.journals]


def worker_heading(journal: Journal) -> str:
    lines = [journal.worker, f"{'pid' if 'process' in journal.worker else 'tid'} {journal.ident}"]
    if journal.cores:
        lines.append(f"core {', '.join(map(str, sorted(journal.cores)))}")
    return "\n".join(lines)


def cells(run: Run, step: Step, signs: dict[State, str]) -> list[Text]:
    if len(run.journals) == 1:
        return [sign_of(state, signs) for state in step.states]
    state_of = dict(zip(run.functions, step.states, strict=True))
    return [
        Text.assemble(f"{function} ", sign_of(state_of[function], signs))
        for function in (journal.events[0].function for journal in run.journals)
    ]


def sign_of(state: State, signs: dict[State, str]) -> Text:
    """Return the sign, padded to two columns, so that all signs are equally wide."""
    sign = signs[state]
    return Text(sign + " " * (2 - cell_len(sign)), style=COLOURS[state])


def legend(signs: dict[State, str]) -> Text:
    pieces = [Text.assemble(sign_of(state, signs), " ", state.value) for state in State]
    return Text("   ").join(pieces)
