"""Reports: what the loop does with an exception that nobody catches.

Purpose: an exception from a callback, from a task that nobody awaits or from a protocol has no
caller to go to. It goes to the program's exception handler, or else to the log.
Invariants: `call_exception_handler` raises only SystemExit and KeyboardInterrupt. A handler that
fails is itself reported.
The functions take the loop as their first argument: they are its methods (see unix_events.py). This
file does not depend on where the exceptions come from. Read kernel.py first.
"""

from __future__ import annotations

from .abstract import ExceptionHandler
from .events import Loop
from .format_helpers import _format_context, logger
from .hints import Any


def set_exception_handler(loop: Loop, handler: ExceptionHandler | None) -> None:
    """Call `handler(loop, context)` for each report; None restores the default, the log.

    Raises TypeError if it is not callable.
    """
    if handler is not None and not callable(handler):
        raise TypeError(f"A callable object or None is expected, got {handler!r}")
    loop._exception_handler = handler


def get_exception_handler(loop: Loop) -> ExceptionHandler | None:
    """Return the exception handler, or None if it is the default one."""
    return loop._exception_handler  # type: ignore[no-any-return]


def call_exception_handler(loop: Loop, context: dict[str, Any]) -> None:
    """Report an exception that nobody catches, or another fault.

    `context` has a "message" and, where they apply, "exception", "future", "task", "handle",
    "protocol", "transport", "socket", "asyncgen", "source_traceback". The handler runs in the
    contextvars.Context of the task or handle that the report is about, if there is one.
    """
    if (handler := loop._exception_handler) is None:
        return _call_default_handler(loop, context)
    try:
        if (run_in := _contextvars_of(context)) is None:
            handler(loop, context)
        else:
            run_in.run(handler, loop, context)
    except (SystemExit, KeyboardInterrupt):
        raise
    except BaseException as exc:
        text = "Unhandled error in exception handler"
        when = " while handling an unexpected error in custom exception handler"
        # The dictionary has no name: this frame would refer to it, and it to the exception, whose
        # traceback refers to this frame.
        _call_default_handler(loop, {"message": text, "exception": exc, "context": context}, when)


def _contextvars_of(context: dict[str, Any]) -> Any:
    for key in ("task", "future", "handle"):
        # Compared with None, because a derived class may define __bool__.
        if (subject := context.get(key)) is not None:
            return subject.get_context() if hasattr(subject, "get_context") else None
    return None


def _call_default_handler(loop: Loop, context: dict[str, Any], occasion: str = "") -> None:
    try:
        loop.default_exception_handler(context)
    except (SystemExit, KeyboardInterrupt):
        raise
    except BaseException:  # a program may derive a loop with a default handler of its own
        logger.error(f"Exception in default exception handler{occasion}", exc_info=True)


def default_exception_handler(loop: Loop, context: dict[str, Any]) -> None:
    """Log the context: the message, a line for each other key, then the traceback."""
    scheduling_stack = getattr(loop._current_handle, "_source_traceback", None)
    if scheduling_stack and "source_traceback" not in context:
        context["handle_traceback"] = scheduling_stack
    exc = context.get("exception")
    exc_info = (type(exc), exc, exc.__traceback__) if exc is not None else False
    logger.error(_format_context(context), exc_info=exc_info)
