"""The events that functions record while they run.

A journal belongs to one worker, a thread or a process. Only that worker writes it, so it needs no
lock. Afterwards, the journals of all workers are merged by time: `time.monotonic_ns` is the same
clock for all threads, and on Linux and macOS for all processes too.

A journal does not know which functions exist, or the order in which they should run.
"""

import enum
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

# A chunk of work takes a tenth of a millisecond. If more time than this passes between two chunks,
# another thread had the GIL (which is switched every 5 ms) or another process had the core.
PAUSE_NS = 2_000_000


class State(enum.Enum):
    """The states of a function; DONE is final."""

    NOT_STARTED = "not started"
    RUNNING = "running"
    WAITING = "waiting"
    DONE = "done"


@dataclass(frozen=True)
class Event:
    """A function entered a state."""

    at: int  # monotonic nanoseconds
    worker: str
    function: str
    state: State
    stage: str  # the part of the function that starts here; empty when it is done


@dataclass(frozen=True)
class Pause:
    """A running function was paused, because another one had the GIL or the core."""

    function: str
    start: int
    end: int


@dataclass
class Journal:
    """The events of one worker, in order."""

    worker: str
    ident: int  # the thread or process id of the operating system
    events: list[Event] = field(default_factory=list)
    pauses: list[Pause] = field(default_factory=list)
    cores: set[int] = field(default_factory=set)  # empty where the system does not report it
    last: int = 0  # when the running function last called record() or still_running()

    def record(self, function: str, state: State, stage: str = "") -> None:
        if state is not State.RUNNING:
            self.still_running(function)
        self.last = time.monotonic_ns()
        self.events.append(Event(self.last, self.worker, function, state, stage))
        self.cores |= current_core()

    def still_running(self, function: str) -> None:
        """Detect pauses; call this often while a function computes."""
        now = time.monotonic_ns()
        if now - self.last > PAUSE_NS:
            self.pauses.append(Pause(function, self.last, now))
        self.last = now


def current_core() -> set[int]:
    """Return the core on which this thread runs now; empty without Linux's /proc."""
    try:
        stat = Path("/proc/thread-self/stat").read_text()
    except OSError:
        return set()
    # The second field is the program's name in parentheses, which may contain spaces. The core is
    # field 39, the 37th after the name.
    return {int(stat.rpartition(")")[2].split()[36])}


def in_order(journals: Iterable[Journal]) -> list[Event]:
    """Return the events of all workers by time; the events of one worker stay in order."""
    events = [event for journal in journals for event in journal.events]
    return sorted(events, key=lambda event: event.at)
