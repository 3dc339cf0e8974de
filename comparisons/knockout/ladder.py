"""Which workloads there are, and the rungs of each, from the top.

A rung is named by what it is; `part` is what it has and the next rung has not. So a part costs the
difference between two neighbours, and the last rung's part is all that is left.
"""

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any, Final, NamedTuple

from comparisons.knockout import task_rungs, timer_rungs, wakeup_rungs

MINILOOP: Final = "miniloop"
WHOLE: Final = ("asyncio", "asyncio, pure Python", "uvloop")
"""Loops that are measured beside the ladder, on the same program."""


class Rung(NamedTuple):
    name: str
    part: str
    how: str
    """Whether it is miniloop's own code that runs: "real", "patched" or "written here"."""
    make: Callable[[ExitStack], Any]


class Workload(NamedTuple):
    name: str
    about: str
    unit: str
    """Of what the figures are nanoseconds."""
    kind: str
    """The program it runs: "steps", "wake-ups" or "timers"; see programs.py."""
    many: int
    times: int
    rungs: tuple[Rung, ...]

    @property
    def units(self) -> int:
        return self.many * max(1, self.times)

    @property
    def spared(self) -> tuple[str, ...]:
        """The parts that miniloop does without: those of the rungs above it."""
        names = [rung.name for rung in self.rungs]
        return tuple(rung.part for rung in self.rungs[: names.index(MINILOOP)])


STEPS: Final = (
    Rung("through Handles", "a Handle each step", "patched", task_rungs.HandleForEachStep),
    Rung("polling", "a poll in each turn", "real", task_rungs.PollInEachTurn),
    Rung("registering", "weak references", "real", task_rungs.RegisterEachTask),
    Rung(MINILOOP, "waiting, cancelling", "real", task_rungs.Miniloop),
    Rung("no cancelling", "the current task", "patched", task_rungs.NoCancellation),
    Rung("no current task", "contexts", "patched", task_rungs.NoCurrentTask),
    Rung("no contexts", "Task and Future", "patched", task_rungs.NoContexts),
    Rung("no Task", "the loop's turn", "patched", task_rungs.NoTask),
    Rung("floor", "the queue", "written here", task_rungs.Floor),
    Rung("program", "the program itself", "written here", task_rungs.Program),
)
WAKE_UPS: Final = (
    Rung("polling", "a poll in each turn", "real", wakeup_rungs.PollInEachTurn),
    Rung(MINILOOP, "contexts", "real", wakeup_rungs.Miniloop),
    Rung("no contexts", "Handles", "patched", wakeup_rungs.NoContexts),
    Rung("no Handles", "the Task's step", "patched", wakeup_rungs.NoHandles),
    Rung("no step", "Task, Future, turn", "patched", wakeup_rungs.NoBookkeeping),
    Rung("floor", "the floor", "written here", wakeup_rungs.Floor),
)
TIMERS: Final = (
    Rung(MINILOOP, "contexts", "real", timer_rungs.Miniloop),
    Rung("no contexts", "the loop's turn", "patched", timer_rungs.NoContexts),
    Rung("no turn", "TimerHandles", "written here", timer_rungs.NoTurn),
    Rung("floor", "the heap", "written here", timer_rungs.Floor),
    Rung("program", "the program itself", "written here", timer_rungs.Program),
)

_WORKLOADS: Final = (
    Workload("switch", "500 tasks, each 40 × sleep(0)", "switch", "steps", 500, 40, STEPS),
    Workload("alone", "one task, 10,000 × sleep(0)", "switch", "steps", 1, 10_000, STEPS),
    Workload("spawn", "4,000 tasks that end at once", "task", "steps", 4_000, 0, STEPS),
    Workload("wake-up", "100 tasks, each 40 futures", "wake-up", "wake-ups", 100, 40, WAKE_UPS),
    Workload("timers", "4,000 × call_at within 1 ms", "timer", "timers", 4_000, 1, TIMERS),
)
WORKLOADS: Final = {workload.name: workload for workload in _WORKLOADS}
