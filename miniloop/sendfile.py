"""sendfile: send a file over a socket or a transport.

Purpose: `loop.sock_sendfile` and `loop.sendfile`. If possible, the kernel copies the file to the
socket (os.sendfile), and the bytes never enter this process. If not, as with TLS, a thread reads
the file in blocks and the loop sends them.
Invariants: while a file is sent over a socket transport, its write() raises. However the transfer
ends, if anything was sent, then the position of the file is behind the last byte that was sent.
The functions whose first parameter is `loop` are methods of the loop (see unix_events.py). This
file does not depend on what is sent before or after: it waits until the transport's write buffer is
empty. Read streams.py first.
"""

from __future__ import annotations

import os
import socket
from functools import partial
from selectors import EVENT_WRITE

from . import descriptors, sockets, streams, timeouts
from .events import Loop
from .exceptions import SendfileNotAvailableError
from .hints import Any, Awaitable, Callable, Final

#: Bytes that the kernel copies in one call, or a thread reads.
SENDFILE_FALLBACK_READBUFFER_SIZE: Final = 256 * 1024


async def sock_sendfile(loop: Loop, sock: socket.socket, file: Any, offset: int = 0,
                        count: int | None = None, *, fallback: bool = True) -> int:  # fmt: skip
    """Send a file that is open in binary mode; return the number of bytes sent.

    Sends `count` bytes, from position `offset` on; None means to the end of the file. Raises
    SendfileNotAvailableError if os.sendfile cannot be used and `fallback` is false, ValueError or
    TypeError for wrong arguments.
    """
    sockets._check_socket(loop, sock)
    _check_arguments(sock, file, offset, count)
    try:
        return await loop._sock_sendfile_native(sock, file, offset, count)  # type: ignore[no-any-return]
    except SendfileNotAvailableError:
        if not fallback:
            raise
    return await _send_by_reading(loop, partial(loop.sock_sendall, sock), file, offset, count)


async def sendfile(loop: Loop, transport: Any, file: Any, offset: int = 0,
                   count: int | None = None, *, fallback: bool = True) -> int:  # fmt: skip
    """Send a file over a transport, after the data in its write buffer; see sock_sendfile.

    Raises RuntimeError if the transport is closing, is not a stream, or sends a file already, or if
    it cannot use os.sendfile and `fallback` is false. Raises ConnectionError if the connection is
    lost before the end of the file.
    """
    if transport.is_closing():
        raise RuntimeError("Transport is closing")
    if not getattr(transport, "_start_tls_compatible", False):  # not a stream in both directions
        raise RuntimeError(f"sendfile is not supported for transport {transport!r}")
    if isinstance(transport.get_protocol(), _SendfileProtocol):
        raise RuntimeError("unable to sendfile; sendfile is in progress")
    native = isinstance(transport, descriptors._SelectorSocketTransport)
    if not (native or fallback):
        what = "fallback is disabled and native sendfile is not supported"
        raise RuntimeError(f"{what} for transport {transport!r}")
    stand_in = _SendfileProtocol(loop, transport)
    try:
        if native:
            return await stand_in.send_over_socket(file, offset, count, fallback=fallback)
        return await _send_by_reading(loop, stand_in.write, file, offset, count)
    finally:
        stand_in.restore_protocol()


async def _no_sendfile(loop: Loop, sock: Any, file: Any, offset: int, count: Any) -> int:
    """Raise SendfileNotAvailableError: the `_sock_sendfile_native` of loops without os.sendfile."""
    raise SendfileNotAvailableError(f"syscall sendfile is not available for {sock!r}, {file!r}")


async def _sock_sendfile_native(loop: Loop, sock: Any, file: Any, offset: int, count: Any) -> int:
    """Send a file with os.sendfile; raise SendfileNotAvailableError if that is impossible."""

    async def send_block(position: int, size: int) -> int:
        call = (os.sendfile, sock.fileno(), source, position, size)
        try:
            return await sockets._when_ready(loop, EVENT_WRITE, sock, *call)
        except OSError as exc:
            # At the first block, the kernel may not support this kind of file, and the fallback can
            # take over. Later, an error is an error: something was sent already.
            if position == offset:
                raise SendfileNotAvailableError("os.sendfile call failed") from exc
            raise

    try:
        source = file.fileno()
    except (AttributeError, OSError) as exc:  # such as an io.BytesIO
        raise SendfileNotAvailableError("not a regular file") from exc
    return await _send_blocks(send_block, file, offset, count)


async def _send_by_reading(loop: Loop, send: Callable[[bytes], Awaitable[None]], file: Any,
                           offset: int, count: int | None) -> int:  # fmt: skip
    """Send a file: read each block in a thread, and await `send(block)`."""

    async def send_block(position: int, size: int) -> int:
        data: bytes = await loop.run_in_executor(None, file.read, size)
        if data:
            await send(data)
        return len(data)

    return await _send_blocks(send_block, file, offset, count)


async def _send_blocks(send_block: Callable[[int, int], Awaitable[int]], file: Any, offset: int,
                       count: int | None) -> int:  # fmt: skip
    """Send `count` bytes with `send_block(position, size)`, which returns how many it has sent."""
    sent, size = 0, SENDFILE_FALLBACK_READBUFFER_SIZE
    if hasattr(file, "seek"):
        file.seek(offset)  # also to 0: the file may have been read before (gh-150107)
    try:
        while not count or sent < count:
            size = min(size, count - sent) if count else size
            if not (block := await send_block(offset + sent, size)):
                break  # the end of the file
            sent += block
        return sent
    finally:
        # os.sendfile does not move the position, and a read may have moved it too far. It tells the
        # caller how much was sent, even if an exception ends the transfer.
        if sent and hasattr(file, "seek"):
            file.seek(offset + sent)


def _check_arguments(sock: socket.socket, file: Any, offset: Any, count: Any) -> None:
    """Raise ValueError or TypeError if the arguments of sock_sendfile() are wrong."""
    if "b" not in getattr(file, "mode", "b"):
        raise ValueError("file should be opened in binary mode")
    if sock.type != socket.SOCK_STREAM:
        raise ValueError("only SOCK_STREAM type sockets are supported")
    for name, value, least, kind in (("count", 1 if count is None else count, 1, "positive"),
                                     ("offset", offset, 0, "non-negative")):  # fmt: skip
        if not isinstance(value, int) or value < least:
            error = ValueError if isinstance(value, int) else TypeError
            raise error(f"{name} must be a {kind} integer (got {value!r})")


class _SendfileProtocol(streams.FlowControlMixin):
    """The protocol of a transport while a file is sent over it, in place of the program's own.

    The constructor pauses reading, and takes the program's protocol out: the file must not cause
    calls of its pause_writing() and resume_writing(). `restore_protocol` undoes both.
    """

    _timeout: Any = None  # of send_over_socket(); None: the socket is not used directly

    def __init__(self, loop: Any, transport: Any) -> None:
        super().__init__(loop)
        self._transport = transport
        self._protocol = transport.get_protocol()  # the program's
        self._was_reading = transport.is_reading()
        self._paused = self._was_paused = transport._protocol_paused
        self._low_water, self._high_water = transport.get_write_buffer_limits()
        transport.pause_reading()
        transport.set_protocol(self)
        transport.set_write_buffer_limits(0)  # writing resumes only when the buffer is empty

    def restore_protocol(self) -> None:
        """Give the transport its protocol and its limits back, and resume reading."""
        transport, protocol = self._transport, self._protocol
        transport.set_write_buffer_limits(self._high_water, self._low_water)
        if transport.get_protocol() is self:  # otherwise the connection is lost
            transport.set_protocol(protocol)
            if transport._protocol_paused != self._was_paused:  # the change was not reported to it
                (protocol.resume_writing if self._was_paused else protocol.pause_writing)()
        if self._was_reading:
            transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self._timeout is not None:
            self._timeout.reschedule(0)
        self._protocol.connection_lost(exc)

    async def _drain(self) -> None:
        """Wait until the write buffer is empty; raise ConnectionError if the connection is lost."""
        await self._drain_helper()
        if self._transport.is_closing():
            raise ConnectionError("Connection closed by peer")

    async def write(self, data: bytes) -> None:
        """Wait until the write buffer is empty, then write."""
        await self._drain()
        self._transport.write(data)

    async def send_over_socket(self, *what: Any, fallback: bool) -> int:
        """Wait until the write buffer is empty; then call sock_sendfile() with the same arguments.

        It watches the socket itself, and would not learn that the transport has lost the
        connection. Therefore connection_lost() lets a timeout expire, which cancels it.
        """
        transport, transports = self._transport, self._loop._transports
        transport._sending_file = True  # write() raises: its data would end up inside the file
        try:
            async with timeouts.timeout(None) as self._timeout:
                await self._drain()
                # A socket that has a transport would be refused, so the transport is taken out.
                del transports[transport._fd]
                return await self._loop.sock_sendfile(transport._file, *what, fallback=fallback)  # type: ignore[no-any-return]
        except TimeoutError:
            if not self._timeout.expired():
                raise  # the kernel's own, ETIMEDOUT
            raise ConnectionError("Connection closed by peer") from None
        finally:
            transport._sending_file = False
            if not transport.is_closing():
                transports[transport._fd] = transport
            self._timeout = None  # it refers to the task, whose exception refers to this frame
