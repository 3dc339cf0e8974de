"""The loop to use: all chapters in one class.

Purpose: `SelectorEventLoop`, which `new_event_loop()` makes.
Rules: it is last in the reading order, for it stands on everything before it.
This file does not know more than its chapters do: base_events (turns), selector_events
(descriptors), reports, debug, asyncgens, threads, sockets, connections.
"""

from __future__ import annotations

from .events import DefaultEventLoopPolicy
from .pipes import PipesEventLoop

__all__ = ("EventLoop", "SelectorEventLoop")


class SelectorEventLoop(PipesEventLoop):
    """The event loop of POSIX systems, over the best selector that the system has."""


EventLoop = SelectorEventLoop

DefaultEventLoopPolicy._loop_factory = SelectorEventLoop
