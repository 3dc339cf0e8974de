"""The ladder of a timer: many callbacks, each called once when its time has come.

Miniloop     as it is: call_at
NoContexts   patched: Handle._run calls its callback without a context, and copies none
NoTurn       written here: a heap of miniloop's TimerHandles, and the clock
Floor        written here: a heap of tuples, and the clock
Program      the callbacks called at once
"""

import heapq
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from contextvars import Context
from typing import Any, TypeAlias

from comparisons.knockout import task_rungs, wakeup_rungs
from comparisons.knockout.core import patched, require
from miniloop import events

Callback: TypeAlias = Callable[[int], object]


class OnALoop(task_rungs.OnALoop):
    def fire(self, times: Sequence[float], callback: Callback) -> None:
        """Call `callback(number)` at each time, seconds from now, until the loop is stopped."""
        now = self.loop.time()
        for number, delay in enumerate(times):
            self.loop.call_at(now + delay, callback, number)
        self.loop.run_forever()


class Miniloop(task_rungs.Miniloop, OnALoop):
    """As it is."""


class NoContexts(task_rungs.Miniloop):
    def __init__(self, stack: ExitStack) -> None:
        super().__init__(stack)
        require(events.Handle, "_callback", "_args")
        without = wakeup_rungs.call_without_context
        stack.enter_context(patched(events.Handle, "_run", without))
        self.nobodys = Context()

    def fire(self, times: Sequence[float], callback: Callback) -> None:
        now = self.loop.time()
        for number, delay in enumerate(times):
            self.loop.call_at(now + delay, callback, number, context=self.nobodys)
        self.loop.run_forever()


class NoTurn(NoContexts):
    def fire(self, times: Sequence[float], callback: Callback) -> None:
        now = time.monotonic()
        heap: list[tuple[float, int, Any]] = []
        for number, delay in enumerate(times):
            when = now + delay
            arguments = (callback, (number,), self.loop, self.nobodys)
            heapq.heappush(heap, (when, number, events.TimerHandle(when, *arguments)))
        while heap:
            now = time.monotonic()
            while heap and heap[0][0] <= now:
                heapq.heappop(heap)[2]._run()


class Floor:
    def __init__(self, stack: ExitStack) -> None:
        """There is nothing to set up."""

    def fire(self, times: Sequence[float], callback: Callback) -> None:
        now = time.monotonic()
        heap: list[tuple[float, int]] = []
        for number, delay in enumerate(times):
            heapq.heappush(heap, (now + delay, number))
        while heap:
            now = time.monotonic()
            while heap and heap[0][0] <= now:
                callback(heapq.heappop(heap)[1])

    def stop(self) -> None:
        """An empty heap is the end."""


class Program(Floor):
    def fire(self, times: Sequence[float], callback: Callback) -> None:
        for number in range(len(times)):
            callback(number)
