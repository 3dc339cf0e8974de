"""The ladder of a wake-up: tasks that await futures which a callback sets in the next turn.

On every rung `soon(value)` gives something to await that will have this value. From the top:

    PollInEachTurn   (task_rungs) above miniloop: every turn asks the selector
    Miniloop         as it is: a future, and call_soon(future.set_result, value)
    NoContexts       patched: Handle._run calls its callback without a context, and copies none
    NoHandles        what sets the future stands in the ready queue by itself
    NoBookkeeping    patched: Task's step is one of this file: a plain send, and no more
    Floor            written here: a deque of coroutines and of things to await, and send(None)
"""

from collections import deque
from collections.abc import Generator, Iterable
from contextlib import ExitStack
from contextvars import Context
from typing import Any

from comparisons.knockout import task_rungs
from comparisons.knockout.core import patched, require
from comparisons.knockout.task_rungs import Coro
from miniloop import events, futures, tasks


class OnALoop(task_rungs.OnALoop):
    def soon(self, value: int) -> Any:
        future = self.loop.create_future()
        self.loop.call_soon(future.set_result, value)
        return future


class Miniloop(task_rungs.Miniloop, OnALoop):
    """As it is: the first makes the loop, the second its futures."""


class PollInEachTurn(Miniloop):
    def __init__(self, stack: ExitStack) -> None:
        super().__init__(stack)
        task_rungs.watch_a_socket(self.loop, stack)


class NoContexts(Miniloop):
    def __init__(self, stack: ExitStack) -> None:
        super().__init__(stack)
        require(self.loop, "_empty_context")
        require(events.Handle, "_callback", "_args")
        stack.enter_context(patched(events.Handle, "_run", call_without_context))
        self.nobodys = Context()

    def soon(self, value: int) -> Any:
        future = self.loop.create_future()
        self.loop.call_soon(future.set_result, value, context=self.nobodys)
        return future


def call_without_context(handle: Any) -> None:
    """In the place of Handle._run."""
    if handle._args is None:
        return
    handle._callback(*handle._args)


class Setter:
    """An entry of the ready queue that sets a future and can do nothing else."""

    __slots__ = ("future", "value")

    def __init__(self, future: Any, value: int) -> None:
        self.future = future
        self.value = value

    def _run(self) -> None:
        self.future.set_result(self.value)


class NoHandles(NoContexts):
    def soon(self, value: int) -> Any:
        future = self.loop.create_future()
        self.loop._ready.append(Setter(future, value))
        return future


class NoBookkeeping(NoHandles):
    def __init__(self, stack: ExitStack) -> None:
        super().__init__(stack)
        require(futures.Future, "_add_waiter", "_asyncio_future_blocking")
        require(tasks.Task, "_coro")
        stack.enter_context(patched(tasks.Task, "_run", _plain_step))

    def run(self, coros: Iterable[Coro]) -> None:
        for coro in coros:
            self.loop.create_task(coro, context=self.nobodys)
        self.loop.run_forever()


def _plain_step(task: Any) -> None:
    """In the place of Task._run: what is awaited is one of our futures and will have a result."""
    try:
        awaited = task._coro.send(None)
        awaited._asyncio_future_blocking = False
        awaited._add_waiter(task)
    except StopIteration as stop:
        futures.Future.set_result(task, stop.value)


class Promise:
    """The least that can be awaited: a value to come and the one coroutine that waits for it."""

    __slots__ = ("value", "waiting")

    def __init__(self, value: int) -> None:
        self.value = value
        self.waiting: Coro | None = None

    def __await__(self) -> Generator["Promise", None, int]:
        yield self
        return self.value


class Floor:
    def __init__(self, stack: ExitStack) -> None:
        self.ready: deque[Any] = deque()

    def soon(self, value: int) -> Promise:
        promise = Promise(value)
        self.ready.append(promise)
        return promise

    def run(self, coros: Iterable[Coro]) -> None:
        ready = self.ready
        ready.extend(coros)
        while ready:
            entry = ready.popleft()
            if entry.__class__ is Promise:
                ready.append(entry.waiting)
                continue
            try:
                entry.send(None).waiting = entry
            except StopIteration:
                continue

    def stop(self) -> None:
        """An empty queue is the end."""
