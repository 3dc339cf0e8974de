"""Reports: who is told of an exception that nobody catches.

Purpose: a callback that raises, a task that fails unseen, a protocol with a bug must neither end
the loop nor be lost. They come here, and go to the program's exception handler or else to the log.
Rules: a handler that fails itself is reported in turn, and nothing leaves but KeyboardInterrupt and
SystemExit.
This file does not know what went wrong. Read selector_events.py first.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from .format_helpers import _format_context, logger
from .selector_events import BaseSelectorEventLoop

ExceptionHandler: TypeAlias = Callable[[Any, dict[str, Any]], object]


class ReportsEventLoop(BaseSelectorEventLoop):
    """The loop's chapter on exceptions that have nobody to go to."""

    _exception_handler: ExceptionHandler | None = None

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
        failure = "Exception in default exception handler"
        if self._exception_handler is not None:
            try:
                self._call_in_context_of_subject(self._exception_handler, context)
                return
            except (SystemExit, KeyboardInterrupt):
                raise
            except BaseException as exc:
                message = "Unhandled error in exception handler"
                context = {"message": message, "exception": exc, "context": context}
                failure += " while handling an unexpected error in custom exception handler"
        try:
            self.default_exception_handler(context)
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException:  # a subclass may have a default handler of its own
            logger.error(failure, exc_info=True)

    def default_exception_handler(self, context: dict[str, Any]) -> None:
        """Log the context: the message, then a line for each further key, then the traceback."""
        exc = context.get("exception")
        exc_info = (type(exc), exc, exc.__traceback__) if exc is not None else False
        logger.error(_format_context(context), exc_info=exc_info)

    def _call_in_context_of_subject(self, handler: ExceptionHandler, about: dict[str, Any]) -> None:
        """Call the handler in the contextvars.Context of the task or handle it is told about."""
        subjects = (about.get(key) for key in ("task", "future", "handle"))
        subject: Any = next((subject for subject in subjects if subject is not None), None)
        place = subject.get_context() if hasattr(subject, "get_context") else None
        if place is None:
            handler(self, about)
        else:
            place.run(handler, self, about)
