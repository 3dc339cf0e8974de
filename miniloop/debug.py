"""Debug mode: the loop checks its users, and remembers where things were made.

Purpose: slow callbacks are reported; calls from a wrong thread and with wrong things are refused;
handles, futures, tasks and coroutines know the place that made them, and say so when something goes
wrong.
Rules: none of it costs anything while it is off. Turned on, it covers some methods of this one loop
by instance attributes of the same name, which check and then do what the method does; turned off,
it takes them away.
This file does not know what the loop is used for. Read reports.py first.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterable
from selectors import BaseSelector
from typing import Any, Final

from .coroutines import iscoroutine, iscoroutinefunction
from .events import Callback, Handle
from .format_helpers import DEBUG_STACK_DEPTH, extract_stack, logger
from .reports import ReportsEventLoop

#: What debug mode covers, and which of its arguments is the callback.
_COVERED: Final = {"call_soon": 0, "call_soon_threadsafe": 0, "call_at": 1}


class DebugEventLoop(ReportsEventLoop):
    """The loop's chapter on debug mode."""

    def __init__(self, selector: BaseSelector | None = None) -> None:
        super().__init__(selector)
        #: Seconds: in debug mode, a callback or a step that takes as long is reported.
        self.slow_callback_duration = 0.1
        self._current_handle: Any = None  # the entry of the ready queue that is being run
        self._saved_origin_depth: int | None = None  # while coroutine origins are tracked
        self.set_debug(_debug_by_default())

    def set_debug(self, enabled: bool) -> None:
        """Turn debug mode on or off; `run(debug=…)` and PYTHONASYNCIODEBUG=1 do it from outside."""
        self._debug = enabled
        self._uncover()
        if enabled:
            for name in _COVERED:
                setattr(self, name, self._covered(name))
            self._run_ready = self._run_ready_watched  # type: ignore[method-assign]
        if not self._closed:
            self._enqueue = self._enqueue_checked if enabled else self._ready.extend
        if self.is_running():
            self.call_soon_threadsafe(self._track_coroutine_origins, enabled)

    def _uncover(self) -> None:
        for name in (*_COVERED, "_run_ready"):
            self.__dict__.pop(name, None)

    def _covered(self, name: str) -> Callable[..., Handle]:
        """The method, with checks before it and its handle marked with the place of the call."""
        method, position = getattr(self, name), _COVERED[name]

        def checked(*args: Any, **kwargs: Any) -> Handle:
            self._check_closed()
            if name != "call_soon_threadsafe":
                self._check_thread()
            given = args[position] if len(args) > position else kwargs.get("callback")
            self._check_callback(given, name)
            handle: Handle = method(*args, **kwargs)
            handle._source_traceback = extract_stack()
            return handle

        return checked

    def _enqueue_checked(self, entries: Iterable[Any]) -> None:
        self._check_thread()
        self._ready.extend(entries)

    def _check_callback(self, callback: Callback | None, method: str) -> None:
        if iscoroutine(callback) or iscoroutinefunction(callback):
            raise TypeError(f"coroutines cannot be used with {method}()")
        if not callable(callback):
            raise TypeError(f"a callable object was expected by {method}(), got {callback!r}")

    def _check_thread(self) -> None:
        if self._thread_id not in (None, threading.get_ident()):
            told = "Non-thread-safe operation invoked on an event loop other than the current one"
            raise RuntimeError(told)

    def _run_ready_watched(self) -> None:
        """`_run_ready`, with a report of what holds up the loop."""
        for _ in range(len(self._ready)):
            entry = self._current_handle = self._ready.popleft()
            began = self.time()
            try:
                entry._run()
            finally:
                self._current_handle = None
            took = self.time() - began
            if took >= self.slow_callback_duration:
                logger.warning("Executing %r took %.3f seconds", entry, took)

    def default_exception_handler(self, context: dict[str, Any]) -> None:
        """Log the context, and where the handle was made that is being run."""
        made_at = getattr(self._current_handle, "_source_traceback", None)
        if made_at and "source_traceback" not in context:
            context["handle_traceback"] = made_at
        super().default_exception_handler(context)

    # -- where coroutines were made, for "was never awaited" ---------------------------------------

    def _run_forever_setup(self) -> None:
        super()._run_forever_setup()
        self._track_coroutine_origins(self._debug)

    def _run_forever_cleanup(self) -> None:
        super()._run_forever_cleanup()
        self._track_coroutine_origins(False)

    def _track_coroutine_origins(self, enabled: bool) -> None:
        if enabled and self._saved_origin_depth is None:
            self._saved_origin_depth = sys.get_coroutine_origin_tracking_depth()
            sys.set_coroutine_origin_tracking_depth(DEBUG_STACK_DEPTH)
        elif not enabled and self._saved_origin_depth is not None:
            sys.set_coroutine_origin_tracking_depth(self._saved_origin_depth)
            self._saved_origin_depth = None

    def close(self) -> None:
        """Forget all callbacks, close the selector and let the loop never run again."""
        if self._debug and not self._closed and not self.is_running():
            logger.debug("Close %r", self)
        super().close()
        self._uncover()  # these attributes hold the loop, which they belong to


def _debug_by_default() -> bool:
    asked = not sys.flags.ignore_environment and bool(os.environ.get("PYTHONASYNCIODEBUG"))
    return sys.flags.dev_mode or asked
