"""run and Runner: from an ordinary program into the loop, and back out in good order.

Purpose: make a loop, run a coroutine, and leave nothing behind: tasks are cancelled, asynchronous
generators closed, threads joined, the loop closed.
Rules: while the main coroutine runs, the first Ctrl-C cancels it, so that its clean-up happens, and
KeyboardInterrupt is raised when it has ended; a second Ctrl-C raises at once.
This file does not know which loop it makes: events.py does. Read threads.py first.
"""

from __future__ import annotations

import functools
import signal
from collections.abc import Callable
from contextvars import Context, copy_context
from types import FrameType
from typing import Any, Final, final

from . import events
from .combinators import gather
from .coroutines import iscoroutine
from .events import Coro, Loop, T, _tell
from .exceptions import CancelledError
from .tasks import Task, all_tasks

__all__ = ("Runner", "run")

#: Seconds that the threads of the default executor are given to end.
THREAD_JOIN_TIMEOUT: Final = 300


@final
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
        self._interrupt_count = 0  # Ctrl-C during the present run()

    def __enter__(self) -> Runner:
        self.get_loop()
        return self

    def __exit__(self, exc_type: object, exc: object, tb: object) -> None:
        self.close()

    def close(self) -> None:
        """Cancel what still runs, finish generators and threads, close the loop."""
        loop = self._loop
        if loop is None:
            return
        try:
            _cancel_all_tasks(loop)
            loop.run_until_complete(loop.shutdown_asyncgens())
            loop.run_until_complete(loop.shutdown_default_executor(THREAD_JOIN_TIMEOUT))
        finally:
            if self._loop_factory is None:
                events.set_event_loop(None)
            loop.close()
            self._loop = None
            self._closed = True

    def get_loop(self) -> Loop:
        """Return the loop; the first use of the Runner makes it."""
        if self._closed:
            raise RuntimeError("Runner is closed")
        if self._loop is None:
            loop = (self._loop_factory or events.new_event_loop)()
            if self._loop_factory is None:
                events.set_event_loop(loop)
            if self._debug is not None:
                loop.set_debug(self._debug)
            self._context = copy_context()
            self._loop = loop
        return self._loop

    def run(self, coro: Coro[T], *, context: Context | None = None) -> T:
        """Run `coro` in the loop and return its result.

        Raises ValueError if it is no coroutine, RuntimeError inside a running loop.
        """
        if not iscoroutine(coro):
            raise ValueError(f"a coroutine was expected, got {coro!r}")
        if events._get_running_loop() is not None:
            raise RuntimeError("Runner.run() cannot be called from a running event loop")
        loop = self.get_loop()
        task = loop.create_task(coro, context=self._context if context is None else context)
        self._interrupt_count = 0
        handler = self._install_sigint_handler(task)
        try:
            return loop.run_until_complete(task)  # type: ignore[no-any-return]
        except CancelledError:
            if self._interrupt_count > 0 and task.uncancel() == 0:
                raise KeyboardInterrupt  # noqa: B904 - as asyncio: the CancelledError is shown as well
            raise
        finally:
            if handler is not None and signal.getsignal(signal.SIGINT) is handler:
                signal.signal(signal.SIGINT, signal.default_int_handler)

    def _install_sigint_handler(self, task: Task[Any]) -> Callable[..., None] | None:
        """Let Ctrl-C cancel `task`; None where the program handles Ctrl-C itself, or elsewhere."""
        if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
            return None
        handler = functools.partial(self._on_sigint, main_task=task)
        try:
            signal.signal(signal.SIGINT, handler)
        except ValueError:  # no main thread, or one that cannot have handlers (gh-91880)
            return None
        return handler

    def _on_sigint(self, signum: int, frame: FrameType | None, main_task: Task[Any]) -> None:
        self._interrupt_count += 1
        if self._interrupt_count == 1 and not main_task.done():
            main_task.cancel()
            self._loop.call_soon_threadsafe(lambda: None)  # the loop may be waiting in select()
            return
        raise KeyboardInterrupt


def run(main: Coro[T], *, debug: bool | None = None,
        loop_factory: Callable[[], Loop] | None = None) -> T:  # fmt: skip
    """Run a program: make a loop, run `main` in it, clean up, return the result of `main`.

    Raises ValueError if `main` is no coroutine, RuntimeError inside a running loop.
    """
    if events._get_running_loop() is not None:
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
