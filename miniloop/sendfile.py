"""sendfile: a file goes over a socket or a transport, without a detour through the program.

Purpose: `loop.sock_sendfile` and `loop.sendfile`. The kernel copies the file to the socket where it
can; where it cannot, as with TLS, a thread reads the file and the loop sends what was read.
Rules: over a bare socket nobody else writes while a file is sent. When something was sent, the
file's position tells how much, in whatever way it has ended.
This file does not know what is sent besides: it waits until nothing is. Read streams.py first.
"""

from __future__ import annotations

import os
import socket
from functools import partial
from selectors import EVENT_WRITE

from . import descriptors, streams, timeouts
from .events import Loop
from .exceptions import SendfileNotAvailableError
from .hints import Any, Awaitable, Callable, Final
from .sockets import _check_socket, _when_ready

#: Bytes that a thread reads, or the kernel copies, at a time.
SENDFILE_FALLBACK_READBUFFER_SIZE: Final = 256 * 1024


async def sock_sendfile(loop: Loop, sock: socket.socket, file: Any, offset: int = 0,
                        count: int | None = None, *, fallback: bool = True) -> int:  # fmt: skip
    """Send `count` bytes (None: all) of a binary file, from `offset` on; return how many.

    Raises SendfileNotAvailableError if the kernel cannot do that and `fallback` is false.
    """
    _check_socket(loop, sock)
    _check_arguments(sock, file, offset, count)
    try:
        return await loop._sock_sendfile_native(sock, file, offset, count)  # type: ignore[no-any-return]
    except SendfileNotAvailableError:
        if not fallback:
            raise
    return await _send_by_reading(loop, partial(loop.sock_sendall, sock), file, offset, count)


async def sendfile(loop: Loop, transport: Any, file: Any, offset: int = 0,
                   count: int | None = None, *, fallback: bool = True) -> int:  # fmt: skip
    """Send a file over a transport, after what is buffered; for the rest see sock_sendfile.

    Raises RuntimeError if the transport cannot do that or closes, and ConnectionError if the
    connection is lost on the way.
    """
    if transport.is_closing():
        raise RuntimeError("Transport is closing")
    if not getattr(transport, "_start_tls_compatible", False):  # it is no stream both ways
        raise RuntimeError(f"sendfile is not supported for transport {transport!r}")
    if isinstance(transport.get_protocol(), _Sender):
        raise RuntimeError("unable to sendfile; sendfile is in progress")
    bare = isinstance(transport, descriptors._SelectorSocketTransport)
    if not (bare or fallback):
        what = "fallback is disabled and native sendfile is not supported"
        raise RuntimeError(f"{what} for transport {transport!r}")
    sender = _Sender(loop, transport)
    try:
        if not bare:
            return await _send_by_reading(loop, sender.write, file, offset, count)
        return await sender.by_socket(file, offset, count, fallback=fallback)
    finally:
        sender.leave()


async def _no_sendfile(loop: Loop, sock: Any, file: Any, offset: int, count: Any) -> int:
    """Refuse: `_sock_sendfile_native` of a loop that does not know whether the kernel can do it."""
    raise SendfileNotAvailableError(f"syscall sendfile is not available for {sock!r}, {file!r}")


async def _sock_sendfile_native(loop: Loop, sock: Any, file: Any, offset: int, count: Any) -> int:
    async def send_block(position: int, size: int) -> int:
        call = (os.sendfile, sock.fileno(), source, position, size)
        try:
            return await _when_ready(loop, EVENT_WRITE, sock, *call)
        except OSError as exc:
            if position == offset:
                raise SendfileNotAvailableError("os.sendfile call failed") from exc
            raise

    try:
        source = file.fileno()
    except (AttributeError, OSError) as exc:
        raise SendfileNotAvailableError("not a regular file") from exc
    return await _send_blocks(send_block, file, offset, count)


async def _send_by_reading(loop: Loop, send: Callable[[bytes], Awaitable[None]], file: Any,
                           offset: int, count: int | None) -> int:  # fmt: skip
    async def send_block(position: int, size: int) -> int:
        data: bytes = await loop.run_in_executor(None, file.read, size)
        if data:
            await send(data)
        return len(data)

    if offset:
        file.seek(offset)
    return await _send_blocks(send_block, file, offset, count)


async def _send_blocks(send_block: Callable[[int, int], Awaitable[int]], file: Any, offset: int,
                       count: int | None) -> int:  # fmt: skip
    """Send `count` bytes by `send_block(position, size)`, which returns how many it has sent."""
    sent, size = 0, SENDFILE_FALLBACK_READBUFFER_SIZE
    try:
        while not count or sent < count:
            size = min(size, count - sent) if count else size
            block = await send_block(offset + sent, size)
            if not block:
                break  # the end of the file
            sent += block
        return sent
    finally:
        if sent and hasattr(file, "seek"):
            file.seek(offset + sent)


def _check_arguments(sock: socket.socket, file: Any, offset: Any, count: Any) -> None:
    if "b" not in getattr(file, "mode", "b"):
        raise ValueError("file should be opened in binary mode")
    if sock.type != socket.SOCK_STREAM:
        raise ValueError("only SOCK_STREAM type sockets are supported")
    for name, value, least, kind in (("count", 1 if count is None else count, 1, "positive"),
                                     ("offset", offset, 0, "non-negative")):  # fmt: skip
        if not isinstance(value, int) or value < least:
            error = ValueError if isinstance(value, int) else TypeError
            raise error(f"{name} must be a {kind} integer (got {value!r})")


class _Sender(streams.FlowControlMixin):
    """Stands in for a transport's protocol while a file is sent."""

    _until_lost: Any = None  # the Timeout of by_socket()

    def __init__(self, loop: Any, transport: Any) -> None:
        super().__init__(loop)
        self._transport = transport
        self._protocol = transport.get_protocol()
        self._was_reading = transport.is_reading()
        self._writing_paused = self._was_paused = transport._protocol_paused
        self._low_water, self._high_water = transport.get_write_buffer_limits()
        transport.pause_reading()
        transport.set_protocol(self)
        transport.set_write_buffer_limits(0)  # there is room again when all is sent

    def leave(self) -> None:
        """Put everything back as it was."""
        transport, protocol = self._transport, self._protocol
        transport.set_write_buffer_limits(self._high_water, self._low_water)
        if transport.get_protocol() is self:  # else the connection is lost
            transport.set_protocol(protocol)
            if self._writing_paused != self._was_paused:
                (protocol.pause_writing if self._writing_paused else protocol.resume_writing)()
        if self._was_reading:
            transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self._until_lost is not None:
            self._until_lost.reschedule(0)
        self._protocol.connection_lost(exc)

    async def _drain(self) -> None:
        """Wait until there is room; ConnectionError if there never will be."""
        await self._drain_helper()
        if self._transport.is_closing():
            raise ConnectionError("Connection closed by peer")

    async def write(self, data: bytes) -> None:
        """Write when there is room."""
        await self._drain()
        self._transport.write(data)

    async def by_socket(self, *what: Any, fallback: bool) -> int:
        """Call sock_sendfile() when the buffer is empty; the loss of the connection ends it."""
        transport, transports = self._transport, self._loop._transports
        transport._sending_file = True  # nobody may write from now on, else it might come after us
        try:
            async with timeouts.timeout(None) as self._until_lost:
                await self._drain()
                del transports[transport._fd]  # whose rule is that nobody else may watch the socket
                sock, send = transport._file, self._loop.sock_sendfile
                return await send(sock, *what, fallback=fallback)  # type: ignore[no-any-return]
        except TimeoutError:
            if not self._until_lost.expired():
                raise  # the socket's own
            raise ConnectionError("Connection closed by peer") from None
        finally:
            transport._sending_file = False
            if not transport.is_closing():
                transports[transport._fd] = transport
