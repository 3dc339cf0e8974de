"""Signal handlers: add_signal_handler.

Purpose: call a callback of the program in the loop when a signal arrives.
Invariants: a signal's callback runs between two callbacks of the loop, never in the middle of one,
so it may do whatever a callback may do. Only the main thread receives signals.

How a signal becomes a callback: a handler set with `signal.signal()` can run at any call, so in the
middle of a callback. Here that handler does nothing. The interpreter also writes the number of the
signal into the loop's wake-up socket. The next iteration finds that the socket can be read and
calls `_process_self_data`, which puts the signal's handle into the ready queue. The iteration after
that calls the program's callback.

The functions take the loop as their first argument: they are the methods of SelectorEventLoop (see
unix_events.py). This file does not depend on what the signals mean. Read selector_events.py first.
"""

from __future__ import annotations

import errno
import signal
import sys
import warnings

from .coroutines import _iscoroutinefunction, iscoroutine
from .events import Callback, Handle, Loop
from .format_helpers import logger
from .hints import Any


def add_signal_handler(loop: Loop, sig: int, callback: Callback, *args: Any) -> None:
    """Call `callback(*args)` in the loop whenever the signal arrives; main thread only.

    This replaces an earlier handler. Raises ValueError if the signal does not exist, RuntimeError
    if it cannot be caught or in another thread, TypeError if the callback is a coroutine function.
    """
    if iscoroutine(callback) or _iscoroutinefunction(callback):
        raise TypeError("coroutines cannot be used with add_signal_handler()")
    _check_signal(sig)
    loop._check_closed()
    try:
        signal.set_wakeup_fd(loop._csock.fileno())
    except (ValueError, OSError) as exc:  # this is not the main thread
        raise RuntimeError(str(exc)) from exc
    # A busy loop does not call select() while it watches only its wake-up socket: see _poll_always.
    # So watch a second descriptor too. It is `_csock`, the end of the wake-up socket that is only
    # written to: nothing ever arrives there, but now the loop calls select() in every iteration,
    # and sees the signals that arrive at the other end, `_ssock`, while it is busy.
    loop._add_reader(loop._csock, loop._read_from_self)
    loop._signal_handlers[sig] = Handle(callback, args, loop)
    _set_handler(loop, sig, _leave_it_to_the_loop)
    signal.siginterrupt(sig, False)  # the operating system restarts interrupted calls


def remove_signal_handler(loop: Loop, sig: int) -> bool:
    """Restore the signal's default action; return True if there was a handler."""
    _check_signal(sig)
    if sig not in loop._signal_handlers:
        return False
    _set_handler(loop, sig, signal.default_int_handler if sig == signal.SIGINT else signal.SIG_DFL)
    _forget_handler(loop, sig)
    return True


def _remove_all_handlers(loop: Loop) -> None:
    """Remove all handlers of a loop that is being closed."""
    # The wake-up socket is closed already. _remove_reader() does nothing then: a closed loop
    # watches no descriptor.
    if loop._signal_handlers and sys.is_finalizing():
        what = "on interpreter shutdown stage, skipping signal handlers removal"
        warnings.warn(f"Closing the loop {loop!r} {what}", ResourceWarning, source=loop)
        loop._signal_handlers.clear()
    for sig in list(loop._signal_handlers):
        loop.remove_signal_handler(sig)


def _check_signal(sig: int) -> None:
    if not isinstance(sig, int):
        raise TypeError(f"sig must be an int, not {sig!r}")
    if sig not in signal.valid_signals():
        raise ValueError(f"invalid signal number {sig}")


def _set_handler(loop: Loop, sig: int, handler: Any) -> None:
    try:
        signal.signal(sig, handler)
    except OSError as exc:
        _forget_handler(loop, sig)
        if exc.errno != errno.EINVAL:
            raise
        raise RuntimeError(f"sig {sig} cannot be caught") from exc


def _leave_it_to_the_loop(sig: int, frame: object) -> None:
    """Do nothing. A Python handler must exist: the wake-up fd is only for signals that have one."""


def _forget_handler(loop: Loop, sig: int) -> None:
    del loop._signal_handlers[sig]
    if not loop._signal_handlers:
        loop._remove_reader(loop._csock)
        try:
            signal.set_wakeup_fd(-1)
        except (ValueError, OSError) as exc:
            logger.info("set_wakeup_fd(-1) failed: %s", exc)


def _process_self_data(loop: Loop, data: bytes) -> None:
    """Make the handlers of the signals in `data` ready; it comes from the wake-up socket."""
    for sig in data.strip(b"\0"):  # a zero byte only wakes the loop up
        if sig in loop._signal_handlers:  # else the program has removed it since, or set its own
            loop._ready.append(loop._signal_handlers[sig])
