"""The ladder of a timer: many callbacks, each called once when it is due.

Miniloop      unchanged: call_at
NoContexts    patched: Handle._run calls its callback without a context, and copies none
NoIteration   separate: a heap of miniloop's TimerHandles, and the clock
MinimalLoop   separate: a heap of tuples, and the clock
Program       separate: calls the callbacks immediately
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
        """Call `callback(number)` after each delay in seconds, until the loop is stopped."""
        now = self.loop.time()
        for number, delay in enumerate(times):
            self.loop.call_at(now + delay, callback, number)
        self.loop.run_forever()


class Miniloop(task_rungs.Miniloop, OnALoop):
    """miniloop, unchanged."""


class NoContexts(task_rungs.Miniloop):
    def __init__(self, stack: ExitStack) -> None:
        super().__init__(stack)
        require(events.Handle, "_callback", "_args")
        without = wakeup_rungs.call_without_context
        stack.enter_context(patched(events.Handle, "_run", without))
        self.shared_context = Context()

    def fire(self, times: Sequence[float], callback: Callback) -> None:
        now = self.loop.time()
        for number, delay in enumerate(times):
            self.loop.call_at(now + delay, callback, number, context=self.shared_context)
        self.loop.run_forever()


class NoIteration(NoContexts):
    def fire(self, times: Sequence[float], callback: Callback) -> None:
        now = time.monotonic()
        heap: list[tuple[float, int, Any]] = []
        for number, delay in enumerate(times):
            when = now + delay
            arguments = (callback, (number,), self.loop, self.shared_context)
            heapq.heappush(heap, (when, number, events.TimerHandle(when, *arguments)))
        while heap:
            now = time.monotonic()
            while heap and heap[0][0] <= now:
                heapq.heappop(heap)[2]._run()


class MinimalLoop:
    def __init__(self, stack: ExitStack) -> None:
        """Need no setup."""

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
        """Do nothing: the loop ends when its heap is empty."""


class Program(MinimalLoop):
    def fire(self, times: Sequence[float], callback: Callback) -> None:
        for number in range(len(times)):
            callback(number)
