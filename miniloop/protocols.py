"""Protocols: what a program implements to be told what happens on a connection.

Purpose: the base classes of the callback style of networking; the transport calls these methods.
Rules: `connection_made` comes first and `connection_lost` last, each once; between them come
`data_received` (or `get_buffer` and `buffer_updated`) any number of times, then `eof_received` at
most once. `pause_writing` and `resume_writing` take turns. All of them do nothing here.
This file does not know where the bytes come from: that is transports.py.
"""

from __future__ import annotations

from .hints import Any

__all__ = ("BaseProtocol", "Protocol", "BufferedProtocol", "DatagramProtocol",
           "SubprocessProtocol")  # fmt: skip


class BaseProtocol:
    """What all protocols have in common."""

    __slots__ = ()

    def connection_made(self, transport: Any) -> None:
        """The connection stands; keep `transport` to write to it."""

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone: None after an end of file or our own close, else the reason."""

    def pause_writing(self) -> None:
        """The transport's buffer is above its high-water mark: stop writing."""

    def resume_writing(self) -> None:
        """The buffer has drained to the low-water mark: go on writing."""


class Protocol(BaseProtocol):
    """A protocol for streams of bytes."""

    __slots__ = ()

    def data_received(self, data: bytes) -> None:
        """Some bytes have come. How the sender cut them into pieces says nothing."""

    def eof_received(self) -> bool | None:
        """The other side will send no more. Return True to go on writing, else the end is near."""


class BufferedProtocol(BaseProtocol):
    """A protocol for streams of bytes that brings its own buffer, which saves a copy."""

    __slots__ = ()

    def get_buffer(self, sizehint: int) -> Any:
        """Return a writable buffer of at least one byte; `sizehint` -1 says nothing of the size."""

    def buffer_updated(self, nbytes: int) -> None:
        """The first `nbytes` bytes of the buffer are new."""

    def eof_received(self) -> bool | None:
        """The other side will send no more. Return True to go on writing, else the end is near."""


class DatagramProtocol(BaseProtocol):
    """A protocol for datagrams."""

    __slots__ = ()

    def datagram_received(self, data: bytes, addr: Any) -> None:
        """One datagram has come, from `addr`."""

    def error_received(self, exc: OSError) -> None:
        """A datagram could not be sent or received: the address does not listen, for example."""


class SubprocessProtocol(BaseProtocol):
    """A protocol for a child process: its pipes, and its end."""

    __slots__ = ()

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        """The child has written `data` to its stdout (`fd` 1) or stderr (`fd` 2)."""

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:
        """The pipe of the child's descriptor `fd` is closed."""

    def process_exited(self) -> None:
        """The process has ended; more data may still come from its pipes."""
