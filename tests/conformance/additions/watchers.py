"""What chooses how a child process is watched.

Purpose: the implementation has two ways to watch a child process, a pidfd or a thread. The suite
runs its subprocess tests once for each way. Before 3.14 it sets a child watcher, which has no
effect in the implementation; since then it replaces `can_use_pidfd()`. Here both choose the way.
Rules: nothing else is added but attributes of watchers and of policies that the suite reads.
"""

from __future__ import annotations

import os
import sys
from typing import Any

from .twins import PACKAGE, module_of


def can_use_pidfd() -> bool:
    return hasattr(os, "pidfd_open")


def give_choice() -> None:
    file, names = vars(module_of("subprocess")), vars(module_of("unix_events"))
    names.setdefault("can_use_pidfd", can_use_pidfd)
    if not {"_watch_child", "_watch_by_thread"} <= file.keys():
        return
    by_pidfd, by_thread = file["_watch_child"], file["_watch_by_thread"]
    package: Any = sys.modules[PACKAGE]

    def watch_child(*arguments: Any) -> None:
        threaded = not names["can_use_pidfd"]()
        if hasattr(package, "ThreadedChildWatcher"):
            threaded |= isinstance(package.get_child_watcher(), package.ThreadedChildWatcher)
        (by_thread if threaded else by_pidfd)(*arguments)

    file["_watch_child"] = watch_child


def give_watchers() -> None:
    """Before 3.14: add the names and attributes of child watchers that the suite reads."""
    package: Any = sys.modules[PACKAGE]
    if not hasattr(package, "ThreadedChildWatcher"):
        return
    names = vars(module_of("unix_events"))
    for name in package.watchers.__all__:
        names.setdefault(name, getattr(package, name))
    package.ThreadedChildWatcher._threads = {}
    abstract = package.abstract.AbstractEventLoopPolicy
    abstract.get_child_watcher = abstract.set_child_watcher = _refuse


def _refuse(*_: object) -> None:
    """Raise NotImplementedError, as the abstract policy does for watchers."""
    raise NotImplementedError
