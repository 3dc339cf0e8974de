"""What functions put down about themselves while they run.

One journal belongs to one worker, a thread or a process, and only that worker writes it, so it
needs no lock. Journals of several workers are merged by time afterwards: `time.monotonic_ns` is
one clock for all threads, and on Linux and macOS for all processes too.

A journal does not know which functions there are, nor in which order they ought to run.
"""

import enum
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

# A chunk of work takes a tenth of a millisecond. When the clock jumps by more than this between two
# chunks, somebody else had the interpreter (the GIL changes hands every 5 ms) or the core.
HELD_UP_NS = 2_000_000


class State(enum.Enum):
    """What a function can be in; DONE is final."""

    NOT_STARTED = "not started"
    RUNNING = "running"
    WAITING = "waiting"
    DONE = "done"


@dataclass(frozen=True)
class Event:
    """A function came into a state."""

    at: int  # monotonic nanoseconds
    worker: str
    function: str
    state: State
    stage: str  # the part of the function that begins here; empty when it is done


@dataclass(frozen=True)
class Pause:
    """A running function did not get on, because others had the interpreter or the core."""

    function: str
    start: int
    end: int


@dataclass
class Journal:
    """The events of one worker, in the order in which they happened."""

    worker: str
    ident: int  # the operating system's number of the thread or process
    events: list[Event] = field(default_factory=list)
    pauses: list[Pause] = field(default_factory=list)
    cores: set[int] = field(default_factory=set)  # empty where the system does not tell
    last: int = 0  # when the running function was last seen to run

    def put(self, function: str, state: State, stage: str = "") -> None:
        if state is not State.RUNNING:
            self.still_running(function)
        self.last = time.monotonic_ns()
        self.events.append(Event(self.last, self.worker, function, state, stage))
        self.cores |= current_core()

    def still_running(self, function: str) -> None:
        """To be called often while a function computes, so that a pause is noticed."""
        now = time.monotonic_ns()
        if now - self.last > HELD_UP_NS:
            self.pauses.append(Pause(function, self.last, now))
        self.last = now


def current_core() -> set[int]:
    """The core that this thread is on right now; empty where there is no Linux /proc."""
    try:
        stat = Path("/proc/thread-self/stat").read_text()
    except OSError:
        return set()
    # The second field is the program's name in parentheses, which may hold spaces; the core is
    # field 39, the 37th after it.
    return {int(stat.rpartition(")")[2].split()[36])}


def in_order(journals: Iterable[Journal]) -> list[Event]:
    """The events of all workers by time; those of one worker never change places."""
    events = [event for journal in journals for event in journal.events]
    return sorted(events, key=lambda event: event.at)
