"""The workloads, and the rungs of each ladder, from top to bottom.

A rung is a loop that runs the program. `part` is the part that it has and the next rung does not
have. So the cost of a part is the difference between two neighbouring rungs. The part of the last
rung is everything that is left.
"""

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any, Final, NamedTuple

from comparisons.knockout import task_rungs, timer_rungs, wakeup_rungs

MINILOOP: Final = "miniloop"
WHOLE: Final = ("asyncio", "asyncio, pure Python", "uvloop")
"""Complete loops, measured on the same program for comparison."""
REAL: Final = "miniloop"
PATCHED: Final = "patched miniloop"
SEPARATE: Final = "separate loop"
"""How a rung is made: miniloop's own code; the same with one attribute replaced; a small loop
written for the ladder."""


class Rung(NamedTuple):
    name: str
    part: str
    how: str
    """REAL, PATCHED or SEPARATE."""
    make: Callable[[ExitStack], Any]


class Workload(NamedTuple):
    name: str
    about: str
    unit: str
    """The unit of work: the figures are nanoseconds per unit."""
    kind: str
    """The program it runs: "steps", "wake-ups" or "timers"; see programs.py."""
    many: int
    times: int
    rungs: tuple[Rung, ...]

    @property
    def units(self) -> int:
        return self.many * max(1, self.times)

    @property
    def absent(self) -> tuple[str, ...]:
        """The parts that miniloop does not have: those of the rungs above it."""
        names = [rung.name for rung in self.rungs]
        return tuple(rung.part for rung in self.rungs[: names.index(MINILOOP)])


STEPS: Final = (
    Rung("Handle per step", "a Handle per step", PATCHED, task_rungs.HandleForEachStep),
    Rung("polling", "a poll per iteration", REAL, task_rungs.PollInEachIteration),
    Rung("registers tasks", "weak references", REAL, task_rungs.RegisterEachTask),
    Rung(MINILOOP, "waiting and cancelling", REAL, task_rungs.Miniloop),
    Rung("no cancelling", "current task", PATCHED, task_rungs.NoCancellation),
    Rung("no current task", "contexts", PATCHED, task_rungs.NoCurrentTask),
    Rung("no contexts", "Task and Future", PATCHED, task_rungs.NoContexts),
    Rung("no Task", "loop iteration", PATCHED, task_rungs.NoTask),
    Rung("minimal loop", "ready queue", SEPARATE, task_rungs.MinimalLoop),
    Rung("program", "the program", SEPARATE, task_rungs.Program),
)
WAKE_UPS: Final = (
    Rung("polling", "a poll per iteration", REAL, wakeup_rungs.PollInEachIteration),
    Rung(MINILOOP, "contexts", REAL, wakeup_rungs.Miniloop),
    Rung("no contexts", "Handles", PATCHED, wakeup_rungs.NoContexts),
    Rung("no Handles", "Task step", PATCHED, wakeup_rungs.NoHandles),
    Rung("no step", "Task, Future, iteration", PATCHED, wakeup_rungs.NoBookkeeping),
    Rung("minimal loop", "minimal loop and program", SEPARATE, wakeup_rungs.MinimalLoop),
)
TIMERS: Final = (
    Rung(MINILOOP, "contexts", REAL, timer_rungs.Miniloop),
    Rung("no contexts", "loop iteration", PATCHED, timer_rungs.NoContexts),
    Rung("no iteration", "TimerHandles", SEPARATE, timer_rungs.NoIteration),
    Rung("minimal loop", "timer heap", SEPARATE, timer_rungs.MinimalLoop),
    Rung("program", "the program", SEPARATE, timer_rungs.Program),
)

_WORKLOADS: Final = (
    Workload("switch", "500 tasks × 40 sleep(0)", "switch", "steps", 500, 40, STEPS),
    Workload("single", "1 task × 10,000 sleep(0)", "switch", "steps", 1, 10_000, STEPS),
    Workload("spawn", "4,000 tasks that return at once", "task", "steps", 4_000, 0, STEPS),
    Workload("wake-up", "100 tasks × 40 futures", "wake-up", "wake-ups", 100, 40, WAKE_UPS),
    Workload("timers", "4,000 × call_at within 1 ms", "timer", "timers", 4_000, 1, TIMERS),
)
WORKLOADS: Final = {workload.name: workload for workload in _WORKLOADS}
