"""One scenario, two implementations, the same assertion.

A scenario is a test that takes the fixture `stage`. It uses `stage.aio`, which is asyncio in one
run and miniloop in the other. It records what happens with `stage.log`, and asserts the list:

    def test_sleepers_wake_in_the_order_of_their_deadlines(stage: Stage) -> None:
        aio, log = stage.aio, stage.log

        async def sleeper(delay: float) -> None:
            await aio.sleep(delay)
            log(f"slept {delay}", stage.now)

        async def main() -> None:
            await aio.gather(sleeper(2), sleeper(1))

        assert stage.run(main) == [("slept 1", 1.0), ("slept 2", 2.0)]

So `test_…[asyncio]` shows what asyncio does, and `test_…[miniloop]` shows that miniloop does the
same. Rules:

- Loops made by `stage` (through `stage.run` or `stage.new_loop`) run on a virtual clock: see
  `clock.py`. Pass `real=True` if a scenario needs the real clock, and do not record times then.
- Use different delays in a scenario: asyncio does not promise an order for timers with equal
  deadlines.
- The list is what asyncio of CPython 3.15 records. If the asyncio of an older interpreter differs,
  `@older_asyncio_differs("3.12", "why")` makes that run a strict expected failure. miniloop must
  still record the list of 3.15.
- An error in the log that the scenario does not read with `stage.logged()` fails the scenario.

This file does not depend on the internals of miniloop: it uses only asyncio's public names.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import gc
import importlib
import logging
import re
import warnings
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from typing import Any

import pytest

from tests.parity.clock import Clock, RealSelector, VirtualSelector, Workers

__all__ = [
    "Log",
    "Stage",
    "attempt",
    "attempt_await",
    "chain",
    "describe",
    "normalise",
    "older_asyncio_differs",
    "outcome",
]


Main = Callable[[], Coroutine[Any, Any, Any]]


class Log(list[object]):
    """The steps of a scenario, in the order they were recorded."""

    def __call__(self, *step: object) -> None:
        """Record a step: `log("woke")` as it is, `log("woke", 1.0)` as a tuple."""
        self.append(step[0] if len(step) == 1 else step)


class Stage:
    """What a scenario runs on: an implementation, its clock, and what it records."""

    def __init__(self, module: str) -> None:
        self.aio: Any = importlib.import_module(module)
        """The implementation under test: asyncio or miniloop."""
        self.log = Log()
        self.clock = Clock()
        self._workers = Workers()
        self._loops: list[Any] = []
        self._records = _Records()
        self._logger = logging.getLogger(module)
        self._logger.addHandler(self._records)

    # Running

    def run(
        self,
        main: Callable[[], Coroutine[Any, Any, Any]],
        *,
        debug: bool = False,
        real: bool = False,
    ) -> Log:
        """Run `main()` on a new loop, as `aio.run` does; return the log."""
        with self.aio.Runner(debug=debug, loop_factory=lambda: self.new_loop(real=real)) as runner:
            runner.run(main())
        return self.log

    def new_loop(self, *, real: bool = False) -> Any:
        """Return a new loop on the clock of the stage. It is closed at the end of the scenario."""
        loop = self.aio.SelectorEventLoop(RealSelector()) if real else self._virtual_loop()
        loop.set_debug(False)  # `python -X dev` turns it on, and scenarios must not depend on that
        self._loops.append(loop)
        return loop

    def _virtual_loop(self) -> Any:
        clock = self.clock
        loop_class = type(
            "VirtualEventLoop", (self.aio.SelectorEventLoop,), {"time": lambda _: clock.now}
        )
        loop = loop_class(VirtualSelector(clock, self._workers))
        loop.set_default_executor(self.executor())
        return loop

    def executor(self) -> concurrent.futures.ThreadPoolExecutor:
        """Return a thread pool for `run_in_executor`; the clock stands still while it works."""
        return self._workers.executor()

    @property
    def now(self) -> float:
        """Virtual seconds since the start of the scenario, rounded to the microsecond."""
        return round(self.clock.now, 6)

    # Recording

    def report(self, loop: Any, context: dict[str, Any]) -> None:
        """Record a report of the loop: its message and exception.

        Use it as the exception handler: `loop.set_exception_handler(stage.report)`.
        """
        del loop
        error = context.get("exception")
        self.log("report", normalise(context["message"]), error and describe(error))

    def logged(self) -> list[str]:
        """Return what was logged by the implementation since the last call, one line per record.

        A line is the level, the first line of the message and the exception of the record.
        """
        return self._records.take()

    @contextlib.contextmanager
    def warnings_logged(self) -> Iterator[None]:
        """Record every warning as a step when it happens, instead of raising it."""

        def show(message: Warning | str, category: type[Warning], *_: object, **__: object) -> None:
            self.log("warning", category.__name__, normalise(str(message)))

        with warnings.catch_warnings():
            warnings.simplefilter("always")
            warnings.showwarning = show
            yield

    def collect(self) -> None:
        """Free all unreachable objects, reference cycles included."""
        gc.collect()

    # Closing

    def close(self) -> None:
        """Close the loops of the scenario and remove the log handler."""
        for loop in self._loops:
            if not loop.is_closed():
                loop.close()
        self.aio.set_event_loop(None)
        gc.collect()
        self._logger.removeHandler(self._records)

    def unexpected(self) -> list[str]:
        """Return the errors that were logged and not read by the scenario."""
        return self._records.take()


class _Records(logging.Handler):
    """Keeps warnings and errors as text: a log record would keep an exception's frames alive."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        first_line = record.getMessage().partition("\n")[0]
        line = f"{record.levelname} {normalise(first_line)}"
        error = record.exc_info[1] if record.exc_info else None
        self._lines.append(f"{line} [{describe(error)}]" if error is not None else line)

    def take(self) -> list[str]:
        lines, self._lines = self._lines, []
        return lines


def older_asyncio_differs(
    since: str, why: str, *, first: str = "3.11", run: bool = True
) -> pytest.MarkDecorator:
    """Say that asyncio does this only since Python `since` (`3.12`, `3.12.6`), and `why`.

    On an older interpreter, the run on asyncio must fail; `first` is the first version with the
    difference. With `run=False` it is not run there, because it would disturb the scenarios that
    follow. The run on miniloop must always pass.
    """
    return pytest.mark.older_asyncio_differs(since, why, first, run)


# Describing results


def normalise(text: str) -> str:
    """Remove from a message what must differ or does not matter.

    That is the name of the package, addresses, folders, line numbers, and the enclosing functions.
    """
    text = text.replace("miniloop", "asyncio")
    text = re.sub(r"(?:\w+\.<locals>\.)+", "", text)
    text = re.sub(r"\b0x[0-9a-f]+", "0x…", text)
    return re.sub(r"(?:[^\s'\"]*/)?([^\s'\"/]+\.py):\d+", r"\1:…", text)


def describe(error: BaseException) -> str:
    """Describe an exception in one line: its type, its message, and the members of a group."""
    name = type(error).__name__
    if isinstance(error, BaseExceptionGroup):
        members = ", ".join(describe(member) for member in error.exceptions)
        return f"{name}: {error.message} [{members}]"
    message = normalise(str(error))
    return f"{name}: {message}" if message else name


def chain(error: BaseException) -> list[str]:
    """List an exception and its causes and contexts, as a traceback shows them, newest first."""
    links = [describe(error)]
    link: BaseException | None = error
    while link is not None:
        cause, context = link.__cause__, link.__context__
        if cause is not None:
            links.append(f"from {describe(cause)}")
            link = cause
        elif context is not None and not link.__suppress_context__:
            links.append(f"during {describe(context)}")
            link = context
        else:
            link = None
    return links


def outcome(future: Any) -> str:
    """Describe the state of a future or task: pending, cancelled, its exception or its result."""
    if not future.done():
        return "pending"
    if future.cancelled():
        return "cancelled"
    if future.exception() is not None:
        return f"raised {describe(future.exception())}"
    return f"returned {future.result()!r}"


def attempt(function: Callable[..., Any], *args: Any, **kwargs: Any) -> str:
    """Call `function`; describe its result or exception."""
    try:
        result = function(*args, **kwargs)
    except BaseException as error:
        return f"raised {describe(error)}"
    return f"returned {normalise(repr(result))}"


async def attempt_await(awaitable: Awaitable[Any]) -> str:
    """Await `awaitable`; describe its result or exception."""
    try:
        result = await awaitable
    except BaseException as error:
        return f"raised {describe(error)}"
    return f"returned {normalise(repr(result))}"
