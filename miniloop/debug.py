"""Debug mode: find slow callbacks, calls from the wrong thread, and where things were made.

Purpose: with `loop.set_debug(True)`, `run(debug=True)` or PYTHONASYNCIODEBUG=1, the loop checks
what it is asked to schedule, logs entries that take long, and notes the stack that made each
handle, future, task and coroutine.
Invariants: debug mode costs little while it is off. To make, schedule or complete an object tests
one flag. An iteration tests nothing, because `set_debug` exchanges the function that runs the
entries (phase 4 of Kernel._run_once).
The functions take the loop as their first argument: they are its methods (see unix_events.py). This
file does not depend on what the callbacks do. Read kernel.py first.
"""

from __future__ import annotations

import os
import sys
import threading

from . import coroutines, kernel
from .events import Callback, Handle, Loop
from .format_helpers import DEBUG_STACK_DEPTH, extract_stack, logger


def _is_debug_mode() -> bool:
    """Return True with `python -X dev`, or if PYTHONASYNCIODEBUG is set and not empty."""
    asked = not sys.flags.ignore_environment and os.environ.get("PYTHONASYNCIODEBUG")
    return sys.flags.dev_mode or bool(asked)


def get_debug(loop: Loop) -> bool:
    """Return True if the loop is in debug mode."""
    return loop._debug  # type: ignore[no-any-return]


def set_debug(loop: Loop, enabled: bool) -> None:
    """Turn debug mode on or off."""
    loop._debug = enabled
    loop._run_ready = _run_ready_timed if enabled else kernel._run_ready
    if enabled:
        # Import now what the checks import, or the first callback would be logged as slow.
        _check_callback(print, "set_debug")
    if loop.is_running():
        loop.call_soon_threadsafe(loop._set_coroutine_origin_tracking, enabled)


def _check_call(loop: Loop, handle: Handle, method: str) -> None:
    """Check what a scheduling method was given, and note in the handle where it was called."""
    loop._check_closed()
    if method != "call_soon_threadsafe":
        _check_thread(loop)
    _check_callback(handle._callback, method)
    handle._source_traceback = extract_stack()


def _check_callback(callback: Callback | None, method: str) -> None:
    """Raise TypeError for a coroutine or coroutine function, and for what is not callable."""
    if coroutines.iscoroutine(callback) or coroutines._iscoroutinefunction(callback):
        raise TypeError(f"coroutines cannot be used with {method}()")
    if not callable(callback):
        raise TypeError(f"a callable object was expected by {method}(), got {callback!r}")


def _check_thread(loop: Loop) -> None:
    """Raise RuntimeError if the loop runs in another thread."""
    if loop._thread_id not in (None, threading.get_ident()):
        message = "Non-thread-safe operation invoked on an event loop other than the current one"
        raise RuntimeError(message)


def _run_ready_timed(loop: Loop) -> None:
    """Do what kernel._run_ready does, and log each entry that takes long."""
    for _ in range(len(loop._ready)):
        entry = loop._current_handle = loop._ready.popleft()
        began = loop.time()
        try:
            entry._run()
        finally:
            loop._current_handle = None
        if (took := loop.time() - began) >= loop.slow_callback_duration:
            logger.warning("Executing %r took %.3f seconds", entry, took)
        # Since 3.12 a task's exception refers to this frame, by `f_back`. This frame must not refer
        # to the task, or only the garbage collector would free them.
        del entry


def _set_coroutine_origin_tracking(loop: Loop, enabled: bool) -> None:
    """Let the interpreter note where coroutines are made, for "was never awaited" warnings."""
    if enabled and loop._saved_origin_depth is None:
        loop._saved_origin_depth = sys.get_coroutine_origin_tracking_depth()
        sys.set_coroutine_origin_tracking_depth(DEBUG_STACK_DEPTH)
    elif not enabled and loop._saved_origin_depth is not None:
        sys.set_coroutine_origin_tracking_depth(loop._saved_origin_depth)
        loop._saved_origin_depth = None
