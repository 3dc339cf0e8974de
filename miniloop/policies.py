"""Event loop policies: what a thread's current loop is while none runs, and how loops are made.

Purpose: what `get_event_loop()`, `set_event_loop()` and `new_event_loop()` ask. Programs that use
`run()` need not know of it; asyncio has deprecated policies in 3.14.
Rules: there is one policy in the process; a forked child begins without loops.
This file does not know which loop is made: the last file of the reading order says so. Read
events.py first.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import warnings

from . import events
from .events import Callback, Loop

__all__ = ("AbstractEventLoopPolicy", "DefaultEventLoopPolicy", "get_event_loop_policy",
           "set_event_loop_policy")  # fmt: skip


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
            # Blame the program, whether it has asked us or the function of the same name.
            level = 2 + (sys._getframe(1).f_code is events.get_event_loop.__code__)
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
