"""Protocols: the callbacks that a program implements to handle a connection.

Purpose: the base classes of callback-style networking. A transport moves bytes and calls these
methods; a program overrides the ones it needs. All of them do nothing here.
Invariants: `connection_made` is called first and `connection_lost` last, each once. Between them a
transport calls, in this order (`*`: any number of times; `?`: at most once; `|`: in any order):

    Protocol            data_received*  eof_received?
    BufferedProtocol    (get_buffer buffer_updated?)*  eof_received?
    DatagramProtocol    (datagram_received | error_received)*
    SubprocessProtocol  pipe_data_received* | pipe_connection_lost* | process_exited

`pause_writing` and `resume_writing` alternate, at any point in between.
This file does not depend on where the bytes come from: that is transports.py. Read that next.
"""

from __future__ import annotations

from .hints import Any

__all__ = ("BaseProtocol", "Protocol", "BufferedProtocol", "DatagramProtocol", "SubprocessProtocol")


class BaseProtocol:
    """The base of all protocols."""

    __slots__ = ()

    def connection_made(self, transport: Any) -> None:
        """Handle a new connection. Keep `transport` to write to it."""

    def connection_lost(self, exc: Exception | None) -> None:
        """Handle the end: `exc` is None after an end of file or our own close or abort."""

    def pause_writing(self) -> None:
        """Stop writing: the transport's buffer is above its high-water mark."""

    def resume_writing(self) -> None:
        """Go on writing: the buffer has drained to the low-water mark."""


class Protocol(BaseProtocol):
    """The base of protocols for a stream of bytes."""

    __slots__ = ()

    def data_received(self, data: bytes) -> None:
        """Handle `data`. The sender's writes may arrive split or joined."""

    def eof_received(self) -> bool | None:
        """Handle the other side's end of file.

        Return True to keep the connection open for writing; otherwise the transport closes.
        """


class BufferedProtocol(BaseProtocol):
    """The base of protocols for a stream of bytes that bring their own buffer, to save a copy."""

    __slots__ = ()

    def get_buffer(self, sizehint: int) -> Any:
        """Return a writable buffer of at least one byte.

        `sizehint` is the recommended size in bytes; -1 means that any size will do.
        """

    def buffer_updated(self, nbytes: int) -> None:
        """Handle the first `nbytes` bytes of the buffer: they are new."""

    def eof_received(self) -> bool | None:
        """Handle the other side's end of file; see Protocol.eof_received."""


class DatagramProtocol(BaseProtocol):
    """The base of protocols for datagrams."""

    __slots__ = ()

    def datagram_received(self, data: bytes, addr: Any) -> None:
        """Handle one datagram from `addr`."""

    def error_received(self, exc: OSError) -> None:
        """Handle a failed send or receive. For example, no socket is open at the address."""


class SubprocessProtocol(BaseProtocol):
    """The base of protocols for a child process: its pipes and its exit."""

    __slots__ = ()

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        """Handle `data` that the child has written to its stdout (`fd` 1) or stderr (`fd` 2)."""

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:
        """Handle the end of the pipe at the child's descriptor `fd`."""

    def process_exited(self) -> None:
        """Handle the exit of the process. Its pipes may still deliver data afterwards."""
