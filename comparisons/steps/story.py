"""The functions that every model of execution runs, written once.

A function computes by itself and yields each question it has for the outside; the answer is sent
into it. How to wait for that answer is all that a model of execution adds, so the functions below
do not know which model runs them. (Written twice, with `def` and with `async def`, they could
drift apart.)

The order of events on a single thread does not depend on how fast the machine is: the answers
of one story all take equally long, so they come in the order of asking.
"""

from collections.abc import Generator
from dataclasses import dataclass

from comparisons.steps.journal import Journal, State


@dataclass(frozen=True)
class Work:
    """Python code that needs the core, and the GIL."""

    name: str
    chunks: int  # about 0.1 ms each


@dataclass(frozen=True)
class Wait:
    """A question to the outside, and nothing to do until its answer is there."""

    name: str
    milliseconds: int


@dataclass(frozen=True)
class Function:
    name: str
    stages: tuple[Work | Wait, ...]


@dataclass(frozen=True)
class Story:
    name: str
    title: str
    worker: str  # what a thread or process is called in it
    functions: tuple[Function, ...]


WORK = Work("work", 150)
ASK = Wait("wait", 80)
FUNCTIONS = Story(
    "functions",
    "Three functions; the first and the third wait for an answer",
    "worker",
    (
        Function("function1", (WORK, ASK, WORK)),
        Function("function2", (WORK,)),
        Function("function3", (WORK, ASK, WORK)),
    ),
)

# The oven has room for both cakes, so two bakers need not queue for it.
RECIPE = (Work("knead", 400), Wait("bake", 150), Work("ice", 200))
BAKERY = Story(
    "baker",
    "Two cakes and one oven with room for both",
    "baker",
    (Function("cake 1", RECIPE), Function("cake 2", RECIPE)),
)


def play(function: Function, journal: Journal) -> Generator[Wait, int, int]:
    """Go through a function's stages; what it returns depends on its work and on its answers."""
    number = 1
    for stage in function.stages:
        if isinstance(stage, Wait):
            journal.put(function.name, State.WAITING, stage.name)
            number += yield stage
        else:
            journal.put(function.name, State.RUNNING, stage.name)
            for _ in range(stage.chunks):
                number = churn(number)
                journal.still_running(function.name)
    journal.put(function.name, State.DONE)
    return number


def churn(number: int) -> int:
    """A chunk of pure Python work. (`sum(range(...))` would be one call in C that never yields.)"""
    for _ in range(1000):
        number = (number * 1103515245 + 12345) & 0x7FFFFFFF
    return number
