"""What asyncio does otherwise than miniloop, which follows that of 3.13, as changes of miniloop.

Each habit is a few lines by which miniloop takes it on. Where miniloop and asyncio differ, the
program is run once more on a miniloop with the habits: if it then does as asyncio does, it is these
that make the difference, and nothing else. Most are those of the asyncio of an older Python.

A habit is written as a change of miniloop's own source, which is an error if the source no longer
has the lines that are changed.
"""

from __future__ import annotations
import __future__

import contextlib
import functools
import importlib
import inspect
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from types import CodeType
from typing import Any, Final

__all__ = ["HABITS", "Habit", "habits_in_place"]


NOW: Final = (99,)
"""The asyncio of 3.13 does so, too: a row of *Where miniloop differs*, then."""


@dataclass(frozen=True)
class Change:
    """A change of one of miniloop's functions."""

    function: str
    """Where it stands: `module:Class.method`."""
    line: str
    """What is replaced in its source; once, wherever it stands."""
    instead: str

    @property
    def own(self) -> Any:
        """Miniloop's function."""
        module, _, path = self.function.partition(":")
        names = [f"miniloop.{module}", *path.split(".")]
        return functools.reduce(getattr, names[1:], importlib.import_module(names[0]))

    def changed(self, function: Any) -> Any:
        """The function with the habit."""
        source = sources.get(function) or textwrap.dedent(inspect.getsource(function))
        if self.line not in source:
            raise LookupError(f"{self.function} has no longer: {self.line}")
        source = source.replace(self.line, self.instead, 1)
        flags = __future__.annotations.compiler_flag
        code = compile(source, f"<{self.function}>", "exec", flags, dont_inherit=True)
        made: dict[str, Any] = {}
        exec(code, function.__globals__, made)
        (again,) = made.values()
        sources[again] = source
        return again


sources: dict[Any, str] = {}
"""Of functions that were changed, for those that are changed once more."""


@dataclass(frozen=True)
class Habit:
    """What asyncio does before the version `until`."""

    name: str
    until: tuple[int, ...]
    changes: tuple[Change, ...]


GROUP: Final = "taskgroups:TaskGroup.__aexit__"

HABITS: Final = (
    Habit(
        "a gather has the message that its last child has refused",
        NOW,
        (
            Change(
                "tasks:Task.cancel",
                "self._must_cancel, self._outcome = True, msg",
                "self._must_cancel, self._outcome = True, msg; self.refused = msg",
            ),
            Change(
                "combinators:_GatheringFuture._child_done",
                "else CancelledError()",
                'else CancelledError(*filter(None, [getattr(last, "refused", None)]))',
            ),
        ),
    ),
    Habit(
        "a task that awaits itself cannot be awaited again",
        NOW,
        (
            Change(
                "futures:Future.__await__",
                "self._asyncio_future_blocking = True",
                """if self._asyncio_future_blocking:
                raise RuntimeError("await wasn't used with future")
            self._asyncio_future_blocking = True""",
            ),
        ),
    ),
    Habit(
        "who gives up waiting at a queue tells so, which a closed loop refuses",
        NOW,
        (
            Change(
                "queues:Queue._give_up",
                "if waiter in line:",
                "waiter.cancel()\n    if waiter in line:",
            ),
        ),
    ),
    Habit(
        "an eager task whose context is already entered is the current one ever after",
        NOW,
        (
            Change(
                "tasks:Task._run_eagerly",
                "interrupted.append(self._loop._current_task)",
                """try:
        self._context.run(int)
    except RuntimeError:
        # As asyncio's set of eager tasks: nobody hears that it was destroyed before its end.
        events.__dict__.setdefault("_never_freed", []).append(self)
        for task in filter(None, [self, self._loop._current_task]):
            _register_task(task)  # for all_tasks()
        self._loop._current_task = self
        raise
    interrupted.append(self._loop._current_task)""",
            ),
        ),
    ),
    Habit(
        "an exception handler runs in whatever context the loop runs in",
        (3, 12),
        (
            Change(
                "mishaps:MishapsEventLoop.call_exception_handler",
                'subject.get_context() if hasattr(subject, "get_context") else None',
                "None",
            ),
        ),
    ),
    Habit(
        "a gather looks at what is done already one turn later",
        (3, 12),
        (Change("combinators:gather", "if future.done()", "if False"),),
    ),
    Habit(
        "a TaskGroup that fails miscounts the requests to cancel its parent",
        (3, 13),
        (
            Change(GROUP, "if self._parent_task.cancelling():", "if False:"),
            Change(GROUP, "if self._parent_cancel_requested:", "if False:"),
            Change(
                GROUP,
                "exiting = True",
                "exiting = True; self._parent_cancel_requested and self._parent_task.uncancel()",
            ),
        ),
    ),
    Habit(
        "a TaskGroup leaves the coroutine open that it refuses",
        (3, 13),
        (Change("taskgroups:TaskGroup.create_task", "coro.close()", "pass"),),
    ),
    Habit(
        "a timeout does not show behind another error",
        (3, 13),
        (Change("timeouts:Timeout.__aexit__", "in (exc, *", "in () and (exc, *"),),
    ),
    Habit(
        "a request to cancel that is taken back is raised all the same",
        (3, 13),
        (
            Change(
                "tasks:Task.uncancel",
                "self._must_cancel = self._must_cancel and self._num_cancels_requested > 0",
                "pass",
            ),
        ),
    ),
    Habit(
        "a Condition's wait() makes a new CancelledError",
        (3, 13),
        (
            Change(
                "locks:Condition._take_lock_again", "raise cancelled.pop()", "raise CancelledError"
            ),
        ),
    ),
    Habit(
        "a Condition's wait() that is cancelled wakes nobody",
        (3, 13),
        (Change("locks:Condition.wait", "self._wake(1)", "pass"),),
    ),
    Habit(
        "a Semaphore wakes one after the other",
        (3, 13),
        (
            Change(
                "locks:Semaphore.acquire",
                "self._value = self._wake(self._value)",
                "if self._value > 0 and not waiter.cancelled(): self._value += self._wake(1) - 1",
            ),
        ),
    ),
)


@functools.cache
def _applied(habits: tuple[Habit, ...]) -> list[tuple[Any, CodeType, CodeType]]:
    """The functions that have some of these habits, their own code and that with the habits."""
    changed: dict[Any, Any] = {}
    for change in [change for habit in habits for change in habit.changes]:
        changed[change.own] = change.changed(changed.get(change.own, change.own))
    return [(own, own.__code__, after.__code__) for own, after in changed.items()]


@contextlib.contextmanager
def habits_in_place(habits: tuple[Habit, ...]) -> Iterator[None]:
    """Let miniloop have these habits."""
    changes = _applied(habits)
    for function, _, old in changes:
        function.__code__ = old
    try:
        yield
    finally:
        for function, own, _ in changes:
            function.__code__ = own


def habits_of(version: tuple[int, ...] = sys.version_info[:2]) -> tuple[Habit, ...]:
    """The habits of asyncio in a version of Python."""
    return tuple(habit for habit in HABITS if version < habit.until)
