"""A loop for unit tests: it has a virtual clock, records its select() calls, and debug mode is off.

No test sleeps: where the loop would wait, its clock jumps forward instead. The loop is closed at
the end of its `with` block. It does not use asyncio; the tests that run on both are in
tests/parity. In these tests, a *turn* is one iteration of the event loop.
"""

from __future__ import annotations

import contextlib
import gc
import logging
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, TypeVar

import miniloop
from tests.parity.clock import Clock, Ready, VirtualSelector, Workers

T = TypeVar("T")
Report = tuple[str, str]


class CountingSelector(VirtualSelector):
    """Records the timeout of each select() call."""

    def __init__(self, clock: Clock, workers: Workers) -> None:
        super().__init__(clock, workers)
        self.timeouts: list[float | None] = []

    def select(self, timeout: float | None = None) -> Ready:
        self.timeouts.append(timeout)
        return super().select(timeout)


class VirtualLoop(miniloop.SelectorEventLoop):
    """A SelectorEventLoop that collects calls of its exception handler in `reports`."""

    def __init__(self, debug: bool = False) -> None:
        self.clock = Clock()
        self.workers = Workers()
        self.counter = CountingSelector(self.clock, self.workers)
        self.reports: list[dict[str, Any]] = []
        super().__init__(self.counter)
        self.set_debug(debug)  # `python -X dev` would turn it on
        self.set_exception_handler(lambda _, context: self.reports.append(context))
        self.set_default_executor(self.workers.executor())

    def time(self) -> float:
        return self.clock.now

    @property
    def told(self) -> list[Report]:
        """The message and the exception of each report, in order."""
        return [(report["message"], repr(report.get("exception"))) for report in self.reports]

    def run_turns(self, count: int = 1) -> None:
        """Run `number` iterations; something must be ready in each, or the loop would wait."""
        for _ in range(count):
            self.call_soon(self.stop)
            self.run_forever()


@contextlib.contextmanager
def virtual_loop(debug: bool = False) -> Iterator[VirtualLoop]:
    """Yield a loop that is neither running nor current; close it at the end of the block."""
    loop = VirtualLoop(debug)
    try:
        yield loop
    finally:
        loop.close()
        gc.collect()


def play(story: Callable[[], Coroutine[Any, Any, T]], *, debug: bool = False) -> T:
    """Run `story()` like `run`; fail if there are reports that it has not taken."""
    loops: list[VirtualLoop] = []

    def factory() -> VirtualLoop:
        loops.append(VirtualLoop(debug))
        return loops[0]

    with miniloop.Runner(loop_factory=factory) as runner:
        result = runner.run(story())
    gc.collect()
    assert loops[0].told == [], "unexpected reports"
    return result


def take_reports() -> list[Report]:
    """Return the running loop's reports since the last call."""
    gc.collect()
    loop: VirtualLoop = miniloop.get_running_loop()
    told = loop.told
    loop.reports.clear()
    return told


@contextlib.contextmanager
def logged(level: int = logging.WARNING) -> Iterator[list[str]]:
    """Collect the lines that are logged to miniloop's logger during the block."""
    lines: list[str] = []
    handler = _Lines(lines)
    logger = logging.getLogger("miniloop")
    before = logger.level
    logger.addHandler(handler)
    logger.setLevel(level)
    try:
        yield lines
    finally:
        logger.removeHandler(handler)
        logger.setLevel(before)


class _Lines(logging.Handler):
    def __init__(self, lines: list[str]) -> None:
        super().__init__()
        self._lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        self._lines.append(f"{record.levelname} {record.getMessage()}")
