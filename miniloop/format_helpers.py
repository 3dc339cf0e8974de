"""How callbacks and places in the source appear in a repr or a log line.

Purpose: `<Handle tick() at clock.py:12>` instead of `<function tick at 0x7f…>`.
Rules: arguments are shown in debug mode only, for they may hold secrets, and are cut short.
This file does not know handles or futures; it is given functions.
"""

from __future__ import annotations

import functools
import inspect
import logging
import reprlib
import sys
import traceback
from collections.abc import Callable
from types import FrameType
from typing import Any

#: Everything that the package logs goes to the logger that bears its name.
logger = logging.getLogger(__package__)

#: How many frames debug mode keeps of the stack that created a future, task or handle.
DEBUG_STACK_DEPTH = 10


def _format_callback_source(
    func: Callable[..., object], args: tuple[object, ...], *, debug: bool = False
) -> str:
    """The callback's name, in debug mode with its arguments, and where it is defined."""
    text = _format_callback(func, args, {}, debug)
    source = _get_function_source(func)
    return f"{text} at {source[0]}:{source[1]}" if source else text


def _get_function_source(func: Any) -> tuple[str, int] | None:
    func = inspect.unwrap(func)
    if isinstance(func, functools.partial | functools.partialmethod):
        return _get_function_source(func.func)
    if not inspect.isfunction(func):
        return None
    return func.__code__.co_filename, func.__code__.co_firstlineno


def _format_callback(
    func: Any, args: tuple[object, ...], kwargs: dict[str, object], debug: bool
) -> str:
    call = _format_call(args, kwargs) if debug else "()"
    if isinstance(func, functools.partial):
        return _format_callback(func.func, func.args, func.keywords, debug) + call
    name = getattr(func, "__qualname__", None) or getattr(func, "__name__", None) or repr(func)
    return f"{name}{call}"


def _format_call(args: tuple[object, ...], kwargs: dict[str, object]) -> str:
    positional = [reprlib.repr(arg) for arg in args]
    named = [f"{key}={reprlib.repr(value)}" for key, value in kwargs.items()]
    return f"({', '.join(positional + named)})"


def extract_stack() -> traceback.StackSummary:
    """The innermost frames that led into this package, oldest first."""
    frame: FrameType | None = sys._getframe(1)
    while frame and frame.f_globals.get("__package__") == __package__:
        frame = frame.f_back
    stack = traceback.StackSummary.extract(
        traceback.walk_stack(frame or sys._getframe(1)),
        limit=DEBUG_STACK_DEPTH,
        # Reading source lines now would cost a file access for each object; printing looks them up.
        lookup_lines=False,
    )
    stack.reverse()
    return stack
