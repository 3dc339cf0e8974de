"""Event loop policies: deprecated since Python 3.14; a reader may skip this file.

Purpose: say what the current loop of a thread is while no loop runs. `get_event_loop()`,
`set_event_loop()` and `new_event_loop()` ask the policy. Programs that use `run()` need none of it.
The names with which a program can choose a policy warn when they are used; asyncio has the same
names with a leading underscore for its own use.
Invariants: a process has one policy. A forked child starts without loops.
This file does not depend on which loop is made: unix_events.py decides that. Read events.py first.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import warnings

from . import events
from .abstract import AbstractEventLoop, AbstractEventLoopPolicy
from .coroutines import _deprecated
from .events import Callback, Loop

__all__ = ("get_event_loop_policy", "new_event_loop", "set_event_loop", "set_event_loop_policy")


class DefaultEventLoopPolicy(AbstractEventLoopPolicy):
    """Each thread has its own current loop."""

    #: Makes a loop. unix_events.py, which is read last, puts SelectorEventLoop here.
    _loop_factory: Callback

    def __init__(self) -> None:
        self._local = threading.local()  # its attribute `loop` exists once it was set

    def get_event_loop(self) -> Loop:
        """Return the current loop of this thread; raise RuntimeError if there is none.

        Before Python 3.14: in the main thread, if none was ever set, make one, with a
        DeprecationWarning. Many programs that were written for these interpreters rely on it.
        """
        this_thread = threading.current_thread()
        never_set = sys.version_info < (3, 14) and not hasattr(self._local, "loop")
        if never_set and this_thread is threading.main_thread():
            # The warning names the program: it has called this method, or asyncio.get_event_loop().
            level = 2 + (sys._getframe(1).f_globals.get("__package__") == __package__)
            warnings.warn("There is no current event loop", DeprecationWarning, stacklevel=level)
            self.set_event_loop(self.new_event_loop())
        if (loop := getattr(self._local, "loop", None)) is None:
            raise RuntimeError(f"There is no current event loop in thread {this_thread.name!r}.")
        return loop

    def set_event_loop(self, loop: Loop | None) -> None:
        """Make `loop` the current loop of this thread; TypeError if it is not an event loop."""
        _check_type("loop", loop, AbstractEventLoop)
        self._local.loop = loop

    def new_event_loop(self) -> Loop:
        """Make a new event loop; it is neither running nor current."""
        return self._loop_factory()


def set_event_loop(loop: Loop | None) -> None:
    """Make `loop` the current event loop of this thread; None removes the current one."""
    events._event_loop_policy.set_event_loop(loop)


def new_event_loop() -> Loop:
    """Make a new event loop; it is neither running nor current."""
    return events._event_loop_policy.new_event_loop()


def get_event_loop_policy() -> AbstractEventLoopPolicy:
    """Return the policy of this process. Deprecated since Python 3.14."""
    _deprecated("get_event_loop_policy")
    return _get_event_loop_policy()


def set_event_loop_policy(policy: AbstractEventLoopPolicy | None) -> None:
    """Make `policy` the policy of this process; None means a new DefaultEventLoopPolicy.

    Raises TypeError if it is not a policy. Deprecated since Python 3.14.
    """
    _deprecated("set_event_loop_policy")
    _set_event_loop_policy(policy)


def _get_event_loop_policy() -> AbstractEventLoopPolicy:
    return events._event_loop_policy  # type: ignore[no-any-return]


def _set_event_loop_policy(policy: AbstractEventLoopPolicy | None) -> None:
    _check_type("policy", policy, AbstractEventLoopPolicy)
    events._event_loop_policy = policy or DefaultEventLoopPolicy()


def _check_type(name: str, value: object, expected: type) -> None:
    if value is not None and not isinstance(value, expected):
        kind = type(value).__name__
        raise TypeError(f"{name} must be an instance of {expected.__name__} or None, not '{kind}'")


def _forget_parent_loops() -> None:
    """Forget the loops of the parent: a forked child has copies of them, but not their threads."""
    if isinstance(loop := events._get_running_loop(), AbstractEventLoop):
        loop._current_task = None  # type: ignore[attr-defined]  # its step goes on in the parent
    events._set_running_loop(None)
    events._event_loop_policy._local = threading.local()
    signal.set_wakeup_fd(-1)  # otherwise a signal to the child would wake up the parent's loop


os.register_at_fork(after_in_child=_forget_parent_loops)
_set_event_loop_policy(None)
