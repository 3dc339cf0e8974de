"""The functions that every execution model runs, written once.

A function computes, and yields each request to the service; the answer is sent into it. The model
only adds how to wait for the answer, so the functions do not depend on the model. (If they were
written twice, with `def` and with `async def`, the two versions could diverge.)

The order of events on a single thread does not depend on the speed of the machine: all requests of
a story have the same delay, so the answers arrive in the order of the requests.
"""

from collections.abc import Generator
from dataclasses import dataclass

from comparisons.steps.journal import Journal, State


@dataclass(frozen=True)
class Work:
    """Python code that needs a core and the GIL."""

    name: str
    chunks: int  # about 0.1 ms each


@dataclass(frozen=True)
class Wait:
    """A request to the service, and nothing to do until its answer arrives."""

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
    worker: str  # the word for a thread or process in this story
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

# The oven has room for both cakes, so two bakers do not have to wait for it.
RECIPE = (Work("knead", 400), Wait("bake", 150), Work("ice", 200))
BAKERY = Story(
    "baker",
    "Two cakes and one oven with room for both",
    "baker",
    (Function("cake 1", RECIPE), Function("cake 2", RECIPE)),
)


def play(function: Function, journal: Journal) -> Generator[Wait, int, int]:
    """Run the stages of a function; the result depends on its work and on the answers."""
    number = 1
    for stage in function.stages:
        if isinstance(stage, Wait):
            journal.record(function.name, State.WAITING, stage.name)
            number += yield stage
        else:
            journal.record(function.name, State.RUNNING, stage.name)
            for _ in range(stage.chunks):
                number = churn(number)
                journal.still_running(function.name)
    journal.record(function.name, State.DONE)
    return number


def churn(number: int) -> int:
    """Run a chunk of pure Python work (`sum(range(...))` would hold the GIL in one call to C)."""
    for _ in range(1000):
        number = (number * 1103515245 + 12345) & 0x7FFFFFFF
    return number
