"""The ladder of a task step: every rung has one part less than the rung above it.

All rungs run the same coroutines. Each coroutine yields to the loop a number of times and then
reports that it has finished. The first rungs have a part that miniloop does not have; then comes
miniloop itself; then each class removes one more part from what its base class runs:

    HandleForEachStep     above miniloop: every step is a Handle, as in asyncio
    PollInEachIteration   above miniloop: a watched socket, so every iteration calls select
    RegisterEachTask      above miniloop: all_tasks() keeps a weak reference to each task
    Miniloop              unchanged
    NoCancellation        patched: a task step defined here, without waiting and cancelling
    NoCurrentTask         patched: that step, without setting the current task
    NoContexts            patched: that step with a plain send, and no context copy for a task
    NoTask                entries defined here, in miniloop's ready queue and iteration
    MinimalLoop           separate: a deque of coroutines, and send(None)
    Program               separate: no queue either; each coroutine runs to its end

"Patched" means the real class with one attribute replaced.
"""

import socket
from collections import deque
from collections.abc import Callable, Coroutine, Iterable
from contextlib import ExitStack
from contextvars import Context
from typing import Any, TypeAlias

import miniloop
from comparisons.knockout.core import patched, require
from miniloop import events, futures, tasks

Coro: TypeAlias = Coroutine[Any, Any, None]


class OnALoop:
    """Runs coroutines as tasks of any event loop; `stack` undoes the setup of a rung."""

    def __init__(self, loop: Any, stack: ExitStack) -> None:
        self.loop = loop
        stack.callback(loop.close)

    def run(self, coros: Iterable[Coro]) -> None:
        """Run them until the last one stops the loop."""
        for coro in coros:
            self.loop.create_task(coro)  # the ready queue keeps a reference to it
        self.loop.run_forever()

    def stop(self) -> None:
        self.loop.stop()


class Miniloop(OnALoop):
    def __init__(self, stack: ExitStack) -> None:
        super().__init__(miniloop.new_event_loop(), stack)


# -- above miniloop: parts that it does not have --------------------------------------------------


class RegisterEachTask(Miniloop):
    """Creates a weak reference for each new task, as asyncio does; nothing is patched."""

    def run(self, coros: Iterable[Coro]) -> None:
        require(tasks, "_register_task")
        for coro in coros:
            tasks._register_task(self.loop.create_task(coro))
        self.loop.run_forever()


class PollInEachIteration(RegisterEachTask):
    def __init__(self, stack: ExitStack) -> None:
        super().__init__(stack)
        watch_a_socket(self.loop, stack)


def watch_a_socket(loop: Any, stack: ExitStack) -> None:
    """Register a socket, as every network program does: the loop then polls in each iteration."""
    ours, theirs = socket.socketpair()
    for end in (ours, theirs):
        stack.callback(end.close)
    loop.add_reader(ours, loop.stop)
    stack.callback(loop.remove_reader, ours)


class HandleForEachStep(PollInEachIteration):
    def __init__(self, stack: ExitStack) -> None:
        super().__init__(stack)
        require(self.loop, "_ready")
        self.loop._ready = HandleQueue(self.loop)


class HandleQueue(deque[Any]):
    """A ready queue that contains only Handles; other entries are wrapped in one."""

    def __init__(self, loop: Any) -> None:
        super().__init__()
        self.loop = loop
        self.context = Context()  # shared: a task step uses its own context anyway

    def append(self, entry: Any) -> None:
        if entry.__class__ is not events.Handle:
            entry = events.Handle(entry._run, (), self.loop, self.context)
        super().append(entry)


# -- below: the real Task, patched ----------------------------------------------------------------


class NoCancellation(Miniloop):
    def __init__(self, stack: ExitStack) -> None:
        super().__init__(stack)
        require(tasks.Task, "_loop", "_coro", "_context")
        require(self.loop, "_ready", "_current_task")
        stack.enter_context(patched(tasks.Task, "_run", self.step()))

    def step(self) -> Callable[[Any], None]:
        """Return the replacement for Task._run."""
        return _step_of_the_current_task


def _step_of_the_current_task(task: Any) -> None:
    """Run a step of a coroutine that only does bare yields."""
    loop = task._loop
    loop._current_task = task
    try:
        coro = task._coro
        task._context.run(type(coro).send, coro, None)  # like Task._run
        loop._ready.append(task)
    except StopIteration as stop:
        futures.Future.set_result(task, stop.value)
    finally:
        loop._current_task = None


class NoCurrentTask(NoCancellation):
    def step(self) -> Callable[[Any], None]:
        return _step_in_a_context


def _step_in_a_context(task: Any) -> None:
    try:
        coro = task._coro
        task._context.run(type(coro).send, coro, None)  # like Task._run
        task._loop._ready.append(task)
    except StopIteration as stop:
        futures.Future.set_result(task, stop.value)


class NoContexts(NoCurrentTask):
    def run(self, coros: Iterable[Coro]) -> None:
        shared_context = Context()  # passed so that no task copies a context; never entered
        for coro in coros:
            self.loop.create_task(coro, context=shared_context)
        self.loop.run_forever()

    def step(self) -> Callable[[Any], None]:
        return _plain_step


def _plain_step(task: Any) -> None:
    try:
        task._coro.send(None)
        task._loop._ready.append(task)
    except StopIteration as stop:
        futures.Future.set_result(task, stop.value)


# -- no Task, then no loop ------------------------------------------------------------------------


class Step:
    """The minimal entry of the ready queue: an object with a method `_run`."""

    __slots__ = ("coro", "ready")

    def __init__(self, coro: Coro, ready: deque[Any]) -> None:
        self.coro = coro
        self.ready = ready

    def _run(self) -> None:
        try:
            self.coro.send(None)
            self.ready.append(self)
        except StopIteration:
            return


class NoTask(Miniloop):
    def run(self, coros: Iterable[Coro]) -> None:
        require(self.loop, "_ready")
        ready = self.loop._ready
        ready.extend(Step(coro, ready) for coro in coros)
        self.loop.run_forever()


class MinimalLoop:
    def __init__(self, stack: ExitStack) -> None:
        """Need no setup."""

    def run(self, coros: Iterable[Coro]) -> None:
        ready = deque(coros)
        while ready:
            coro = ready.popleft()
            try:
                coro.send(None)
                ready.append(coro)
            except StopIteration:
                continue

    def stop(self) -> None:
        """Do nothing: the loop ends when its queue is empty."""


class Program(MinimalLoop):
    def run(self, coros: Iterable[Coro]) -> None:
        for coro in coros:
            try:
                while True:
                    coro.send(None)
            except StopIteration:
                continue
