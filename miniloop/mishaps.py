"""Mishaps: what the loop does about things that a program leaves undone, or does wrong.

Purpose: an exception that nobody catches goes to the program's exception handler, or else to the
log. An asynchronous generator left in the middle is closed: that takes an `await`, which the
garbage collector cannot do, so the interpreter tells the running loop of each generator that begins
(first-iteration hook) and of each that is about to be collected (finalizer hook). In debug mode
slow callbacks are reported; calls from a wrong thread and with wrong things are refused; handles,
futures, tasks and coroutines know the place that made them, and say so when something goes wrong.
Rules: a handler that fails itself is reported in turn, and nothing leaves but KeyboardInterrupt and
SystemExit. The interpreter's hooks are set while the loop runs and put back afterwards. Debug mode
costs nothing while it is off: turned on, it covers some methods of this one loop by instance
attributes of the same name, which check and then do what the method does; turned off, it takes them
away.
This file does not know what the loop is used for. Read selector_events.py and combinators.py first.
"""

from __future__ import annotations

import os
import sys
import threading
import warnings
from selectors import BaseSelector
from weakref import WeakSet

from . import format_helpers
from .combinators import gather
from .coroutines import iscoroutine, iscoroutinefunction
from .events import Callback, Handle, _tell
from .format_helpers import DEBUG_STACK_DEPTH, _format_context, extract_stack, logger
from .hints import Any, AsyncGenerator, Callable, Final, TypeAlias
from .selector_events import BaseSelectorEventLoop

ExceptionHandler: TypeAlias = Callable[[Any, dict[str, Any]], object]

#: What debug mode covers, and which of its arguments is the callback.
_COVERED: Final = {"call_soon": 0, "call_soon_threadsafe": 0, "call_at": 1}


class MishapsEventLoop(BaseSelectorEventLoop):
    """The loop's chapter on exceptions nobody catches, generators nobody closes, and debug mode."""

    def __init__(self, selector: BaseSelector | None = None) -> None:
        super().__init__(selector)
        self._exception_handler: ExceptionHandler | None = None
        self._asyncgens: WeakSet[AsyncGenerator[Any, Any]] = WeakSet()  # begun, not yet finished
        self._asyncgens_shutdown_called = False
        self._saved_asyncgen_hooks: tuple[Callable[..., Any] | None, ...] = ()
        #: Seconds: in debug mode, a callback or a step that takes as long is reported.
        self.slow_callback_duration = 0.1
        self._current_handle: Any = None  # in debug mode, the entry of the ready queue that runs
        self._saved_origin_depth: int | None = None  # while coroutine origins are tracked
        format_helpers._logging(), format_helpers._traceback()  # for reports at the exit, see there
        asked = not sys.flags.ignore_environment and os.environ.get("PYTHONASYNCIODEBUG")
        self.set_debug(sys.flags.dev_mode or bool(asked))

    def _run_forever_setup(self) -> None:
        super()._run_forever_setup()
        self._track_coroutine_origins(self._debug)
        self._saved_asyncgen_hooks = tuple(sys.get_asyncgen_hooks())
        sys.set_asyncgen_hooks(self._asyncgen_begins, self._asyncgen_is_dropped)

    def _run_forever_cleanup(self) -> None:
        super()._run_forever_cleanup()
        self._track_coroutine_origins(False)
        sys.set_asyncgen_hooks(*self._saved_asyncgen_hooks)

    def close(self) -> None:
        """Forget all callbacks, close the selector and let the loop never run again."""
        super().close()
        if self._debug:
            self._uncover()  # these attributes hold the loop, which they belong to

    # -- exceptions that nobody catches ------------------------------------------------------------

    def set_exception_handler(self, handler: ExceptionHandler | None) -> None:
        """Let `handler(loop, context)` have what nobody catches; None restores the default."""
        if handler is not None and not callable(handler):
            raise TypeError(f"A callable object or None is expected, got {handler!r}")
        self._exception_handler = handler

    def get_exception_handler(self) -> ExceptionHandler | None:
        """Return the exception handler, None for the default one."""
        return self._exception_handler

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """Report an exception that nobody catches, or another mishap.

        `context` has a "message" and, as they apply, "exception", "future", "task", "handle",
        "protocol", "transport", "socket", "asyncgen", "source_traceback". Never raises an
        Exception.
        """
        if (handler := self._exception_handler) is None:
            self._call_default_handler(context)
            return
        subjects = (context.get(key) for key in ("task", "future", "handle"))
        subject: Any = next((subject for subject in subjects if subject is not None), None)
        try:
            # In the contextvars.Context of the task or handle it is told about.
            place = subject.get_context() if hasattr(subject, "get_context") else None
            if place is None:
                handler(self, context)
            else:
                place.run(handler, self, context)
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as exc:
            message = "Unhandled error in exception handler"
            self._call_default_handler(
                {"message": message, "exception": exc, "context": context},
                " while handling an unexpected error in custom exception handler",
            )

    def _call_default_handler(self, context: dict[str, Any], occasion: str = "") -> None:
        try:
            self.default_exception_handler(context)
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException:  # a subclass may have a default handler of its own
            logger.error(f"Exception in default exception handler{occasion}", exc_info=True)

    def default_exception_handler(self, context: dict[str, Any]) -> None:
        """Log the context: the message, then a line for each further key, then the traceback."""
        made_at = getattr(self._current_handle, "_source_traceback", None)
        if made_at and "source_traceback" not in context:
            context["handle_traceback"] = made_at
        exc = context.get("exception")
        exc_info = (type(exc), exc, exc.__traceback__) if exc is not None else False
        logger.error(_format_context(context), exc_info=exc_info)

    # -- asynchronous generators that were left in the middle --------------------------------------

    def _asyncgen_begins(self, agen: AsyncGenerator[Any, Any]) -> None:
        if self._asyncgens_shutdown_called:
            message = f"asynchronous generator {agen!r} was scheduled after"
            message += " loop.shutdown_asyncgens() call"
            warnings.warn(message, ResourceWarning, source=self, stacklevel=2)
        self._asyncgens.add(agen)

    def _asyncgen_is_dropped(self, agen: AsyncGenerator[Any, Any]) -> None:
        self._asyncgens.discard(agen)
        if not self.is_closed():
            # The garbage collector may run in any thread, hence threadsafe.
            self.call_soon_threadsafe(self.create_task, agen.aclose())

    async def shutdown_asyncgens(self) -> None:
        """Close the asynchronous generators that were begun and not finished; `run` ends so."""
        self._asyncgens_shutdown_called = True
        closing = list(self._asyncgens)
        self._asyncgens.clear()
        if not closing:
            return
        results = await gather(*[agen.aclose() for agen in closing], return_exceptions=True)
        for agen, result in zip(closing, results, strict=True):
            if isinstance(result, Exception):
                message = f"an error occurred during closing of asynchronous generator {agen!r}"
                _tell(self, message, None, exception=result, asyncgen=agen)

    # -- debug mode --------------------------------------------------------------------------------

    def set_debug(self, enabled: bool) -> None:
        """Turn debug mode on or off; `run(debug=…)` and PYTHONASYNCIODEBUG=1 do it from outside."""
        # Not else: vars() makes a dictionary of a loop's attributes, for good, and with that a task
        # switch takes a fifth longer.
        if self._debug:
            self._uncover()
        self._debug = enabled
        if enabled:
            self._check_callback(print, "set_debug")  # loads what would hold up a turn later
            covers = {name: self._covered(name) for name in _COVERED}
            vars(self).update(covers, _run_ready=self._run_ready_watched)
        if not self._closed:
            self._enqueue = self._enqueue_checked if enabled else self._ready.append
        if self.is_running():
            self.call_soon_threadsafe(self._track_coroutine_origins, enabled)

    def _uncover(self) -> None:
        for name in (*_COVERED, "_run_ready"):
            vars(self).pop(name, None)

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

    def _enqueue_checked(self, entry: Any) -> None:
        self._check_thread()
        if isinstance(entry, Handle):  # of a done-callback: what has ended the future is told
            entry._source_traceback = extract_stack()
        self._ready.append(entry)

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

    def _track_coroutine_origins(self, enabled: bool) -> None:
        """Let the interpreter note where coroutines are made, for "was never awaited"."""
        if enabled and self._saved_origin_depth is None:
            self._saved_origin_depth = sys.get_coroutine_origin_tracking_depth()
            sys.set_coroutine_origin_tracking_depth(DEBUG_STACK_DEPTH)
        elif not enabled and self._saved_origin_depth is not None:
            sys.set_coroutine_origin_tracking_depth(self._saved_origin_depth)
            self._saved_origin_depth = None
