"""Child watchers: removed in 3.14, but the suite of 3.13 needs them for subprocess tests.

Purpose: the suite runs its subprocess tests once for each class of watcher, and creates a watcher
for each test of an event loop on Unix. Here the class of a watcher selects one of the
implementation's two ways to watch a child process: a pidfd or a thread.
Rules: a watcher watches nothing itself. `set_child_watcher` selects the way; None selects the
default. Watchers that use SIGCHLD cannot be created, because the implementation has no such way.
The loop tests create one of them anyway, by its name in the package, and do not care which way it
works: under that name they get a watcher that uses the loop's default.
Left out: the callbacks of `add_child_handler`, and the warnings of watchers.
"""

from __future__ import annotations

import os
import sys
from typing import Any, Final

from .twins import PACKAGE, module_of


class AbstractChildWatcher:
    """Selects a way to watch child processes: `way` is the implementation's function."""

    way = "_watch_child"

    def attach_loop(self, loop: object) -> None:
        """Do nothing: every loop of the implementation watches its own children."""

    def close(self) -> None:
        """Do nothing: there is nothing to close."""


class ThreadedChildWatcher(AbstractChildWatcher):
    way = "_watch_by_thread"


class PidfdChildWatcher(AbstractChildWatcher):
    way = "_watch_child"


class SignalChildWatcher(AbstractChildWatcher):
    """A watcher that uses SIGCHLD, which the implementation does not support."""

    def __init__(self) -> None:
        raise NotImplementedError


class OwnWay(AbstractChildWatcher):
    """The watcher that the loop tests create."""


_current: AbstractChildWatcher | None = None
_ways: dict[str, Any] = {}  # the names in the implementation's subprocess file


def set_child_watcher(watcher: AbstractChildWatcher | None) -> None:
    global _current
    _current = watcher
    way = (watcher or AbstractChildWatcher()).way
    if way in _ways:
        vars(module_of("subprocess"))["_watch_child"] = _ways[way]


def get_child_watcher() -> AbstractChildWatcher:
    return _current or OwnWay()


def _refuse(*_: object) -> None:
    """Raise NotImplementedError, as the abstract policy does for watchers."""
    raise NotImplementedError


def can_use_pidfd() -> bool:
    return hasattr(os, "pidfd_open")


WATCHERS: Final = {
    "AbstractChildWatcher": AbstractChildWatcher,
    "ThreadedChildWatcher": ThreadedChildWatcher,
    "PidfdChildWatcher": PidfdChildWatcher,
    "SafeChildWatcher": SignalChildWatcher,
    "FastChildWatcher": SignalChildWatcher,
    "MultiLoopChildWatcher": SignalChildWatcher,
}


def give_watchers() -> None:
    _ways.update(vars(module_of("subprocess")))
    vars(sys.modules[PACKAGE]).setdefault("SafeChildWatcher", OwnWay)
    for module in (sys.modules[PACKAGE], module_of("unix_events")):
        for name, watcher in WATCHERS.items():
            vars(module).setdefault(name, watcher)
    vars(module_of("unix_events")).setdefault("can_use_pidfd", can_use_pidfd)
    for module in (sys.modules[PACKAGE], module_of("events")):
        for function in (set_child_watcher, get_child_watcher):
            vars(module).setdefault(function.__name__, function)
    abstract: Any = getattr(sys.modules[PACKAGE], "AbstractEventLoopPolicy", None)
    policy: Any = getattr(sys.modules[PACKAGE], "DefaultEventLoopPolicy", None)
    if policy is not None and not hasattr(policy, "set_child_watcher"):
        abstract.set_child_watcher = abstract.get_child_watcher = _refuse
        policy.set_child_watcher = staticmethod(set_child_watcher)
        policy.get_child_watcher = staticmethod(get_child_watcher)
