"""run and Runner: from an ordinary program into the loop, and back out in good order.

Purpose: make a loop, run a coroutine, and leave nothing behind: tasks are cancelled, asynchronous
generators closed, threads joined, the loop closed.
Rules: while the main coroutine runs, the first Ctrl-C cancels it, so that its clean-up happens, and
KeyboardInterrupt is raised when it has ended; a second Ctrl-C raises at once.
This file does not know which loop it makes: events.py does. Read threads.py first.
"""

from __future__ import annotations

import contextlib
import signal
from contextvars import Context, copy_context

from .combinators import gather
from .coroutines import iscoroutine
from .events import Coro, Loop, _get_running_loop, _tell, new_event_loop, set_event_loop
from .exceptions import CancelledError
from .hints import Any, Callable, Iterator, Self, T
from .tasks import Task, all_tasks

__all__ = ("Runner", "run")


class Runner:
    """A loop for several `run()` calls in a row: a context manager that cleans up behind them."""

    def __init__(self, *, debug: bool | None = None,
                 loop_factory: Callable[[], Loop] | None = None) -> None:  # fmt: skip
        """`debug` None leaves debug mode to the environment; `loop_factory` makes the loop."""
        self._debug = debug
        self._loop_factory = loop_factory
        self._loop: Loop = None  # made by the first use, given up by close()
        self._closed = False
        self._context: Context | None = None  # shared by all run() calls

    def __enter__(self) -> Self:
        self.get_loop()
        return self

    def __exit__(self, exc_type: object, exc: object, tb: object) -> None:
        self.close()

    def close(self) -> None:
        """Cancel what still runs, finish generators and threads, close the loop."""
        if (loop := self._loop) is None:
            return
        try:
            _cancel_all_tasks(loop)
            loop.run_until_complete(loop.shutdown_asyncgens())
            loop.run_until_complete(loop.shutdown_default_executor(300))  # seconds
        finally:
            if self._loop_factory is None:
                set_event_loop(None)
            loop.close()
            self._loop, self._closed = None, True

    def get_loop(self) -> Loop:
        """Return the loop; the first use of the Runner makes it."""
        if self._closed:
            raise RuntimeError("Runner is closed")
        if self._loop is None:
            loop = self._loop = (self._loop_factory or new_event_loop)()
            if self._loop_factory is None:
                set_event_loop(loop)
            if self._debug is not None:
                loop.set_debug(self._debug)
            self._context = copy_context()
        return self._loop

    def run(self, coro: Coro[T], *, context: Context | None = None) -> T:
        """Run `coro` in the loop and return its result.

        Raises ValueError if it is no coroutine, RuntimeError inside a running loop.
        """
        if not iscoroutine(coro):
            raise ValueError(f"a coroutine was expected, got {coro!r}")
        if _get_running_loop() is not None:
            raise RuntimeError("Runner.run() cannot be called from a running event loop")
        loop = self.get_loop()
        task = loop.create_task(coro, context=self._context if context is None else context)
        with _cancelled_by_ctrl_c(task, loop):
            return loop.run_until_complete(task)  # type: ignore[no-any-return]


def run(main: Coro[T], *, debug: bool | None = None,
        loop_factory: Callable[[], Loop] | None = None) -> T:  # fmt: skip
    """Run a program: make a loop, run `main` in it, clean up, return the result of `main`.

    Raises ValueError if `main` is no coroutine, RuntimeError inside a running loop.
    """
    if _get_running_loop() is not None:
        raise RuntimeError(f"{__package__}.run() cannot be called from a running event loop")
    with Runner(debug=debug, loop_factory=loop_factory) as runner:
        return runner.run(main)


def _cancel_all_tasks(loop: Loop) -> None:
    leftover = all_tasks(loop)
    if not leftover:
        return
    for task in leftover:
        task.cancel()
    loop.run_until_complete(gather(*leftover, return_exceptions=True))
    for task in leftover:
        if not task.cancelled() and task.exception() is not None:
            message = f"unhandled exception during {__package__}.run() shutdown"
            _tell(loop, message, None, exception=task.exception(), task=task)


@contextlib.contextmanager
def _cancelled_by_ctrl_c(task: Task[Any], loop: Loop) -> Iterator[None]:
    """Let the first Ctrl-C cancel `task`, where the program does not handle Ctrl-C itself."""
    interrupted = False

    def on_sigint(*_: object) -> None:
        nonlocal interrupted
        if interrupted or task.done():
            raise KeyboardInterrupt
        interrupted = True
        task.cancel()
        loop.call_soon_threadsafe(lambda: None)  # the loop may be waiting in select()

    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        # ValueError: no main thread, or one that cannot have handlers (gh-91880).
        with contextlib.suppress(ValueError):
            signal.signal(signal.SIGINT, on_sigint)
    try:
        yield
    except CancelledError:
        if interrupted and task.uncancel() == 0:
            raise KeyboardInterrupt  # noqa: B904 - as asyncio: the CancelledError is shown as well
        raise
    finally:
        if signal.getsignal(signal.SIGINT) is on_sigint:
            signal.signal(signal.SIGINT, signal.default_int_handler)
