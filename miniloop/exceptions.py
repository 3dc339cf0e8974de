"""The exception classes that several files use.

Purpose: the exceptions of asyncio, except those of queues, which are in queues.py.

Invariant: each class has the name and the base class that it has in asyncio, so that after
`import miniloop as asyncio` an `except` clause works unchanged. Only TimeoutError is the same class
as in asyncio, because it is a builtin. In a program that uses both, `except asyncio.CancelledError`
does not catch miniloop's CancelledError.

Imports nothing.
"""

from __future__ import annotations

__all__ = ("BrokenBarrierError", "CancelledError", "IncompleteReadError", "InvalidStateError",
           "LimitOverrunError", "SendfileNotAvailableError", "TimeoutError")  # fmt: skip


class CancelledError(BaseException):
    """The Future or Task was cancelled.

    It derives from BaseException. If it derived from Exception, every `except Exception` in a
    coroutine would swallow cancellations (bpo-32528).
    """


# Since Python 3.11, asyncio.TimeoutError is the builtin.
TimeoutError = TimeoutError


class InvalidStateError(Exception):
    """The Future is not in a state that allows the operation."""


class IncompleteReadError(EOFError):
    """The stream ended before the requested bytes arrived.

    `partial` holds the bytes that arrived. `expected` is the number of bytes requested, or None if
    the request gave no number (a read up to a separator).
    """

    def __init__(self, partial: bytes, expected: int | None) -> None:
        wanted = "undefined" if expected is None else repr(expected)
        super().__init__(f"{len(partial)} bytes read on a total of {wanted} expected bytes")
        self.partial, self.expected = partial, expected

    def __reduce__(self) -> tuple[type[IncompleteReadError], tuple[bytes, int | None]]:
        # For pickle, which by default calls the class with `self.args`: only the message, one
        # argument too few.
        return type(self), (self.partial, self.expected)


class LimitOverrunError(Exception):
    """No separator was found within the stream's buffer limit.

    `consumed` is the number of bytes at the start of the buffer that do not contain the separator.
    The caller can read and drop them.
    """

    def __init__(self, message: str, consumed: int) -> None:
        super().__init__(message)
        self.consumed = consumed

    def __reduce__(self) -> tuple[type[LimitOverrunError], tuple[str, int]]:
        # For pickle: see IncompleteReadError.
        return type(self), (self.args[0], self.consumed)


class SendfileNotAvailableError(RuntimeError):
    """The system call sendfile() does not work for this socket or file."""


class BrokenBarrierError(RuntimeError):
    """The Barrier is broken, or was reset or aborted while the task waited."""
