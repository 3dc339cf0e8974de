"""Known differences between miniloop and asyncio, written as changes of miniloop.

miniloop follows the asyncio of 3.15. Each habit is a few lines that make miniloop behave like the
asyncio of an older Python, or like today's where miniloop deliberately differs. If the traces of
miniloop and asyncio differ, the program is run again on a miniloop with the habits. If that run
equals asyncio's, the habits explain the difference.

A habit replaces lines of miniloop's own source. If these lines no longer exist, that is an error.
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
"""The asyncio of 3.15 behaves like this too: there is a row in *Where miniloop differs*."""


@dataclass(frozen=True)
class Change:
    """A change of one function of miniloop."""

    function: str
    """The function, as `module:Class.method`."""
    line: str
    """The text to replace in its source; only the first occurrence is replaced."""
    instead: str

    @property
    def own(self) -> Any:
        """The function of miniloop."""
        module, _, path = self.function.partition(":")
        names = [f"miniloop.{module}", *path.split(".")]
        return functools.reduce(getattr, names[1:], importlib.import_module(names[0]))

    def changed(self, function: Any) -> Any:
        """Return the function with the change."""
        source = sources.get(function) or textwrap.dedent(inspect.getsource(function))
        if self.line not in source:
            raise LookupError(f"{self.function} does not contain: {self.line}")
        source = source.replace(self.line, self.instead, 1)
        flags = __future__.annotations.compiler_flag
        code = compile(source, f"<{self.function}>", "exec", flags, dont_inherit=True)
        made: dict[str, Any] = {}
        exec(code, function.__globals__, made)
        (again,) = made.values()
        sources[again] = source
        return again


sources: dict[Any, str] = {}
"""The sources of changed functions, for functions that are changed twice."""


@dataclass(frozen=True)
class Habit:
    """How asyncio behaves from version `since` on and before version `until`."""

    name: str
    until: tuple[int, ...]
    changes: tuple[Change, ...]
    since: tuple[int, ...] = (3, 11)


ENTER: Final = "self._context.run(bool)"

STAYS_CURRENT: Final = """try:
        self._context.run(bool)
    except RuntimeError:
        for task in filter(None, [self, loop._current_task]):
            _register_task(task)  # for all_tasks()
        loop._current_task, self._log_destroy_pending = self, True
        raise"""

GRAPHS: Final = (3, 14)
"""The first version with call graphs."""

ADD: Final = '__import__("miniloop.trace.graph").future_add_to_awaited_by'
DISCARD: Final = '__import__("miniloop.trace.graph").future_discard_from_awaited_by'
"""These record a waiter, or remove it, like the functions of these names in asyncio."""

GROUP: Final = "taskgroups:TaskGroup.__aexit__"

HABITS: Final = (
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
        "a cancelled queue waiter schedules callbacks, which raises on a closed loop",
        NOW,
        (
            Change(
                "queues:Queue._give_up",
                "if waiter in waiters:",
                "waiter.cancel()\n    if waiter in waiters:",
            ),
        ),
    ),
    Habit(
        "an eager task whose context is already entered stays the current task",
        (3, 15),
        (Change("tasks:Task._run_eagerly", ENTER, STAYS_CURRENT),),
        since=(3, 14),
    ),
    Habit(
        "an eager task whose context is already entered stays the current task",
        (3, 14),
        (
            Change(
                "tasks:Task._run_eagerly",
                ENTER,
                # asyncio keeps it in its set of eager tasks, so it never logs "destroyed but
                # pending".
                STAYS_CURRENT.replace(
                    "raise", 'events.__dict__.setdefault("_kept", []).append(self); raise'
                ),
            ),
        ),
    ),
    Habit(
        "a call graph shows what gather() and so on have recorded",
        NOW,
        (
            Change(
                "trace.graph:_tasks_behind",
                "between: Any = ()",
                """between: Any = ()
    if not isinstance(waiter, Task):
        return []""",
            ),
            Change(
                "combinators:gather",
                "outer = outer or _GatheringFuture(loop=_loop_of(future))",
                "outer = outer or _GatheringFuture(loop=_loop_of(future)); "
                "outer.task = outer._loop._current_task",
            ),
            Change(
                "combinators:gather",
                "_call_when_done(outer, future)",
                f"_call_when_done(outer, future); {ADD}(future, outer.task)",
            ),
            Change(
                "combinators:_GatheringFuture._child_done",
                "self._unfinished -= 1",
                f"self._unfinished -= 1; {DISCARD}(child, self.task)",
            ),
            Change(
                "combinators:_GatheringFuture._child_done",
                "self.set_exception(child.",
                f"[{DISCARD}(one, self.task) for one in self._children]; self.set_exception(child.",
            ),
            Change(
                "combinators:_GatheringFuture._child_done",
                "self.set_exception(error)",
                f"[{DISCARD}(one, self.task) for one in self._children]; self.set_exception(error)",
            ),
            Change(
                "combinators:_Waiting.__init__",
                "self.enough_done = Event()",
                "self.task = get_running_loop()._current_task; self.enough_done = Event()",
            ),
            Change(
                "combinators:_Waiting._child_done",
                "self._unfinished -= 1",
                f"self._unfinished -= 1; {DISCARD}(future, self.task)",
            ),
            Change(
                "combinators:wait",
                "removable = ",
                f"[{ADD}(future, waiting.task) for future in futures]; removable = ",
            ),
            Change(
                "combinators:wait",
                "if not future.done():",
                f"{DISCARD}(future, waiting.task)\n            if not future.done():",
            ),
            Change(
                "combinators:_Shield.__init__",
                "self._callback = ",
                f"self.task = inner._loop._current_task; {ADD}(inner, self.task); "
                "self._callback = ",
            ),
            Change(
                "combinators:_Shield._child_done",
                "self._callback = None",
                f"self._callback = None; {DISCARD}(inner, self.task)",
            ),
            Change(
                "combinators:_AsCompleted.__init__",
                "future.add_done_callback(self._child_done)",
                "future.add_done_callback(self._child_done); "
                f"self.task = loop._current_task; {ADD}(future, self.task)",
            ),
            Change(
                "combinators:_AsCompleted._child_done",
                "self._pending.remove(future)",
                f"self._pending.remove(future); {DISCARD}(future, self.task)",
            ),
            Change(
                "combinators:_AsCompleted._on_timeout",
                "future.remove_done_callback(self._child_done)",
                f"future.remove_done_callback(self._child_done); {DISCARD}(future, self.task)",
            ),
            Change(
                "taskgroups:TaskGroup.create_task",
                "self._tasks.add(task)",
                f"self._tasks.add(task); {ADD}(task, self._parent_task)",
            ),
            Change(
                "taskgroups:TaskGroup._child_done",
                "self._tasks.discard(task)",
                f"self._tasks.discard(task); {DISCARD}(task, self._parent_task)",
            ),
        ),
        since=GRAPHS,
    ),
    Habit(
        "an exception handler runs in the context of the loop",
        (3, 12),
        (
            Change(
                "reports:_contextvars_of",
                'subject.get_context() if hasattr(subject, "get_context") else None',
                "None",
            ),
        ),
    ),
    Habit(
        "a gather counts done futures one iteration later",
        (3, 12),
        (Change("combinators:gather", "if future.done()", "if False"),),
    ),
    Habit(
        "a TaskGroup that fails miscounts the requests to cancel its parent",
        (3, 13),
        (
            Change(GROUP, "if self._parent_task.cancelling():", "if False:"),
            Change(GROUP, "if self._parent_cancel_requested and", "if False and"),
            Change(
                GROUP,
                "exiting = True",
                "exiting = True; self._parent_cancel_requested and self._parent_task.uncancel()",
            ),
        ),
    ),
    Habit(
        "a TaskGroup does not close a coroutine if create_task() raises",
        (3, 13),
        (Change("taskgroups:TaskGroup.create_task", "coro.close()", "pass"),),
    ),
    Habit(
        "a timeout is not shown in the context of another error",
        (3, 13),
        (Change("timeouts:Timeout.__aexit__", "in (exc, *", "in () and (exc, *"),),
    ),
    Habit(
        "a request to cancel that was uncancelled is still raised",
        (3, 13),
        (Change("tasks:Task.uncancel", "self._must_cancel = False", "pass"),),
    ),
    Habit(
        "a Condition's wait() raises a new CancelledError",
        (3, 13),
        (Change("locks:Condition._take_lock_again", "raise cancelled", "raise CancelledError"),),
    ),
    Habit(
        "a Condition's wait() that is cancelled does not wake another waiter",
        (3, 13),
        (Change("locks:Condition.wait", "self._wake(1)", "pass"),),
    ),
    Habit(
        "a Semaphore wakes its waiters one after the other",
        (3, 13),
        (
            Change(
                "locks:Semaphore.acquire",
                "self._value -= self._wake(self._value)",
                "if self._value > 0 and not waiter.cancelled(): self._value -= self._wake(1)",
            ),
        ),
    ),
    Habit(
        "a TaskGroup counts an eager task that is done inside create_task()",
        (3, 14),
        (
            Change(
                "taskgroups:TaskGroup.create_task",
                "_call_when_done(self, task)",
                "self._child_done(task) if task.done() else _call_when_done(self, task)",
            ),
        ),
    ),
    Habit(
        "a TaskGroup puts the GeneratorExit of its block into an exception group",
        (3, 15),
        (
            Change(
                "taskgroups:TaskGroup.__aexit__",
                "if isinstance(exc, GeneratorExit) and",
                "if False and",
            ),
        ),
    ),
    Habit(
        "a cancelled shield marks the exception of a future that is done as retrieved",
        (3, 14),
        (
            Change(
                "combinators:_Shield._child_done",
                "return",
                "return inner.cancelled() or inner.exception()",
            ),
        ),
    ),
    Habit(
        "a cancelled step of as_completed() takes an item",
        (3, 14),
        (Change("combinators:_AsCompleted._next_done", "self._left += 1", "pass"),),
    ),
    Habit(
        "a concurrent future passes its result on in the next iteration",
        (3, 14),
        (Change("threads:_call_in_loop_of", "or loop is _get_running_loop()", ""),),
    ),
)


@functools.cache
def _applied(habits: tuple[Habit, ...]) -> list[tuple[Any, CodeType, CodeType]]:
    """Return each changed function with its own code object and the changed one."""
    changed: dict[Any, Any] = {}
    for change in [change for habit in habits for change in habit.changes]:
        changed[change.own] = change.changed(changed.get(change.own, change.own))
    return [(own, own.__code__, after.__code__) for own, after in changed.items()]


@contextlib.contextmanager
def habits_in_place(habits: tuple[Habit, ...]) -> Iterator[None]:
    """Run the block with these habits in miniloop."""
    changes = _applied(habits)
    for function, _, old in changes:
        function.__code__ = old
    try:
        yield
    finally:
        for function, own, _ in changes:
            function.__code__ = own


def habits_of(version: tuple[int, ...] = sys.version_info[:2]) -> tuple[Habit, ...]:
    """Return the habits of asyncio in a version of Python."""
    return tuple(habit for habit in HABITS if habit.since <= version < habit.until)
