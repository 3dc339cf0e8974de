"""Signals: add_signal_handler and remove_signal_handler.

Purpose: to run a callback in the loop when a signal arrives.
Rules: the interpreter writes the number of each signal into the loop's wake-up socket, and the loop
finds it there in its own time. So a handler may do all that a callback may, and comes between two
callbacks, never in the middle of one. Only the main thread is told of signals.
This file does not know what signals mean. Read selector_events.py first.
"""

from __future__ import annotations

import errno
import signal
import sys
import warnings
from selectors import BaseSelector

from .coroutines import iscoroutine, iscoroutinefunction
from .events import Callback, Handle
from .format_helpers import logger
from .hints import Any
from .sendfile import SendfileEventLoop

__all__ = ()


class SignalsEventLoop(SendfileEventLoop):
    """The loop's chapter on signals."""

    def __init__(self, selector: BaseSelector | None = None) -> None:
        super().__init__(selector)
        self._signal_handlers: dict[int, Handle] = {}

    def add_signal_handler(self, sig: int, callback: Callback, *args: Any) -> None:
        """Call `callback(*args)` in the loop whenever the signal arrives; main thread only.

        It replaces an earlier handler. Raises ValueError or RuntimeError for a signal that does not
        exist or cannot be caught, and RuntimeError in other threads.
        """
        if iscoroutine(callback) or iscoroutinefunction(callback):
            raise TypeError("coroutines cannot be used with add_signal_handler()")
        self._check_signal(sig)
        self._check_closed()
        try:
            signal.set_wakeup_fd(self._csock.fileno())
        except (ValueError, OSError) as exc:  # this is not the main thread
            raise RuntimeError(str(exc)) from exc
        self._descriptors += not self._signal_handlers
        self._must_poll = True
        self._signal_handlers[sig] = Handle(callback, args, self)
        self._catch(sig, _leave_it_to_the_loop)
        signal.siginterrupt(sig, False)  # system calls go on by themselves, where they can

    def remove_signal_handler(self, sig: int) -> bool:
        """Let the signal do again what it does without a handler; return True if there was one."""
        self._check_signal(sig)
        if sig not in self._signal_handlers:
            return False
        self._forget_signal(sig)
        self._catch(sig, signal.default_int_handler if sig == signal.SIGINT else signal.SIG_DFL)
        return True

    def close(self) -> None:
        """Remove the signal handlers, forget all callbacks and never run again."""
        super().close()
        if self._signal_handlers and sys.is_finalizing():
            what = "on interpreter shutdown stage, skipping signal handlers removal"
            warnings.warn(f"Closing the loop {self!r} {what}", ResourceWarning, source=self)
            self._signal_handlers.clear()
        for sig in list(self._signal_handlers):
            self.remove_signal_handler(sig)

    def _check_signal(self, sig: int) -> None:
        if not isinstance(sig, int):
            raise TypeError(f"sig must be an int, not {sig!r}")
        if sig not in signal.valid_signals():
            raise ValueError(f"invalid signal number {sig}")

    def _catch(self, sig: int, handler: Any) -> None:
        try:
            signal.signal(sig, handler)
        except OSError as exc:
            self._forget_signal(sig)
            if exc.errno != errno.EINVAL:
                raise
            raise RuntimeError(f"sig {sig} cannot be caught") from exc

    def _forget_signal(self, sig: int) -> None:
        if self._signal_handlers.pop(sig, None) is not None and not self._signal_handlers:
            self._descriptors -= 1
            self._must_poll = self._descriptors > 1
            try:
                signal.set_wakeup_fd(-1)
            except (ValueError, OSError) as exc:
                logger.info("set_wakeup_fd(-1) failed: %s", exc)

    def _process_self_data(self, data: bytes) -> None:
        for sig in data.strip(b"\0"):  # zeros only wake the loop up
            if sig in self._signal_handlers:  # else it was removed since, or is not ours
                self._ready.append(self._signal_handlers[sig])


def _leave_it_to_the_loop(sig: int, frame: object) -> None:
    """Without some handler the interpreter would not write the signal into the wake-up socket."""
