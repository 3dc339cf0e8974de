"""Pipes: connect_read_pipe and connect_write_pipe.

Purpose: transports for one end of a pipe, a character device or a socket that is used in one
direction: the streams of this process or of a child.
Rules: the transport owns the file that it is given, and closes it.
This file does not know child processes: that is subprocess.py. Read descriptors.py and
connections.py first.
"""

from __future__ import annotations

import os
import stat
from functools import partial

from .connections import ProtocolFactory
from .descriptors import _DescriptorTransport, _ReadHalf, _WriteHalf
from .events import Loop
from .format_helpers import logger
from .futures import Future
from .hints import Any
from .protocols import BaseProtocol
from .signals import SignalsEventLoop
from .transports import _closing_on_error

__all__ = ()


class _PipeTransport(_DescriptorTransport):
    """What the two ends of a pipe have in common."""

    _kind = "pipe"

    def __init__(
        self, loop: Loop, pipe: Any, protocol: BaseProtocol, waiter: Future[None] | None = None
    ) -> None:
        mode = os.fstat(pipe.fileno()).st_mode
        if not (stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) or stat.S_ISCHR(mode)):
            # The kernel always finds a regular file ready, and epoll refuses it.
            raise ValueError("Pipe transport is only for pipes, sockets and character devices")
        self._shows_hang_up = not stat.S_ISCHR(mode)  # a terminal does not tell its writer
        os.set_blocking(pipe.fileno(), False)
        fd = pipe.fileno()
        self._os_read, self._os_read_into = partial(os.read, fd), lambda into: os.readv(fd, [into])
        self._os_write, self._os_write_pieces = partial(os.write, fd), partial(os.writev, fd)
        super().__init__(loop, pipe, protocol, waiter, {"pipe": pipe})


class _UnixReadPipeTransport(_ReadHalf, _PipeTransport):
    """The end of a pipe that is read."""

    def _on_eof(self) -> None:
        super()._on_eof()
        self.close()  # a pipe has no other direction to be kept open for


class _UnixWritePipeTransport(_WriteHalf, _PipeTransport):
    """The end of a pipe that is written."""

    def _start_reading(self) -> None:
        if self._shows_hang_up:
            super()._start_reading()

    def _read_ready(self) -> None:
        """There is nothing to read but the news that nobody will read what we write."""
        if self._loop.get_debug():
            logger.info("%r was closed by peer", self)
        self._force_close(BrokenPipeError() if self._buffer else None)

    def close(self) -> None:
        super().close()
        self._eof = True  # nothing is added to what drains

    def _refuse(self, call: str, data: object) -> None:
        if data:
            self._drop_write()

    def write_eof(self) -> None:
        self.close()

    def can_write_eof(self) -> bool:
        return True


class PipesEventLoop(SignalsEventLoop):
    """The loop's chapter on pipes."""

    async def connect_read_pipe(
        self, protocol_factory: ProtocolFactory, pipe: Any
    ) -> tuple[Any, Any]:
        """Read from `pipe`, a file object, which the transport closes; return it and the protocol.

        Raises ValueError if it is neither a pipe nor a socket nor a character device.
        """
        return await self._connect_pipe(_UnixReadPipeTransport, protocol_factory, pipe)

    async def connect_write_pipe(
        self, protocol_factory: ProtocolFactory, pipe: Any
    ) -> tuple[Any, Any]:
        """Write to `pipe`; for the rest see connect_read_pipe."""
        return await self._connect_pipe(_UnixWritePipeTransport, protocol_factory, pipe)

    async def _connect_pipe(
        self, kind: type[_PipeTransport], factory: ProtocolFactory, pipe: Any
    ) -> tuple[Any, Any]:
        protocol = factory()
        waiter = self.create_future()
        transport = kind(self, pipe, protocol, waiter)
        with _closing_on_error(transport):
            await waiter
        if self._debug:
            logger.debug("Pipe %r connected: %r", pipe, (transport, protocol))
        return transport, protocol
