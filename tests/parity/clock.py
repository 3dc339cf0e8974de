"""A virtual clock for event loops: waiting costs no time, and waiting for nothing is an error.

A loop waits in one place, its selector's `select(timeout)`. So a selector that returns at once and
moves a clock on by `timeout` makes any program run as if it had slept, to the same instants on
every machine. Three selectors' rules:

- what is ready is always reported first, so sockets and threads may be used under the clock;
- time stands still while a thread of the scenario works, since its answer is due "now";
- with nothing ready, no timer and no thread at work nothing can ever happen: that is `Deadlock`.

It does not know the loop: only its selector and, through `Clock`, its idea of the time.
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
"""Real seconds to wait for a thread or a socket before the scenario is called a deadlock."""


class Deadlock(AssertionError):
    """The loop waits for something that cannot happen."""


class Clock:
    """Seconds that pass only when somebody waits, beginning at 0."""

    END = 1e6
    """Not much later a float is too coarse for the resolution of a nanosecond that loops add to the
    time to see what is due: a timer would be due, yet never run."""

    def __init__(self) -> None:
        self.now = 0.0

    def time(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        """Let time pass while a callback runs, as slow code would."""
        self.now += seconds
        if self.now > self.END:
            raise Deadlock(f"the scenario did not end within {self.END:g} virtual seconds")


class Workers:
    """Tells whether a thread of the scenario is at work: its answer may still reach the loop."""

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
        """A thread pool whose idle threads do not stop the clock."""
        return _CountingExecutor(self)

    def rest(self) -> None:
        """Count the calling thread as idle, but for the jobs it is given."""
        self._idle.add(threading.current_thread())

    def job_begins(self) -> None:
        with self._lock:
            self._jobs += 1

    def job_ends(self) -> None:
        with self._lock:
            self._jobs -= 1


class _CountingExecutor(concurrent.futures.ThreadPoolExecutor):
    """Counts a job as over only when everyone who waits for it has been told.

    The pool's own future cannot be used for that: callbacks run in the order they were added, and
    the loop adds its own last, so the clock would run on before the loop has heard of the result.
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
    """The platform's selector, save that it does not wait for ever."""

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
    """Reports what is ready; if that is nothing, moves the clock instead of waiting."""

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
            raise Deadlock("nothing is ready, no timer is set and no thread is at work")
        self._clock.advance(timeout)
        return []

    def _wait_for_threads(self) -> Ready:
        give_up = time.monotonic() + PATIENCE
        while self._workers.busy():
            ready = self._inner.select(0.005)
            if ready:
                return ready
            if time.monotonic() > give_up:
                raise Deadlock(f"a thread did not answer for {PATIENCE:g} real seconds")
        return self._inner.select(0)  # the thread may have answered just before it came to rest
