"""A loop for the tests of one module: on a virtual clock, its select() calls counted, debug off.

Nothing sleeps: where the loop would wait, its clock moves on at once. A loop made here is closed
when its block ends. It does not know asyncio; scenarios for both are in tests/parity.
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
    """Keeps the timeout of each select()."""

    def __init__(self, clock: Clock, workers: Workers) -> None:
        super().__init__(clock, workers)
        self.timeouts: list[float | None] = []

    def select(self, timeout: float | None = None) -> Ready:
        self.timeouts.append(timeout)
        return super().select(timeout)


class VirtualLoop(miniloop.SelectorEventLoop):
    """A SelectorEventLoop whose `reports` are what its exception handler was told."""

    def __init__(self, debug: bool = False) -> None:
        self.clock = Clock()
        self.workers = Workers()
        self.counter = CountingSelector(self.clock, self.workers)
        self.reports: list[dict[str, Any]] = []
        super().__init__(self.counter)
        self.set_debug(debug)  # `python -X dev` turns it on
        self.set_exception_handler(lambda _, context: self.reports.append(context))
        self.set_default_executor(self.workers.executor())

    def time(self) -> float:
        return self.clock.now

    @property
    def told(self) -> list[Report]:
        """Message and exception of each report, in order."""
        return [(report["message"], repr(report.get("exception"))) for report in self.reports]

    def run_turns(self, count: int = 1) -> None:
        """Run so many turns; only while something is ready, else it would wait."""
        for _ in range(count):
            self.call_soon(self.stop)
            self.run_forever()


@contextlib.contextmanager
def virtual_loop(debug: bool = False) -> Iterator[VirtualLoop]:
    """A loop that is neither running nor current; it is closed at the end of the block."""
    loop = VirtualLoop(debug)
    try:
        yield loop
    finally:
        loop.close()
        gc.collect()


def play(story: Callable[[], Coroutine[Any, Any, T]], *, debug: bool = False) -> T:
    """Run `story()` as `run` does; fail if anything was reported that the story did not take."""
    loops: list[VirtualLoop] = []

    def factory() -> VirtualLoop:
        loops.append(VirtualLoop(debug))
        return loops[0]

    with miniloop.Runner(loop_factory=factory) as runner:
        result = runner.run(story())
    gc.collect()
    assert loops[0].told == [], "reported, and not asked for"
    return result


def take_reports() -> list[Report]:
    """What the running loop was told since the last call."""
    gc.collect()
    loop: VirtualLoop = miniloop.get_running_loop()
    told = loop.told
    loop.reports.clear()
    return told


@contextlib.contextmanager
def logged(level: int = logging.WARNING) -> Iterator[list[str]]:
    """The lines that go to miniloop's logger during the block."""
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
