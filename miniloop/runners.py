"""run and Runner: from an ordinary program into the loop, and back out in good order.

Purpose: make a loop, run a coroutine, and leave nothing behind: tasks are cancelled, asynchronous
generators closed, threads joined, the loop closed. And event loop policies, which say what a
thread's current loop is while none runs: `get_event_loop()`, `events.set_event_loop()` and
`new_event_loop()` ask them. Programs that use `run()` need not know of them; asyncio has deprecated
them in 3.14.
Rules: while the main coroutine runs, the first Ctrl-C cancels it, so that its clean-up happens, and
KeyboardInterrupt is raised when it has ended; a second Ctrl-C raises at once. There is one policy
in the process; a forked child begins without loops.
This file does not know which loop is made: the last file of the reading order says so. Read
threads.py first.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import warnings
from contextvars import Context, copy_context

from . import combinators, coroutines, events, exceptions, tasks
from .events import Callback, Coro, Loop
from .hints import Any, Callable, Iterator, Self, T

__all__ = ("AbstractEventLoopPolicy", "DefaultEventLoopPolicy", "Runner", "get_event_loop_policy",
           "run", "set_event_loop_policy")  # fmt: skip


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
                events.set_event_loop(None)
            loop.close()
            self._loop, self._closed = None, True

    def get_loop(self) -> Loop:
        """Return the loop; the first use of the Runner makes it."""
        if self._closed:
            raise RuntimeError("Runner is closed")
        if self._loop is None:
            loop = self._loop = (self._loop_factory or events.new_event_loop)()
            if self._loop_factory is None:
                events.set_event_loop(loop)
            if self._debug is not None:
                loop.set_debug(self._debug)
            self._context = copy_context()
        return self._loop

    def run(self, coro: Coro[T], *, context: Context | None = None) -> T:
        """Run `coro` in the loop and return its result.

        Raises ValueError if it is no coroutine, RuntimeError inside a running loop.
        """
        if not coroutines.iscoroutine(coro):
            raise ValueError(f"a coroutine was expected, got {coro!r}")
        if events._get_running_loop() is not None:
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
    if events._get_running_loop() is not None:
        raise RuntimeError(f"{__package__}.run() cannot be called from a running event loop")
    with Runner(debug=debug, loop_factory=loop_factory) as runner:
        return runner.run(main)


def _cancel_all_tasks(loop: Loop) -> None:
    leftover = tasks.all_tasks(loop)
    if not leftover:
        return
    for task in leftover:
        task.cancel()
    loop.run_until_complete(combinators.gather(*leftover, return_exceptions=True))
    for task in leftover:
        if not task.cancelled() and task.exception() is not None:
            message = f"unhandled exception during {__package__}.run() shutdown"
            events._tell(loop, message, None, exception=task.exception(), task=task)


@contextlib.contextmanager
def _cancelled_by_ctrl_c(task: tasks.Task[Any], loop: Loop) -> Iterator[None]:
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
    except exceptions.CancelledError:
        uncancel = getattr(task, "uncancel", None)  # a factory's own task may have none
        if interrupted and uncancel is not None and uncancel() == 0:
            raise KeyboardInterrupt  # noqa: B904 - as asyncio: the CancelledError is shown as well
        raise
    finally:
        if signal.getsignal(signal.SIGINT) is on_sigint:
            signal.signal(signal.SIGINT, signal.default_int_handler)


# -- policies --------------------------------------------------------------------------------------


class AbstractEventLoopPolicy:
    """Says what a thread's current loop is while none runs, and how loops are made."""


class DefaultEventLoopPolicy(AbstractEventLoopPolicy):
    """Each thread has its own current loop; the main thread gets one by asking for it."""

    #: Makes a loop. The last file of the reading order puts its loop class here, for that class
    #: stands on everything else, this file included.
    _loop_factory: Callback

    def __init__(self) -> None:
        self._local = threading.local()  # its attribute `loop` is there once it has been set

    def get_event_loop(self) -> Loop:
        """Return the thread's current loop, in the main thread a new one with a warning.

        Raises RuntimeError in other threads, and where the loop was set to None before.
        """
        this_thread = threading.current_thread()
        if not hasattr(self._local, "loop") and this_thread is threading.main_thread():
            level, frame = 2, sys._getframe(1)  # blame the program: who has called this package
            while frame.f_back and frame.f_globals.get("__package__") == __package__:
                level, frame = level + 1, frame.f_back
            warnings.warn("There is no current event loop", DeprecationWarning, stacklevel=level)
            self.set_event_loop(self.new_event_loop())
        if (loop := getattr(self._local, "loop", None)) is None:
            raise RuntimeError(f"There is no current event loop in thread {this_thread.name!r}.")
        return loop

    def set_event_loop(self, loop: Loop | None) -> None:
        """Make `loop` the current loop of this thread; TypeError if it is no event loop."""
        _check_type("loop", loop, events.AbstractEventLoop)
        self._local.loop = loop

    def new_event_loop(self) -> Loop:
        """Make a new event loop; it is neither running nor the current one."""
        return self._loop_factory()


def get_event_loop_policy() -> AbstractEventLoopPolicy:
    """Return the policy of this process."""
    return events._policy  # type: ignore[no-any-return]


def set_event_loop_policy(policy: AbstractEventLoopPolicy | None) -> None:
    """Let `policy` say what the current loop is; None: a new DefaultEventLoopPolicy."""
    _check_type("policy", policy, AbstractEventLoopPolicy)
    events._policy = policy or DefaultEventLoopPolicy()


def _check_type(name: str, value: object, expected: type) -> None:
    if value is not None and not isinstance(value, expected):
        kind = type(value).__name__
        raise TypeError(f"{name} must be an instance of {expected.__name__} or None, not '{kind}'")


def _forget_the_parent() -> None:
    """In a forked child: it has the parent's memory, but none of its loops and threads run here."""
    events._set_running_loop(None)
    events._policy._local = threading.local()
    signal.set_wakeup_fd(-1)  # else a signal to the child would wake the parent's loop up


os.register_at_fork(after_in_child=_forget_the_parent)
set_event_loop_policy(None)
