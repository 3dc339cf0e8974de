"""The exceptions that several files share.

Purpose: the errors that miniloop raises by names of its own; those of queues are in queues.py.
Rules: each class stands where asyncio's stands in the hierarchy, so that an `except` clause written
for asyncio catches the same things.
This file does not know who raises them, and imports nothing.
"""

from __future__ import annotations

__all__ = ("BrokenBarrierError", "CancelledError", "IncompleteReadError", "InvalidStateError",
           "LimitOverrunError", "SendfileNotAvailableError", "TimeoutError")  # fmt: skip


class CancelledError(BaseException):
    """The Future or Task was cancelled.

    It derives from BaseException, not Exception, so that `except Exception` in a coroutine does not
    swallow a request to stop (bpo-32528).
    """


# asyncio.TimeoutError has been the builtin itself since Python 3.11.
TimeoutError = TimeoutError


class InvalidStateError(Exception):
    """The Future is not in a state that allows the operation."""


class IncompleteReadError(EOFError):
    """The stream ended before the requested bytes had arrived.

    `partial` holds the bytes that did arrive; `expected` says how many were asked for, or is None
    where the number was not known (a read up to a separator).
    """

    def __init__(self, partial: bytes, expected: int | None) -> None:
        wanted = "undefined" if expected is None else repr(expected)
        super().__init__(f"{len(partial)} bytes read on a total of {wanted} expected bytes")
        self.partial = partial
        self.expected = expected

    def __reduce__(self) -> tuple[type[IncompleteReadError], tuple[bytes, int | None]]:
        return type(self), (self.partial, self.expected)


class LimitOverrunError(Exception):
    """A separator was not found within the stream's buffer limit.

    `consumed` is the number of bytes that have been searched and may be read off.
    """

    def __init__(self, message: str, consumed: int) -> None:
        super().__init__(message)
        self.consumed = consumed

    def __reduce__(self) -> tuple[type[LimitOverrunError], tuple[str, int]]:
        return type(self), (self.args[0], self.consumed)


class SendfileNotAvailableError(RuntimeError):
    """The system call sendfile() cannot be used for this socket or this file."""


class BrokenBarrierError(RuntimeError):
    """The Barrier was reset or aborted while tasks waited at it."""
