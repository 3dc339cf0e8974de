"""A virtual clock for event loops: waiting takes no time, and waiting forever is an error.

A loop waits in one place, the `select(timeout)` of its selector. A selector that returns at once
and advances a clock by `timeout` makes a program run as if it had slept. The times are the same
on every machine. The rules of this selector:

- ready file descriptors are reported first, so sockets and threads work under this clock;
- the clock stands still while a thread of the scenario works;
- if nothing is ready, no timer is set and no thread works, nothing can ever happen: it raises
  `Deadlock`.

This file does not depend on the loop. It knows only the selector and, through `Clock`, the time.
"""

from __future__ import annotations

import concurrent.futures
import selectors
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

T = TypeVar("T")

PATIENCE = 30.0
"""Real seconds to wait for a thread or a socket before the scenario counts as a deadlock."""


class Deadlock(AssertionError):
    """The loop waits for something that cannot happen."""


class Clock:
    """Seconds since the start of the scenario. They pass only while the loop waits."""

    END = 1e6
    """The last virtual second. Loops add a nanosecond, the resolution of the clock, to the time to
    find the timers that are due. Much later a float is too coarse for that: a timer would be due
    but never run."""

    def __init__(self) -> None:
        self.now = 0.0

    def time(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        """Let time pass while a callback runs, as slow code does."""
        self.now += seconds
        if self.now > self.END:
            raise Deadlock(f"the scenario did not finish within {self.END:g} virtual seconds")


class Workers:
    """Knows whether a thread of the scenario works: its result may still reach the loop."""

    def __init__(self) -> None:
        self._bystanders = set(threading.enumerate())
        self._idle: set[threading.Thread] = set()
        self._jobs = 0
        self._lock = threading.Lock()

    def busy(self) -> bool:
        here = threading.current_thread()
        at_rest = self._bystanders | self._idle | {here}
        return self._jobs > 0 or any(thread not in at_rest for thread in threading.enumerate())

    def executor(self) -> concurrent.futures.ThreadPoolExecutor:
        """Return a thread pool whose idle threads do not stop the clock."""
        return _CountingExecutor(self)

    def rest(self) -> None:
        """Count the calling thread as idle, except while it runs a job."""
        self._idle.add(threading.current_thread())

    def job_begins(self) -> None:
        with self._lock:
            self._jobs += 1

    def job_ends(self) -> None:
        with self._lock:
            self._jobs -= 1


class _CountingExecutor(concurrent.futures.ThreadPoolExecutor):
    """A thread pool that counts a job as finished only after all waiters have its result.

    The future of the pool itself is too early: callbacks run in the order they were added, and the
    loop adds its own last. The clock would advance before the loop has the result.
    """

    def __init__(self, workers: Workers) -> None:
        super().__init__(thread_name_prefix="parity", initializer=workers.rest)
        self._workers = workers

    def submit(
        self, fn: Callable[..., T], /, *args: Any, **kwargs: Any
    ) -> concurrent.futures.Future[T]:
        answer: concurrent.futures.Future[T] = concurrent.futures.Future()

        def job() -> None:
            try:
                if answer.set_running_or_notify_cancel():
                    _answer_with(answer, fn, args, kwargs)
            finally:
                self._workers.job_ends()

        self._workers.job_begins()
        try:
            super().submit(job)
        except BaseException:
            self._workers.job_ends()
            raise
        return answer


def _answer_with(
    answer: concurrent.futures.Future[T],
    fn: Callable[..., T],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> None:
    try:
        result = fn(*args, **kwargs)
    except BaseException as error:
        answer.set_exception(error)
    else:
        answer.set_result(result)


Ready = list[tuple[selectors.SelectorKey, int]]


class RealSelector(selectors.BaseSelector):
    """The selector of the platform, but it does not wait forever."""

    def __init__(self) -> None:
        self._inner = selectors.DefaultSelector()

    def select(self, timeout: float | None = None) -> Ready:
        if timeout is not None:
            return self._inner.select(timeout)
        ready = self._inner.select(PATIENCE)
        if not ready:
            raise Deadlock(f"nothing happened for {PATIENCE:g} real seconds")
        return ready

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._inner.register(fileobj, events, data)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self._inner.unregister(fileobj)

    def modify(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._inner.modify(fileobj, events, data)

    def get_key(self, fileobj: Any) -> selectors.SelectorKey:
        return self._inner.get_key(fileobj)

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return self._inner.get_map()

    def close(self) -> None:
        self._inner.close()


class VirtualSelector(RealSelector):
    """Reports what is ready. If nothing is ready, it advances the clock instead of waiting."""

    def __init__(self, clock: Clock, workers: Workers) -> None:
        super().__init__()
        self._clock = clock
        self._workers = workers

    def select(self, timeout: float | None = None) -> Ready:
        ready = self._inner.select(0)
        if ready or (timeout is not None and timeout <= 0):
            return ready
        ready = self._wait_for_threads()
        if ready:
            return ready
        if timeout is None:
            raise Deadlock("nothing is ready, no timer is set and no thread works")
        self._clock.advance(timeout)
        return []

    def _wait_for_threads(self) -> Ready:
        give_up = time.monotonic() + PATIENCE
        while self._workers.busy():
            ready = self._inner.select(0.005)
            if ready:
                return ready
            if time.monotonic() > give_up:
                raise Deadlock(f"a thread did not finish within {PATIENCE:g} real seconds")
        return self._inner.select(0)  # the thread may have finished just before it became idle
