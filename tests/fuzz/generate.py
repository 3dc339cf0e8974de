"""Generates a random program from choices, made by a seed or by Hypothesis, which can shrink them.

The tables below list the operations and how often each is chosen; the method with the name of an
operation makes it. Operations act on a few shared objects (`f1`, `t1`, `lock1`…), and times are few
and often equal, so that operations interact.

Two things are never generated. No task awaits a task that may await it: cancelling such a cycle
recurses without end. And no coroutine calls an earlier one, so that every program finishes.
"""

from __future__ import annotations

import functools
import itertools
import random
import sys
from collections.abc import Callable
from typing import Final

from tests.fuzz.syntax import Body, Function, Node, Program, block, listed, node

__all__ = ["AWAITABLES", "STATEMENTS", "Choose", "generate", "operations", "seeded"]

Choose = Callable[[int], int]
"""`choose(n)` returns a number from 0 to n - 1; 0 is the simplest choice."""

# The weight of each operation, and the Python version in which asyncio got it.

#: Awaitables, which may also be arguments of gather and so on.
AWAITABLES: Final = {
    "sleep0": 10,
    "sleep": 14,
    "future": 12,
    "task": 10,
    "own_task": 10,
    "call": 8,
    "gather": 7,
    "gather_exceptions": 5,
    "wait": 6,
    "wait_for": 8,
    "shield": 6,
    "event_wait": 4,
    "lock_acquire": 3,
    "condition_wait": 3,
    "condition_wait_for": 2,
    "semaphore_acquire": 3,
    "barrier_wait": 3,
    "barrier_reset": 1,
    "barrier_abort": 1,
    "queue_get": 5,
    "queue_put": 5,
    "queue_join": 2,
}

#: Statements of any function.
STATEMENTS: Final = {
    "set_result": 8,
    "set_exception": 6,
    "set_base_exception": 1,
    "future_cancel": 5,
    "task_cancel": 14,
    "task_cancel_twice": 2,
    "uncancel": 3,
    "spawn": 8,
    "spawn_in_context": 3,
    "respawn": 4,
    "eager": 4,
    "spawn_eager": 4,
    "ensure_future": 2,
    "task_name": 1,
    "look": 4,
    "result": 2,
    "exception": 2,
    "event_set": 4,
    "event_clear": 2,
    "lock_release": 2,
    "condition_notify": 3,
    "condition_notify_all": 1,
    "semaphore_release": 3,
    "queue_put_nowait": 3,
    "queue_get_nowait": 2,
    "queue_task_done": 2,
    "queue_shutdown": 1,
    "call_soon": 4,
    "call_soon_threadsafe": 1,
    "call_later": 3,
    "call_at": 2,
    "handle_cancel": 3,
    "add_done_callback": 5,
    "remove_done_callback": 2,
    "var_set": 4,
    "run_in_context": 1,
    "work": 2,
    "stop": 1,
    "all_tasks": 1,
    "graph": 3,
    "shared_group_task": 4,
    "shared_group_cancel": 3,
    "set_exception_handler": 1,
    "call_exception_handler": 1,
    "set_task_factory": 3,
    "never_awaited": 1,
    "raise_": 3,
    "raise_base": 1,
    "try_finally": 3,
    "try_error": 6,
}

#: Statements of coroutines only.
STEPS: Final = {
    "await_": 70,
    "await_oneself": 1,
    "cancel_oneself": 4,
    "cancelling": 2,
    "var_reset": 8,
    "timeout": 8,
    "timeout_at": 3,
    "reschedule": 4,
    "group": 8,
    "group_task": 6,
    "group_task_eager": 3,
    "group_cancel": 5,
    "group_cancel_later": 2,
    "shared_group": 4,
    "lock": 5,
    "condition": 4,
    "semaphore": 4,
    "barrier": 2,
    "repeat": 3,
    "as_completed": 4,
    "as_completed_async": 3,
    "iterate": 3,
    "iterate_early": 3,
    "generator_closed": 2,
    "generator_thrown": 1,
    "try_cancelled": 10,
    "try_cancelled_await": 4,
    "try_cancelled_raise": 3,
    "try_cancelled_other": 2,
    "try_group": 3,
    "return_": 2,
}

#: Additional statements of an asynchronous generator.
YIELDS: Final = {"yield_": 40}

SINCE: Final = {
    "wait_for": (3, 12),  # older versions wrap the awaitable in a task and cancel that
    "eager": (3, 12),
    "set_task_factory": (3, 12),
    "as_completed_async": (3, 13),
    "queue_shutdown": (3, 13),
    "spawn_eager": (3, 14),
    "group_task_eager": (3, 14),
    "graph": (3, 14),
    "group_cancel": (3, 15),
    "group_cancel_later": (3, 15),
    "shared_group_cancel": (3, 15),
}

THEMES: Final = (
    ("event",), ("lock",), ("condition",), ("semaphore",), ("barrier",),
    ("queue_get",), ("queue_put",), ("group",),
    ("timeout", "reschedule"), ("gather", "wait"), ("future", "set_result", "wait_for"),
)  # fmt: skip
"""Half of the programs have a theme: operations with these words in their names are chosen more
often, and there is one object of each kind, so that several tasks use it.
"""

FAVOUR: Final = 6
"""How much more often."""

TIMES: Final = ("0", "0.1", "0.2", "0.2", "1")
DELAYS: Final = ("0.1", "0.2", "0.2", "1")
LIMITS: Final = ("0.1", "0", "0.2", "0.2", "1", "None", "-1")
ERRORS: Final = ('ValueError("{n}")', "ValueError", 'KeyError("{n}")', "TimeoutError()",
                 'aio.CancelledError("{n}")', 'ExceptionGroup("{n}", [ValueError({n})])',
                 "StopAsyncIteration({n})", "StopIteration({n})", "RuntimeError()")  # fmt: skip
BASE_ERRORS: Final = ('GeneratorExit("{n}")', "SystemExit({n})", "KeyboardInterrupt()",
                      'BaseExceptionGroup("{n}", [SystemExit({n}), ValueError({n})])')  # fmt: skip
MESSAGES: Final = ("", '"stop"', '"{n}"')

SHARED: Final = {
    "f": ("loop.create_future()",),
    "event": ("aio.Event()",),
    "lock": ("aio.Lock()",),  # before conditions, which may use a lock
    "condition": ("aio.Condition()",),
    "semaphore": ("aio.Semaphore(1)", "aio.Semaphore(0)", "aio.Semaphore(2)",
                  "aio.BoundedSemaphore(1)"),
    "barrier": ("aio.Barrier(2)", "aio.Barrier(1)", "aio.Barrier(3)"),
    "queue": ("aio.Queue(1)", "aio.Queue()", "aio.Queue(2)", "aio.LifoQueue(2)",
              "aio.PriorityQueue()"),
    "context": ("copy_context()",),
    "shared_group": ("aio.TaskGroup()",),
}  # fmt: skip
"""The shared objects, with names such as `lock1`, and the ways to create each kind."""

PUSHES: Final = {
    "f": (("set_result", "set_result"), ("set_result", "set_result"), ("future_cancel", "cancel")),
    "event": (("event_set", "set"),),
    "lock": (("lock_release", "release"),),
    "semaphore": (("semaphore_release", "release"),),
    "queue": (("queue_put_nowait", "put_nowait"), ("queue_get_nowait", "get_nowait"),
              ("queue_put_nowait", "put_nowait")),
    "shared_group": (("shared_group_cancel", "cancel"),),
}  # fmt: skip
"""What timers do to shared objects: operation and method."""

NAMES_OF_FUNCTIONS: Final = "abcde"
DEEPEST: Final = 2
"""The maximum depth of nested blocks and of nested calls."""


def seeded(seed: int) -> Choose:
    """Return the choices of a seed."""
    fraction = random.Random(seed).random
    return lambda count: int(fraction() * count)


def operations(version: tuple[int, int] = sys.version_info[:2]) -> list[str]:
    """List the operations that a program may contain on this version of Python."""
    tables = (AWAITABLES, STATEMENTS, STEPS, YIELDS)
    return [op for table in tables for op in table if SINCE.get(op, (3, 11)) <= version]


def generate(choose: Choose, version: tuple[int, int] = sys.version_info[:2]) -> Program:
    """Generate a program of two to five coroutines with one to six steps each."""
    return _Generator(choose, version).program()


class _Table:
    """Operations to choose from, according to their weights."""

    def __init__(
        self, *tables: dict[str, int], version: tuple[int, int], theme: tuple[str, ...]
    ) -> None:
        weights = {op: weight for table in tables for op, weight in table.items()}
        offered = [op for op in weights if SINCE.get(op, (3, 11)) <= version]
        favoured = {op for op in offered if any(word in op for word in theme)}
        self._tickets = [
            op for op in offered for _ in range(weights[op] * (FAVOUR if op in favoured else 1))
        ]

    def pick(self, choose: Choose) -> str:
        return self._tickets[choose(len(self._tickets))]


class _Tables:
    """The tables for each kind of function."""

    def __init__(self, version: tuple[int, int], theme: tuple[str, ...]) -> None:
        make = functools.partial(_Table, version=version, theme=theme)
        self.awaitables = make(AWAITABLES)
        self.anywhere = make(STATEMENTS)
        self.coroutine = make(STEPS, STATEMENTS)
        self.generator = make(STEPS, STATEMENTS, YIELDS)


@functools.cache
def _tables_of(version: tuple[int, int], theme: tuple[str, ...]) -> _Tables:
    return _Tables(version, theme)


class _Scope:
    """The function being generated: its kind, and the names that are known in it."""

    def __init__(self, index: int, kind: str) -> None:
        self.index = index
        """The index of the coroutine. It may call, and await the tasks of, later ones only."""
        self.kind = kind
        self.tasks: list[str] = []
        self.groups: list[str] = []
        self.limits: list[str] = []
        self.tokens: list[str] = []


class _Generator:
    def __init__(self, choose: Choose, version: tuple[int, int]) -> None:
        self._choose = choose
        self._version = version
        self._theme = THEMES[choose(len(THEMES))] if choose(2) else ()
        self._tables = _tables_of(version, self._theme)
        self._numbers = itertools.count(1)
        self._coroutines = 2 + choose(4)
        self._tasks = 2 + choose(min(3, self._coroutines - 1))
        self._eager_factory = self._exists("set_task_factory") and self._often(1, 6)
        self._shared: dict[str, dict[str, Node]] = {}
        self._callbacks: list[Function] = []
        self._generators: list[Function] = []
        self._spawned = 0
        self._scope = _Scope(0, "start")
        self._depth = 0

    def program(self) -> Program:
        functions = [self._coroutine(index) for index in range(self._coroutines)]
        start = self._start()
        handles = tuple(self._shared.get("handle", {}).values())
        shared = tuple(line for kind in SHARED for line in self._shared.get(kind, {}).values())
        functions = [*self._callbacks, *self._generators, *functions]
        return Program(shared, tuple(functions), handles + start)

    def _exists(self, op: str) -> bool:
        return SINCE.get(op, (3, 11)) <= self._version

    # -- choices ----------------------------------------------------------------------------------

    def _one_of(self, texts: tuple[str, ...]) -> Node:
        """Choose one of the texts; the texts before it are simpler. `{n}` becomes a new number."""
        chosen = self._choose(len(texts))
        text = texts[chosen]
        if text.startswith("StopIteration") and sys.version_info < (3, 12, 6):
            chosen, text = 0, texts[0]  # set_exception() rejects it there
        number = str(next(self._numbers)) if "{n}" in text else ""
        simpler = dict.fromkeys(text for text in texts[:chosen] if "{n}" not in text)
        return node("", text.replace("{n}", number), simpler=tuple(simpler))

    def _often(self, part: int, whole: int) -> bool:
        return self._choose(whole) >= whole - part

    def _name(self, kind: str, most: int = 2) -> str:
        """Return the name of a shared object, of which there are at most `most`."""
        there = self._shared.setdefault(kind, {})
        number = 1 + self._choose(min(1 if self._theme else most, len(there) + 1))
        name = f"{kind}{number}"
        if name not in there:
            ways = SHARED[kind]
            if kind == "condition" and "lock" in self._shared:
                ways = ("aio.Condition()", "aio.Condition(lock1)")
            there[name] = node("", f"{name} = {{0}}", self._one_of(ways))
        return name

    def _number(self) -> Node:
        return node("", str(next(self._numbers)))

    # -- functions --------------------------------------------------------------------------------

    def _coroutine(self, index: int) -> Function:
        self._scope, self._depth = _Scope(index, "coroutine"), 0
        body = self._body(1 + self._choose(6))
        if self._often(1, 2):
            body = (self._logged(body),)
        return Function(f"async def {NAMES_OF_FUNCTIONS[index]}():", body)

    def _logged(self, body: Body) -> Node:
        logged = (node("", "log(error)"), node("", "raise"))
        return block("", ("try:", body), ("except BaseException as error:", logged))

    def _callback(self) -> str:
        """Return the name of a callback, perhaps a new one. No callback schedules another one."""
        if self._scope.kind == "callback":
            return "log"
        number = self._choose(min(2, len(self._callbacks) + 1))
        name = f"on{number + 1}"
        if number == len(self._callbacks):
            self._callbacks.append(Function(f"def {name}(*args):", ()))  # a placeholder
            body = self._other_function("callback", 1 + self._choose(2), node("", "log(args)"))
            self._callbacks[number] = Function(f"def {name}(*args):", body)
        return name

    def _generator_function(self) -> str:
        number = self._choose(min(2, len(self._generators) + 1))
        name = f"numbers{number + 1}"
        if number == len(self._generators):
            self._generators.append(Function(f"async def {name}():", ()))
            body = self._other_function("generator", 1 + self._choose(3), self._yield_())
            self._generators[number] = Function(f"async def {name}():", body)
        return name

    def _other_function(self, kind: str, size: int, first: Node) -> Body:
        """Generate the body of another function while one is being generated."""
        scope, depth = self._scope, self._depth
        self._scope, self._depth = _Scope(len(NAMES_OF_FUNCTIONS), kind), DEEPEST - 1
        body = (first, *self._body(size))
        self._scope, self._depth = scope, depth
        return body

    def _start(self) -> Body:
        self._scope = _Scope(-1, "start")
        lines = []
        if self._eager_factory and self._often(1, 2):
            lines.append(self._set_task_factory())
        if self._often(1, 30):
            lines.append(self._set_exception_handler())
        if self._often(1, 40):
            lines.append(node("debug", "loop.set_debug(True)"))
        for index in range(self._tasks):
            options = ("", "", f', name="{"xyz"[index % 3]}"')
            made = node("spawn", f"t{index + 1} = loop.create_task({{0}}(){{1}})",
                        node("", NAMES_OF_FUNCTIONS[index]), self._one_of(options))  # fmt: skip
            lines.append(made)
        lines += self._pushes()
        while self._often(1, 4):
            chosen = ("call_later", "call_soon", "call_at", "add_done_callback", "set_result")
            lines.append(self._make(chosen[self._choose(len(chosen))]))
        return tuple(lines)

    def _pushes(self) -> list[Node]:
        """Generate timers, so that most waits finish."""
        lines = []
        for kind, offered in PUSHES.items():
            ways = [(op, method) for op, method in offered if self._exists(op)]
            for name in self._shared.get(kind, {}):
                if ways and self._often(2, 3):
                    op, method = ways[self._choose(len(ways))]
                    number = [self._number()] if method in ("set_result", "put_nowait") else []
                    called = listed([node(op, f"{name}.{method}"), *number])
                    text, when = "loop.call_later({0}, {1})", self._one_of(TIMES)
                    lines.append(node("call_later", text, when, called))
                    if self._often(1, 2):  # in the same iteration, perhaps a woken task
                        cancel = node("task_cancel", f"{self._any_task()}.cancel")
                        lines.append(node("call_later", text, when, cancel))
        return lines

    # -- statements -------------------------------------------------------------------------------

    def _body(self, size: int) -> Body:
        kind = self._scope.kind
        table = self._tables.anywhere if kind == "callback" else getattr(self._tables, kind)
        return tuple(self._make(table.pick(self._choose)) for _ in range(size))

    def _make(self, op: str) -> Node:
        maker: Callable[[], Node] = getattr(self, f"_{op}")
        return maker()

    def _inner(self, most: int = 2) -> Body:
        """Generate the body of a block; at the maximum depth, a single await."""
        if self._depth >= DEEPEST:
            return (self._await_(),) if self._scope.kind != "callback" else (self._look(),)
        self._depth += 1
        scope = self._scope
        known = [len(names) for names in (scope.tasks, scope.tokens)]
        body = self._body(1 + self._choose(most))
        del scope.tasks[known[0] :], scope.tokens[known[1] :]  # these lines may not be reached
        self._depth -= 1
        return body

    def _line(self, op: str, text: str, *parts: Node) -> Node:
        return node(op, text, *parts)

    def _await_(self) -> Node:
        return node("await_", "log(await {0})", self._awaitable())

    def _called_on(self, op: str, function: str, *arguments: Node) -> Node:
        """Generate a call that may raise; most such calls are caught."""
        if self._often(2, 3):
            return node(op, "attempt({0})", listed([node("", function), *arguments]))
        return node(op, f"log({function}({{0}}))", listed(arguments))

    # futures and tasks

    def _set_result(self) -> Node:
        return self._called_on("set_result", f"{self._name('f')}.set_result", self._number())

    def _set_exception(self) -> Node:
        function = f"{self._name('f')}.set_exception"
        return self._called_on("set_exception", function, self._one_of(ERRORS))

    def _set_base_exception(self) -> Node:
        function = f"{self._name('f')}.set_exception"
        return self._called_on("set_base_exception", function, self._one_of(BASE_ERRORS))

    def _future_cancel(self) -> Node:
        text = f"log({self._name('f')}.cancel({{0}}))"
        return node("future_cancel", text, self._one_of(MESSAGES))

    def _any_task(self) -> str:
        """Return the name of a task, perhaps one that this function created."""
        names = [f"t{n + 1}" for n in range(self._tasks)] + self._scope.tasks * 2
        return names[self._choose(len(names))]

    def _task_cancel(self) -> Node:
        text = f"log({self._any_task()}.cancel({{0}}))"
        return node("task_cancel", text, self._one_of(MESSAGES))

    def _task_cancel_twice(self) -> Node:
        task = self._any_task()
        text = f"log({task}.cancel({{0}}), {task}.cancel({{1}}))"
        return node("task_cancel_twice", text, self._one_of(MESSAGES), self._one_of(MESSAGES))

    def _cancel_oneself(self) -> Node:
        text = "log(aio.current_task().cancel({0}))"
        return node("cancel_oneself", text, self._one_of(MESSAGES))

    def _uncancel(self) -> Node:
        return node("uncancel", f"log({self._any_task()}.uncancel())")

    def _cancelling(self) -> Node:
        return node("cancelling", f"log({self._any_task()}.cancelling())")

    def _new_task(self, op: str, text: str, *parts: Node, after: int = -1) -> Node:
        """Generate a line that assigns a new task to a new name of this function."""
        name = f"mine{len(self._scope.tasks) + 1}"
        called = self._called(after)
        if called is None:
            return self._look()
        made = node(op, f"{name} = {text}", called, *parts)
        self._scope.tasks.append(name)
        return made

    def _called(self, after: int = -1) -> Node | None:
        """Generate a call of a coroutine that is later than this one and than number `after`; None
        if there is none, or if there are enough calls."""
        first = max(self._scope.index, after) + 1
        later = self._coroutines - first
        if later <= 0 or self._spawned >= 8:
            return None
        self._spawned += 1
        index = first + self._choose(later)
        return node("", f"{NAMES_OF_FUNCTIONS[index]}()")

    def _spawn(self) -> Node:
        options = ("", ', name="{n}"')
        return self._new_task("spawn", "aio.create_task({0}{1})", self._one_of(options))

    def _spawn_in_context(self) -> Node:
        text = f"aio.create_task({{0}}, context={self._name('context')})"
        return self._new_task("spawn_in_context", text)

    def _eager(self) -> Node:
        return self._new_task("eager", "aio.Task({0}, loop=loop, eager_start=True)")

    def _spawn_eager(self) -> Node:
        text = "{1}.create_task({0}, eager_start={2}{3})"
        options = ["", ', name="{n}"', ", context=copy_context()"]
        if self._often(1, 6):
            options = [f", context={self._name('context')}"]
        return self._new_task("spawn_eager", text, self._one_of(("aio", "loop")),
                              self._one_of(("True", "True", "True", "False")),
                              self._one_of(tuple(options)))  # fmt: skip

    def _ensure_future(self) -> Node:
        return self._new_task("ensure_future", "aio.ensure_future({0})")

    def _respawn(self) -> Node:
        """Assign a new task to a shared name; its coroutine is not earlier than the one before."""
        called = self._called()
        if called is None:
            return self._look()
        most = min(NAMES_OF_FUNCTIONS.index(called.text[0]), self._tasks - 1)
        name = f"t{1 + self._choose(most + 1)}"
        if self._scope.kind == "callback":
            return node("respawn", "log(aio.create_task({0}))", called)
        return node("respawn", f"{name} = aio.create_task({{0}})", called)

    def _task_name(self) -> Node:
        task = self._any_task()
        return node("task_name", f"log({task}.get_name(), {task}.set_name({{0}}))", self._number())

    def _future_or_task(self) -> str:
        return self._name("f") if self._often(1, 2) else self._any_task()

    def _look(self) -> Node:
        return node("look", f"log({self._future_or_task()})")

    def _result(self) -> Node:
        return self._called_on("result", f"{self._future_or_task()}.result")

    def _exception(self) -> Node:
        return self._called_on("exception", f"{self._future_or_task()}.exception")

    def _all_tasks(self) -> Node:
        return node("all_tasks", "log(aio.all_tasks())")

    def _graph(self) -> Node:
        subject = [node("", self._future_or_task())] if self._often(2, 3) else []
        return self._called_on("graph", "aio.capture_call_graph", *subject)

    def _never_awaited(self) -> Node:
        return node("never_awaited", "{0}", self._called() or node("", "aio.sleep(0)"))

    # locks and queues

    def _event_set(self) -> Node:
        return node("event_set", f"log({self._name('event')}.set())")

    def _event_clear(self) -> Node:
        return node("event_clear", f"log({self._name('event')}.clear())")

    def _lock_release(self) -> Node:
        return self._called_on("lock_release", f"{self._name('lock')}.release")

    def _condition_notify(self) -> Node:
        function = f"{self._name('condition', 1)}.notify"
        return self._called_on("condition_notify", function, self._one_of(("1", "2")))

    def _condition_notify_all(self) -> Node:
        function = f"{self._name('condition', 1)}.notify_all"
        return self._called_on("condition_notify_all", function)

    def _semaphore_release(self) -> Node:
        return self._called_on("semaphore_release", f"{self._name('semaphore')}.release")

    def _queue_put_nowait(self) -> Node:
        function = f"{self._name('queue')}.put_nowait"
        return self._called_on("queue_put_nowait", function, self._number())

    def _queue_get_nowait(self) -> Node:
        return self._called_on("queue_get_nowait", f"{self._name('queue')}.get_nowait")

    def _queue_task_done(self) -> Node:
        return self._called_on("queue_task_done", f"{self._name('queue')}.task_done")

    def _queue_shutdown(self) -> Node:
        text = f"log({self._name('queue')}.shutdown({{0}}))"
        return node("queue_shutdown", text, self._one_of(("", "immediate=True")))

    # callbacks

    def _handle(self, op: str, text: str, *parts: Node) -> Node:
        """Schedule a call whose handle is shared or not kept."""
        handles = self._shared.setdefault("handle", {})
        if self._scope.kind == "start" and len(handles) < 2:
            name = f"handle{len(handles) + 1}"
            handles[name] = node("", f"{name} = None")
            return node(op, f"{name} = {text}", *parts)
        return node(op, text, *parts)

    def _call_soon(self) -> Node:
        options = ("", ", context=copy_context()")
        text = f"loop.call_soon({self._callback()}, {{0}}{{1}})"
        return self._handle("call_soon", text, self._number(), self._one_of(options))

    def _call_soon_threadsafe(self) -> Node:
        text = f"loop.call_soon_threadsafe({self._callback()}, {{0}})"
        return self._handle("call_soon_threadsafe", text, self._number())

    def _call_later(self) -> Node:
        text = f"loop.call_later({{0}}, {self._callback()}, {{1}})"
        return self._handle("call_later", text, self._one_of(TIMES), self._number())

    def _call_at(self) -> Node:
        text = f"loop.call_at({{0}}, {self._callback()}, {{1}})"
        return self._handle("call_at", text, self._one_of(TIMES), self._number())

    def _handle_cancel(self) -> Node:
        if self._often(1, 2):
            text = f"loop.call_later({{0}}, {self._callback()}).cancel()"
            return node("handle_cancel", text, self._one_of(TIMES))
        name = f"handle{1 + self._choose(2)}"
        made = node("", f"{name} = loop.call_later({{0}}, {self._callback()})",
                    self._one_of(TIMES))  # fmt: skip
        self._shared.setdefault("handle", {}).setdefault(name, made)
        return node("handle_cancel", f"log({name}.cancel(), {name}.cancelled())")

    def _add_done_callback(self) -> Node:
        text = f"log({self._future_or_task()}.add_done_callback({self._callback()}{{0}}))"
        options = ("", ", context=copy_context()")
        return node("add_done_callback", text, self._one_of(options))

    def _remove_done_callback(self) -> Node:
        text = f"log({self._future_or_task()}.remove_done_callback({self._callback()}))"
        return node("remove_done_callback", text)

    # contexts and the loop

    def _var_set(self) -> Node:
        if self._scope.kind in ("callback", "start"):
            return node("var_set", "var.set({0})", self._number())
        name = f"token{len(self._scope.tokens) + 1}"
        self._scope.tokens.append(name)
        return node("var_set", f"{name} = var.set({{0}})", self._number())

    def _var_reset(self) -> Node:
        tokens = self._scope.tokens
        if not tokens:
            return self._var_set()
        return node("var_reset", f"log(var.reset({tokens[self._choose(len(tokens))]}))")

    def _run_in_context(self) -> Node:
        return node("run_in_context", f"log({self._name('context')}.run({self._callback()}))")

    def _work(self) -> Node:
        return node("work", "work({0})", self._one_of(DELAYS))

    def _stop(self) -> Node:
        return node("stop", "log(loop.stop())")

    def _set_exception_handler(self) -> Node:
        text = "loop.set_exception_handler({0})"
        handlers = ("None", "lambda loop, context: log(context['message'])",
                    "lambda loop, context: 1 / 0")  # fmt: skip
        return node("set_exception_handler", text, self._one_of(handlers))

    def _call_exception_handler(self) -> Node:
        text = 'loop.call_exception_handler({{"message": "{0}"}})'
        return node("call_exception_handler", text, self._number())

    def _set_task_factory(self) -> Node:
        """Only some programs have one. These never pass several awaitables to as_completed."""
        if not self._eager_factory:
            return self._work()
        text = "loop.set_task_factory({0})"
        return node("set_task_factory", text, self._one_of(("None", "aio.eager_task_factory")))

    # raising, catching, returning

    def _raise_(self) -> Node:
        return node("raise_", "raise {0}", self._one_of(ERRORS))

    def _raise_base(self) -> Node:
        return node("raise_base", "raise {0}", self._one_of(BASE_ERRORS))

    def _return_(self) -> Node:
        if self._scope.kind == "generator":
            return node("return_", "return")
        return node("return_", "return {0}", self._number())

    def _try_finally(self) -> Node:
        return block("try_finally", ("try:", self._inner()), ("finally:", self._inner(2)))

    def _try_error(self) -> Node:
        handling = (node("", "log(error)"),)
        return block("try_error", ("try:", self._inner()),
                     ("except Exception as error:", handling))  # fmt: skip

    def _catch(self, op: str, *handling: Node) -> Node:
        head = "except aio.CancelledError as error:"
        return block(op, ("try:", self._inner()), (head, (node("", "log(error)"), *handling)))

    def _try_cancelled(self) -> Node:
        return self._catch("try_cancelled")

    def _try_cancelled_await(self) -> Node:
        return self._catch("try_cancelled_await", *self._inner(2))

    def _try_cancelled_raise(self) -> Node:
        ways = (node("", "raise"), node("", "raise error"),
                node("", "raise {0}", self._one_of(ERRORS)),
                node("", "raise {0} from error", self._one_of(ERRORS)))  # fmt: skip
        return self._catch("try_cancelled_raise", ways[self._choose(len(ways))])

    def _try_cancelled_other(self) -> Node:
        uncancel = node("uncancel", "log(aio.current_task().uncancel())")
        return self._catch("try_cancelled_other", uncancel)

    def _try_group(self) -> Node:
        handling = (node("", "log(error)"),)
        return block("try_group", ("try:", self._inner()),
                     ("except* (ValueError, TimeoutError) as error:", handling))  # fmt: skip

    # blocks that may wait

    def _timeout(self) -> Node:
        return self._limited("timeout", "aio.timeout({0})", LIMITS)

    def _timeout_at(self) -> Node:
        return self._limited("timeout_at", "aio.timeout_at({0})", LIMITS)

    def _limited(self, op: str, call: str, times: tuple[str, ...]) -> Node:
        name = f"limit{len(self._scope.limits) + 1}"
        self._scope.limits.append(name)
        when = self._one_of(times)
        body = (*self._inner(), node("", f"log({name}.expired())"))
        self._scope.limits.pop()
        return block(op, (f"async with {call} as {name}:", body), parts=(when,))

    def _reschedule(self) -> Node:
        if not self._scope.limits:
            return self._timeout()
        limits = self._scope.limits
        text = f"log({limits[self._choose(len(limits))]}.reschedule({{0}}))"
        return node("reschedule", text, self._one_of(LIMITS))

    def _group(self) -> Node:
        name = f"group{len(self._scope.groups) + 1}"
        self._scope.groups.append(name)
        tasks = tuple(self._group_task() for _ in range(1 + self._choose(2)))
        body = (*tasks, *self._inner(2))
        self._scope.groups.pop()
        return block("group", (f"async with aio.TaskGroup() as {name}:", body))

    def _group_task(self) -> Node:
        groups = self._scope.groups
        if not groups:
            return self._group()
        options = ("", ', name="{n}"')
        text = f"{groups[self._choose(len(groups))]}.create_task({{0}}{{1}})"
        return self._new_task("group_task", text, self._one_of(options))

    def _group_task_eager(self) -> Node:
        groups = self._scope.groups
        if not groups:
            return self._group()
        text = f"{groups[self._choose(len(groups))]}.create_task({{0}}, eager_start={{1}}{{2}})"
        return self._new_task("group_task_eager", text, self._one_of(("True", "True", "False")),
                              self._one_of(("", ', name="{n}"')))  # fmt: skip

    def _group_cancel(self) -> Node:
        groups = self._scope.groups
        if not groups:
            return self._group()
        return node("group_cancel", f"log({groups[self._choose(len(groups))]}.cancel())")

    def _group_cancel_later(self) -> Node:
        groups = self._scope.groups
        if not groups:
            return self._group()
        text = f"loop.call_later({{0}}, {groups[self._choose(len(groups))]}.cancel)"
        return node("group_cancel_later", text, self._one_of(TIMES))

    def _shared_group(self) -> Node:
        """Enter a group to which other functions add tasks.

        Only the first two coroutines do that, each with a group of its own: a task that the parent
        of a group waits for must not wait for the parent, so it runs a later coroutine.
        """
        if self._scope.index >= self._most_shared_groups:
            return self._group()
        return self._with("shared_group", self._name_of_shared_group(self._scope.index))

    @property
    def _most_shared_groups(self) -> int:
        return 1 if self._theme else 2

    def _name_of_shared_group(self, index: int) -> str:
        name = f"shared_group{index + 1}"
        made = node("", f"{name} = {{0}}", self._one_of(SHARED["shared_group"]))
        self._shared.setdefault("shared_group", {}).setdefault(name, made)
        return name

    def _shared_group_task(self) -> Node:
        index = self._choose(self._most_shared_groups)
        text = f"{self._name_of_shared_group(index)}.create_task({{0}}{{1}})"
        options = ["", ', name="{n}"']
        if self._exists("spawn_eager"):
            options += [", eager_start=True"] * 2
        return self._new_task("shared_group_task", text, self._one_of(tuple(options)), after=index)

    def _shared_group_cancel(self) -> Node:
        name = self._name_of_shared_group(self._choose(self._most_shared_groups))
        return node("shared_group_cancel", f"log({name}.cancel())")

    def _with(self, op: str, name: str) -> Node:
        return block(op, (f"async with {name}:", self._inner()))

    def _lock(self) -> Node:
        return self._with("lock", self._name("lock"))

    def _condition(self) -> Node:
        return self._with("condition", self._name("condition", 1))

    def _semaphore(self) -> Node:
        return self._with("semaphore", self._name("semaphore"))

    def _barrier(self) -> Node:
        return self._with("barrier", self._name("barrier", 1))

    def _repeat(self) -> Node:
        return block("repeat", ("for _ in range(2):", self._inner()))

    def _as_completed(self) -> Node:
        text = "for following in aio.as_completed([{0}]{1}):"
        body = (node("", "log(await following)"),)
        return block("as_completed", (text, body), parts=self._completing())

    def _as_completed_async(self) -> Node:
        text = "async for following in aio.as_completed([{0}]{1}):"
        body = (node("", "log(following)"),)
        return block("as_completed_async", (text, body), parts=self._completing())

    def _completing(self) -> tuple[Node, Node]:
        """Choose arguments of as_completed: one that may be done already, and others that are not.

        as_completed looks at them in the order of a set, which is not determined.
        """
        several = 0 if self._eager_factory else self._choose(3)
        others = [made for _ in range(several) if (made := self._called()) is not None]
        all_of_them = listed([node("", self._awaited_name()), *others])
        return all_of_them, self._one_of(("", ", timeout=0.1", ", timeout=0.2"))

    def _iterate(self) -> Node:
        head = f"async for number in {self._generator_function()}():"
        return block("iterate", (head, (node("", "log(number)"),)))

    def _iterate_early(self) -> Node:
        head = f"async for number in {self._generator_function()}():"
        body = (node("", "log(number)"), node("", "break"))
        return block("iterate_early", (head, body))

    def _generator_closed(self) -> Node:
        head = f"for numbers in [{self._generator_function()}()]:"
        body = (node("", "log(await anext(numbers))"), *self._inner(1),
                node("", "log(await numbers.aclose())"))  # fmt: skip
        return block("generator_closed", (head, body))

    def _generator_thrown(self) -> Node:
        head = f"for numbers in [{self._generator_function()}()]:"
        body = (node("", "log(await anext(numbers))"),
                node("", "log(await numbers.athrow({0}))", self._one_of(ERRORS)))  # fmt: skip
        return block("generator_thrown", (head, body))

    def _yield_(self) -> Node:
        return node("yield_", "yield {0}", self._number())

    # -- awaitables --------------------------------------------------------------------------------

    def _awaitable(self, depth: int = 0) -> Node:
        op = self._tables.awaitables.pick(self._choose)
        if op in ("gather", "gather_exceptions", "wait_for", "shield"):
            if depth >= DEEPEST:
                return self._make("sleep")
            made: Node = getattr(self, f"_{op}")(depth + 1)
        else:
            made = self._make(op)
        return made if made.op == "sleep0" else Node(made.op, made.heads, made.parts,
                                                     simpler=("aio.sleep(0)",))  # fmt: skip

    def _sleep0(self) -> Node:
        return node("sleep0", "aio.sleep(0)")

    def _sleep(self) -> Node:
        return node("sleep", "aio.sleep({0}, {1})", self._one_of(DELAYS), self._number())

    def _future(self) -> Node:
        return node("future", self._name("f"))

    def _awaited_task(self) -> str | None:
        """Return a task that cannot await this one: of a later coroutine, or created by this
        function."""
        later = [f"t{n + 1}" for n in range(max(0, self._scope.index + 1), self._tasks)]
        names = later + self._scope.tasks
        return names[self._choose(len(names))] if names else None

    def _awaited_name(self) -> str:
        return (self._awaited_task() if self._often(1, 2) else None) or self._name("f")

    def _task(self) -> Node:
        name = self._awaited_task()
        return node("task", name) if name is not None else self._future()

    def _own_task(self) -> Node:
        tasks = self._scope.tasks
        if not tasks:
            return self._call()
        return node("own_task", tasks[self._choose(len(tasks))])

    def _call(self) -> Node:
        called = self._called()
        return self._sleep() if called is None else node("call", called.text)

    def _await_oneself(self) -> Node:
        return node("await_oneself", "log(await aio.current_task())")

    def _gather(self, depth: int) -> Node:
        return self._gathered("gather", "aio.gather({0})", depth)

    def _gather_exceptions(self, depth: int) -> Node:
        text = "aio.gather({0}, return_exceptions=True)"
        return self._gathered("gather_exceptions", text, depth)

    def _gathered(self, op: str, text: str, depth: int) -> Node:
        children = [self._awaitable(depth) for _ in range(1 + self._choose(3))]
        if self._often(1, 5):  # the same one twice
            name = node("", self._awaited_name())
            children += [name, name]
        return node(op, text, listed(children))

    def _wait(self) -> Node:
        names = [self._awaited_name() for _ in range(1 + self._choose(3))]
        options = ("", ", return_when=aio.FIRST_COMPLETED", ", return_when=aio.FIRST_EXCEPTION")
        limits = ("", ", timeout=0.1", ", timeout=0", ", timeout=0.2")
        futures = listed(node("", name) for name in names)
        return node("wait", "aio.wait([{0}]{1}{2})", futures, self._one_of(options),
                    self._one_of(limits))  # fmt: skip

    def _wait_for(self, depth: int) -> Node:
        return node("wait_for", "aio.wait_for({0}, {1})", self._awaitable(depth),
                    self._one_of(LIMITS))  # fmt: skip

    def _shield(self, depth: int) -> Node:
        return node("shield", "aio.shield({0})", self._awaitable(depth))

    def _event_wait(self) -> Node:
        return node("event_wait", f"{self._name('event')}.wait()")

    def _lock_acquire(self) -> Node:
        return node("lock_acquire", f"{self._name('lock')}.acquire()")

    def _condition_wait(self) -> Node:
        return node("condition_wait", f"{self._name('condition', 1)}.wait()")

    def _condition_wait_for(self) -> Node:
        text = f"{self._name('condition', 1)}.wait_for({self._name('event')}.is_set)"
        return node("condition_wait_for", text)

    def _semaphore_acquire(self) -> Node:
        return node("semaphore_acquire", f"{self._name('semaphore')}.acquire()")

    def _barrier_wait(self) -> Node:
        return node("barrier_wait", f"{self._name('barrier', 1)}.wait()")

    def _barrier_reset(self) -> Node:
        return node("barrier_reset", f"{self._name('barrier', 1)}.reset()")

    def _barrier_abort(self) -> Node:
        return node("barrier_abort", f"{self._name('barrier', 1)}.abort()")

    def _queue_get(self) -> Node:
        return node("queue_get", f"{self._name('queue')}.get()")

    def _queue_put(self) -> Node:
        return node("queue_put", f"{self._name('queue')}.put({{0}})", self._number())

    def _queue_join(self) -> Node:
        return node("queue_join", f"{self._name('queue')}.join()")
