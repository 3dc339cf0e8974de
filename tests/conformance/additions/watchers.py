"""Child watchers: what 3.14 has removed and 3.13 tests subprocesses with.

Purpose: the suite runs its tests of subprocesses once for each class of watcher, and sets one up
for each test of an event loop on Unix. Here a watcher's class chooses one of the implementation's
two ways of watching a child: by pidfd, or by a thread.
Rules: a watcher watches nothing itself; `set_child_watcher` chooses the way, None the default one.
The watchers by SIGCHLD cannot be made, for the implementation has no such way. One of them is also
what the tests of loops set up, by its name in the package and whatever it does: there that name
means the loop's own way.
Not here: the callbacks of `add_child_handler`, and the watchers' warnings.
"""

from __future__ import annotations

import os
import sys
from typing import Any, Final

from .places import PACKAGE, module_of


class AbstractChildWatcher:
    """Stands for a way of watching children: `way` is the implementation's function for it."""

    way = "_watch_child"

    def attach_loop(self, loop: object) -> None:
        """Every loop of the implementation watches its own children."""

    def close(self) -> None:
        """There is nothing to close."""


class ThreadedChildWatcher(AbstractChildWatcher):
    way = "_watch_by_thread"


class PidfdChildWatcher(AbstractChildWatcher):
    way = "_watch_child"


class SignalChildWatcher(AbstractChildWatcher):
    """Watching by SIGCHLD, for which the implementation has nothing."""

    def __init__(self) -> None:
        raise NotImplementedError


class OwnWay(AbstractChildWatcher):
    """What the tests of loops set up."""


_current: AbstractChildWatcher | None = None
_ways: dict[str, Any] = {}  # the names of the implementation's file on subprocesses


def set_child_watcher(watcher: AbstractChildWatcher | None) -> None:
    global _current
    _current = watcher
    way = (watcher or AbstractChildWatcher()).way
    if way in _ways:
        vars(module_of("subprocess"))["_watch_child"] = _ways[way]


def get_child_watcher() -> AbstractChildWatcher:
    return _current or OwnWay()


def _refuse(*_: object) -> None:
    """What the abstract policy does when it is asked for a watcher, or given one."""
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
