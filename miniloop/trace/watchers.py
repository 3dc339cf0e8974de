"""Child watchers, which Python 3.14 removed; a reader may skip this file.

Purpose: programs written for Python 3.11 to 3.13 may set a child watcher before they start a child
process. They still can, but it has no effect: each loop watches its own children, in any thread
(see subprocess.py).
Invariant: from Python 3.14 on, the package exports none of these names.
"""

from __future__ import annotations

import sys

from .. import policies
from ..hints import Any

__all__ = (
    "AbstractChildWatcher", "FastChildWatcher", "MultiLoopChildWatcher", "PidfdChildWatcher",
    "SafeChildWatcher", "ThreadedChildWatcher", "get_child_watcher", "set_child_watcher",
) if sys.version_info < (3, 14) else ()  # fmt: skip


class AbstractChildWatcher:
    """Watches nothing."""

    def attach_loop(self, loop: object) -> None:
        """Do nothing: the loop watches its children already."""

    def close(self) -> None:
        """Do nothing."""

    def is_active(self) -> bool:
        """Return True: child processes can be started."""
        return True


class SafeChildWatcher(AbstractChildWatcher):
    """Watches nothing, and does not handle SIGCHLD."""


class FastChildWatcher(AbstractChildWatcher):
    """Watches nothing, and does not handle SIGCHLD."""


class MultiLoopChildWatcher(AbstractChildWatcher):
    """Watches nothing, and does not handle SIGCHLD."""


class PidfdChildWatcher(AbstractChildWatcher):
    """Watches nothing."""


class ThreadedChildWatcher(AbstractChildWatcher):
    """Watches nothing, and has no threads."""


_watcher: AbstractChildWatcher | None = None  # what set_child_watcher() has set


def get_child_watcher() -> AbstractChildWatcher:
    """Return the watcher that was set; if there is none, a new one."""
    return _watcher or AbstractChildWatcher()


def set_child_watcher(watcher: AbstractChildWatcher | None) -> None:
    """Let `get_child_watcher()` return `watcher`. This has no other effect."""
    global _watcher
    _watcher = watcher


if sys.version_info < (3, 14):
    policy: Any = policies.DefaultEventLoopPolicy
    policy.get_child_watcher = staticmethod(get_child_watcher)
    policy.set_child_watcher = staticmethod(set_child_watcher)
