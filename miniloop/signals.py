"""Signals: add_signal_handler and remove_signal_handler.

Purpose: to run a callback in the loop when a signal arrives.
Read connections.py first.
"""

from __future__ import annotations

from .servers import ServersEventLoop

__all__ = ()


class SignalsEventLoop(ServersEventLoop):
    """The loop's chapter on signals."""
