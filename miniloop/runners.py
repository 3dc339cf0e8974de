"""run and Runner: start a loop from synchronous code, and clean up.

Purpose: make a loop, run an awaitable, and leave nothing behind: tasks are cancelled, asynchronous
generators are closed, threads are joined, the loop is closed.
Invariants: while the main coroutine runs, the first Ctrl-C cancels its task, so that it cleans up.
If the task then ends as cancelled, KeyboardInterrupt is raised; if the coroutine catches the
CancelledError and returns, `run()` returns its result. A second Ctrl-C raises KeyboardInterrupt at
once.

A Runner's states and their transitions:

    created → initialized    get_loop(), run(), `with`: the loop is made
    created → created        close(): there is nothing to close
    initialized → closed     close()

This file does not depend on which loop is made: policies.py and unix_events.py decide that. Read
threads.py first.
"""

from __future__ import annotations

import contextlib
import signal
from contextvars import Context, copy_context

from . import combinators, coroutines, events, exceptions, policies, tasks
from .events import Loop
from .hints import Any, Awaitable, Callable, Iterator, Self, T

__all__ = ("Runner", "run")


class Runner:
    """A context manager that makes a loop, runs coroutines on it, and closes it."""

    def __init__(self, *, debug: bool | None = None,
                 loop_factory: Callable[[], Loop] | None = None) -> None:  # fmt: skip
        """`debug` turns debug mode on or off, None leaves it to the environment.

        `loop_factory` makes the loop; by default the event loop policy does.
        """
        self._debug = debug
        self._loop_factory = loop_factory
        self._loop: Loop = None  # None before the first use, and once closed
        self._closed = False
        self._context: Context | None = None  # all run() calls share it; made with the loop

    def __enter__(self) -> Self:
        self.get_loop()
        return self

    def __exit__(self, exc_type: object, exc: object, tb: object) -> None:
        self.close()

    def close(self) -> None:
        """Cancel all tasks, close the generators, join the threads, and close the loop."""
        if (loop := self._loop) is None:
            return
        try:
            _cancel_all_tasks(loop)
            loop.run_until_complete(loop.shutdown_asyncgens())
            loop.run_until_complete(loop.shutdown_default_executor(300))  # seconds
        finally:
            if self._loop_factory is None:
                policies.set_event_loop(None)
            loop.close()
            self._loop, self._closed = None, True

    def get_loop(self) -> Loop:
        """Return the loop; the first call makes it. Raises RuntimeError if the Runner is closed."""
        if self._closed:
            raise RuntimeError("Runner is closed")
        if self._loop is None:
            loop = self._loop = (self._loop_factory or policies.new_event_loop)()
            if self._loop_factory is None:
                policies.set_event_loop(loop)
            if self._debug is not None:
                loop.set_debug(self._debug)
            self._context = copy_context()
        return self._loop

    def run(self, coro: Awaitable[T], *, context: Context | None = None) -> T:
        """Run `coro`, a coroutine or another awaitable, on the loop and return its result.

        `context` is the contextvars.Context that it runs in, by default the Runner's own. Raises
        TypeError if it cannot be awaited, RuntimeError inside a running loop.
        """
        if events._get_running_loop() is not None:
            raise RuntimeError("Runner.run() cannot be called from a running event loop")
        loop = self.get_loop()
        if not coroutines.iscoroutine(coro):
            if not coroutines._isawaitable(coro):
                raise TypeError("An asyncio.Future, a coroutine or an awaitable is required")
            coro = tasks._await(coro)
        task = loop.create_task(coro, context=self._context if context is None else context)
        with _cancel_on_sigint(task, loop):
            return loop.run_until_complete(task)  # type: ignore[no-any-return]


def run(main: Awaitable[T], *, debug: bool | None = None,
        loop_factory: Callable[[], Loop] | None = None) -> T:  # fmt: skip
    """Run a program: make a loop, run the awaitable `main` on it, clean up, return the result.

    `debug` and `loop_factory` are those of Runner. Raises TypeError if `main` cannot be awaited,
    RuntimeError inside a running loop.
    """
    if events._get_running_loop() is not None:
        raise RuntimeError(f"{__package__}.run() cannot be called from a running event loop")
    with Runner(debug=debug, loop_factory=loop_factory) as runner:
        return runner.run(main)


def _cancel_all_tasks(loop: Loop) -> None:
    if not (leftover := tasks.all_tasks(loop)):
        return
    for task in leftover:
        task.cancel()
    loop.run_until_complete(combinators.gather(*leftover, return_exceptions=True))
    for task in leftover:
        if not task.cancelled() and task.exception() is not None:
            message = f"unhandled exception during {__package__}.run() shutdown"
            events._report(loop, message, exception=task.exception(), task=task)


@contextlib.contextmanager
def _cancel_on_sigint(task: tasks.Task[Any], loop: Loop) -> Iterator[None]:
    """Make the first Ctrl-C cancel `task`, unless the program has a SIGINT handler of its own."""
    interrupted = False

    def on_sigint(*_: object) -> None:
        nonlocal interrupted
        if interrupted or task.done():
            raise KeyboardInterrupt
        interrupted = True
        task.cancel()
        loop.call_soon_threadsafe(lambda: None)  # wake it up: it may be waiting in select()

    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        # ValueError: not the main thread, or the main thread of a subinterpreter (gh-91880).
        with contextlib.suppress(ValueError):
            signal.signal(signal.SIGINT, on_sigint)
    try:
        yield
    except exceptions.CancelledError:
        uncancel = getattr(task, "uncancel", None)  # a task factory's class may have no such method
        # If requests are left, other code cancelled the task too: its CancelledError propagates.
        if interrupted and uncancel is not None and uncancel() == 0:
            raise KeyboardInterrupt  # noqa: B904 - the CancelledError is shown as its context
        raise
    finally:
        if signal.getsignal(signal.SIGINT) is on_sigint:
            signal.signal(signal.SIGINT, signal.default_int_handler)
