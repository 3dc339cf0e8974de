"""The ladder of a wake-up: tasks await futures that a callback sets in the next iteration.

On every rung, `soon(value)` returns an awaitable that will have this value. From top to bottom:

    PollInEachIteration   above miniloop: every iteration calls select
    Miniloop              unchanged: a future, and call_soon(future.set_result, value)
    NoContexts            patched: Handle._run calls its callback without a context, and copies none
    NoHandles             the ready queue contains objects that set a future, instead of Handles
    NoBookkeeping         patched: a task step defined here, which is a plain send
    MinimalLoop           separate: a deque of coroutines and awaitables, and send(None)
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
    """miniloop, unchanged: the first base class creates the loop, the second the futures."""


class PollInEachIteration(Miniloop):
    def __init__(self, stack: ExitStack) -> None:
        super().__init__(stack)
        task_rungs.watch_a_socket(self.loop, stack)


class NoContexts(Miniloop):
    def __init__(self, stack: ExitStack) -> None:
        super().__init__(stack)
        require(self.loop, "_empty_context")
        require(events.Handle, "_callback", "_args")
        stack.enter_context(patched(events.Handle, "_run", call_without_context))
        self.shared_context = Context()

    def soon(self, value: int) -> Any:
        future = self.loop.create_future()
        self.loop.call_soon(future.set_result, value, context=self.shared_context)
        return future


def call_without_context(handle: Any) -> None:
    """Replace Handle._run."""
    if handle._args is None:
        return
    handle._callback(*handle._args)


class Setter:
    """An entry of the ready queue that only sets a future."""

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
            self.loop.create_task(coro, context=self.shared_context)
        self.loop.run_forever()


def _plain_step(task: Any) -> None:
    """Replace Task._run; the coroutine only awaits futures of this loop that get a result."""
    try:
        awaited = task._coro.send(None)
        awaited._asyncio_future_blocking = False
        awaited._add_waiter(task)
    except StopIteration as stop:
        futures.Future.set_result(task, stop.value)


class Promise:
    """A minimal awaitable: a value, and the one coroutine that waits for it."""

    __slots__ = ("value", "waiting")

    def __init__(self, value: int) -> None:
        self.value = value
        self.waiting: Coro | None = None

    def __await__(self) -> Generator["Promise", None, int]:
        yield self
        return self.value


class MinimalLoop:
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
        """Do nothing: the loop ends when its queue is empty."""
