"""Helpers for scenarios about sockets: the other end, and protocols that record.

`pair()` gives two connected sockets whose bytes arrive at once, so scenarios that use it run on the
virtual clock. Data over TCP may arrive later: such a scenario needs `real=True`, and must wait for
everything that it records.
"""

from __future__ import annotations

import contextlib
import socket
import struct
from collections.abc import AsyncIterator, Iterator
from typing import Any

from tests.parity.harness import Stage, describe

__all__ = [
    "HOST",
    "Recorder",
    "connected",
    "fill",
    "listener",
    "pair",
    "reset",
    "taken_port",
    "unread",
]

HOST = "127.0.0.1"

MORE_THAN_A_SOCKET_HOLDS = 8 * 1024 * 1024


@contextlib.contextmanager
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Yield two connected non-blocking sockets."""
    ours, peer = socket.socketpair()
    with ours, peer:
        ours.setblocking(False)
        peer.setblocking(False)
        yield ours, peer


@contextlib.contextmanager
def listener() -> Iterator[socket.socket]:
    """Yield a listening non-blocking TCP socket."""
    with socket.create_server((HOST, 0)) as listening:
        listening.setblocking(False)
        yield listening


@contextlib.contextmanager
def taken_port() -> Iterator[int]:
    """Yield a TCP port on which nothing listens. It stays reserved."""
    with socket.socket() as bound:
        bound.bind((HOST, 0))
        yield bound.getsockname()[1]


def fill(sock: socket.socket) -> int:
    """Send until the kernel accepts no more; return the number of bytes."""
    taken = 0
    with contextlib.suppress(BlockingIOError):
        while True:
            taken += sock.send(bytes(64 * 1024))
    return taken


def unread(sock: socket.socket) -> bytes:
    """Receive all available data, up to eof."""
    pieces = []
    with contextlib.suppress(BlockingIOError):
        while piece := sock.recv(64 * 1024):
            pieces.append(piece)
    return b"".join(pieces)


def reset(sock: socket.socket) -> None:
    """Close a TCP socket so that its peer gets a reset instead of eof."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


class Recorder:
    """A protocol that records each call. Attributes set its return values."""

    keep_open: bool | None = None
    """The return value of eof_received()."""

    def __init__(self, stage: Stage, name: str = "protocol") -> None:
        self.log = stage.log
        self.name = name
        self.transport: Any = None
        self.received = bytearray()
        self.lost: Any = stage.aio.get_running_loop().create_future()
        """Done when the connection is lost."""

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.log(self.name, "made")

    def data_received(self, data: bytes) -> None:
        self.received += data
        self.log(self.name, "received", data)

    def eof_received(self) -> bool | None:
        self.log(self.name, "eof")
        return self.keep_open

    def pause_writing(self) -> None:
        self.log(self.name, "pause")

    def resume_writing(self) -> None:
        self.log(self.name, "resume")

    def connection_lost(self, error: Exception | None) -> None:
        self.log(self.name, "lost", error and describe(error))
        self.lost.set_result(None)


@contextlib.asynccontextmanager
async def connected(stage: Stage, protocol: Any) -> AsyncIterator[tuple[Any, socket.socket]]:
    """Yield a transport for `protocol`, and the socket at the other end.

    At the end the transport is closed, unless the block has done that.
    """
    with pair() as (ours, peer):
        loop = stage.aio.get_running_loop()
        transport, _ = await loop.create_connection(lambda: protocol, sock=ours)
        try:
            yield transport, peer
        finally:
            if not transport.is_closing():
                transport.abort()
            await stage.aio.sleep(0)
