"""The ladder of a task's step: miniloop's, with one part less on every rung.

All rungs run the same coroutines, each of which gives its turn away a number of times and then says
that it has ended. Read from the top: the first rungs have a part that miniloop does without, then
comes miniloop as it is, then each class takes one part more out of what its base class runs:

    HandleForEachStep   above miniloop: every step is a Handle, as in asyncio
    PollInEachTurn      above miniloop: a watched socket, so every turn asks the selector
    RegisterEachTask    above miniloop: the weak references by which all_tasks() knows the tasks
    Miniloop            as it is
    NoCancellation      patched: Task's step is one of this file, without waiting and cancelling
    NoCurrentTask       patched: that step without the note which task is the current one
    NoContexts          patched: that step with a plain send, and no copy of a context for a task
    NoTask              this file's entries in miniloop's queue, run by miniloop's turn
    Floor               written here: a deque of coroutines, and send(None)
    Program             written here: no queue either, each coroutine to its end

"Patched" means: the real class with one attribute replaced, everything else is the core's.
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
    """Run coroutines as tasks of any event loop. `stack` undoes what a rung has set up."""

    def __init__(self, loop: Any, stack: ExitStack) -> None:
        self.loop = loop
        stack.callback(loop.close)

    def run(self, coros: Iterable[Coro]) -> None:
        """Until the loop is stopped, which is the last coroutine's business."""
        for coro in coros:
            self.loop.create_task(coro)  # the ready queue holds it
        self.loop.run_forever()

    def stop(self) -> None:
        self.loop.stop()


class Miniloop(OnALoop):
    def __init__(self, stack: ExitStack) -> None:
        super().__init__(miniloop.new_event_loop(), stack)


# -- above miniloop: what it does without ---------------------------------------------------------


class RegisterEachTask(Miniloop):
    """A weak reference for each task when it is made, as in asyncio; nothing is patched."""

    def run(self, coros: Iterable[Coro]) -> None:
        require(tasks, "_register_task")
        for coro in coros:
            tasks._register_task(self.loop.create_task(coro))
        self.loop.run_forever()


class PollInEachTurn(RegisterEachTask):
    def __init__(self, stack: ExitStack) -> None:
        super().__init__(stack)
        watch_a_socket(self.loop, stack)


def watch_a_socket(loop: Any, stack: ExitStack) -> None:
    """As in every program that talks to others; from then on the loop polls in each turn."""
    ours, theirs = socket.socketpair()
    for end in (ours, theirs):
        stack.callback(end.close)
    loop.add_reader(ours, loop.stop)
    stack.callback(loop.remove_reader, ours)


class HandleForEachStep(PollInEachTurn):
    def __init__(self, stack: ExitStack) -> None:
        super().__init__(stack)
        require(self.loop, "_ready", "_enqueue")
        self.loop._ready = queue = HandleQueue(self.loop)
        self.loop._enqueue = queue.append


class HandleQueue(deque[Any]):
    """A ready queue of Handles alone: what else would enter comes as the callback of one."""

    def __init__(self, loop: Any) -> None:
        super().__init__()
        self.loop = loop
        self.context = Context()  # the step brings its own, so this one need not be a copy

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
        """What stands in the place of Task._run."""
        return _step_of_the_current_task


def _step_of_the_current_task(task: Any) -> None:
    """A step that expects nothing but a bare yield, or the end."""
    loop = task._loop
    outer_task = loop._current_task
    loop._current_task = task
    try:
        coro = task._coro
        task._context.run(type(coro).send, coro, None)  # as Task._run does
        loop._ready.append(task)
    except StopIteration as stop:
        futures.Future.set_result(task, stop.value)
    finally:
        loop._current_task = outer_task


class NoCurrentTask(NoCancellation):
    def step(self) -> Callable[[Any], None]:
        return _step_in_a_context


def _step_in_a_context(task: Any) -> None:
    try:
        coro = task._coro
        task._context.run(type(coro).send, coro, None)  # as Task._run does
        task._loop._ready.append(task)
    except StopIteration as stop:
        futures.Future.set_result(task, stop.value)


class NoContexts(NoCurrentTask):
    def run(self, coros: Iterable[Coro]) -> None:
        nobodys = Context()  # given, so that no task makes a copy for itself; it is never entered
        for coro in coros:
            self.loop.create_task(coro, context=nobodys)
        self.loop.run_forever()

    def step(self) -> Callable[[Any], None]:
        return _plain_step


def _plain_step(task: Any) -> None:
    try:
        task._coro.send(None)
        task._loop._ready.append(task)
    except StopIteration as stop:
        futures.Future.set_result(task, stop.value)


# -- further below: no Task, then no loop ---------------------------------------------------------


class Step:
    """All that the loop asks of an entry: a method `_run`."""

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


class Floor:
    def __init__(self, stack: ExitStack) -> None:
        """There is nothing to set up."""

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
        """An empty queue is the end."""


class Program(Floor):
    def run(self, coros: Iterable[Coro]) -> None:
        for coro in coros:
            try:
                while True:
                    coro.send(None)
            except StopIteration:
                continue
