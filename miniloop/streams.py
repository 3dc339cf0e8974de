"""Streams: `await reader.readline()` instead of callbacks.

Purpose: StreamReader turns a protocol's data_received() into coroutines that wait for data;
StreamWriter turns pause_writing() into a `drain()` that waits.
Invariants: one coroutine at a time reads from a reader. A fast sender cannot fill the memory: the
reader pauses and resumes its transport.

    reading → paused    more than twice the limit is buffered
    paused  → reading   no more than the limit is left; or a reader needs data that is not there

This file does not depend on sockets, only on transports and protocols. Read connections.py first.
"""

from __future__ import annotations

import warnings
import weakref

from . import coroutines, tasks
from .events import Loop, _report, get_event_loop, get_running_loop
from .exceptions import IncompleteReadError, LimitOverrunError
from .futures import Future
from .hints import Any, Awaitable, Callable, Final, Iterable, TypeAlias
from .protocols import Protocol
from .transports import Buffer

__all__ = ("StreamReader", "StreamReaderProtocol", "StreamWriter", "open_connection",
           "open_unix_connection", "start_server", "start_unix_server")  # fmt: skip

#: Bytes: the longest line that a reader accepts. It buffers at most about twice that.
DEFAULT_LIMIT: Final = 2**16


async def open_connection(host: str | None = None, port: str | int | None = None, *,
                          limit: int = DEFAULT_LIMIT, **kwds: Any) -> Streams:  # fmt: skip
    """Connect and return a reader and a writer; `kwds` are those of `loop.create_connection`."""
    return await _open(limit, get_running_loop().create_connection, host, port, **kwds)


async def open_unix_connection(path: Any = None, *, limit: int = DEFAULT_LIMIT,
                               **kwds: Any) -> Streams:  # fmt: skip
    """Connect to a Unix socket; `kwds` are those of `loop.create_unix_connection`."""
    return await _open(limit, get_running_loop().create_unix_connection, path, **kwds)


async def _open(limit: int, connect: Callable[..., Any], *address: Any, **kwds: Any) -> Streams:
    loop = get_running_loop()
    reader = StreamReader(limit, loop)
    protocol = StreamReaderProtocol(reader, loop=loop)
    transport, _ = await connect(lambda: protocol, *address, **kwds)
    return reader, StreamWriter(transport, protocol, reader, loop)


async def start_server(client_connected_cb: ClientConnected, host: Any = None,
                       port: str | int | None = None, *, limit: int = DEFAULT_LIMIT,
                       **kwds: Any) -> Any:  # fmt: skip
    """Listen; call `client_connected_cb(reader, writer)` for each connection; return the Server.

    If the callback is a coroutine function, each call runs as a task. `kwds` are those of
    `loop.create_server`.
    """
    loop = get_running_loop()
    return await loop.create_server(_factory(client_connected_cb, limit, loop), host, port, **kwds)


async def start_unix_server(client_connected_cb: ClientConnected, path: Any = None, *,
                            limit: int = DEFAULT_LIMIT, **kwds: Any) -> Any:  # fmt: skip
    """Listen on a Unix socket; see start_server. `kwds` are those of `loop.create_unix_server`."""
    loop = get_running_loop()
    return await loop.create_unix_server(_factory(client_connected_cb, limit, loop), path, **kwds)


def _factory(connected: ClientConnected, limit: int, loop: Loop) -> Callable[[], Protocol]:
    return lambda: StreamReaderProtocol(StreamReader(limit, loop), connected, loop)


def _end_reader(reader: StreamReader | None, exc: Exception | None) -> None:
    """End the stream of `reader`, if there is one: with `exc`, or with an end of file."""
    if reader is not None:
        if exc is None:
            reader.feed_eof()
        else:
            reader.set_exception(exc)


def _complete_waiters(exc: BaseException | None, *waiters: Future[None]) -> None:
    """Complete futures: with None, or with `exc`. Those that were cancelled stay as they are."""
    for waiter in waiters:
        if not waiter.done():
            if exc is None:
                waiter.set_result(None)
            else:
                waiter.set_exception(exc)


class FlowControlMixin(Protocol):
    """The part of a protocol that lets a writer wait: for room in the buffer, or for the end."""

    def __init__(self, loop: Loop | None = None) -> None:
        self._loop: Loop = get_event_loop() if loop is None else loop
        self._paused = False  # pause_writing() was called, and resume_writing() was not
        self._connection_lost = False  # connection_lost() was called
        self._drain_waiters: list[Future[None]] = []  # one for each coroutine that drain() blocks
        self._closed: Future[None] = self._loop.create_future()  # wait_closed() awaits it

    def pause_writing(self) -> None:
        """Make drain() wait."""
        assert not self._paused
        self._paused = True

    def resume_writing(self) -> None:
        """Wake every coroutine that waits in drain() (gh-74116)."""
        assert self._paused
        self._paused = False
        _complete_waiters(None, *self._drain_waiters)

    def connection_lost(self, exc: Exception | None) -> None:
        """Wake drain() and wait_closed(); raise `exc` there if it is not None."""
        self._connection_lost = True
        _complete_waiters(exc, *self._drain_waiters, self._closed)
        if not self._closed.cancelled():
            # Mark it as retrieved: a program need not call wait_closed(), so do not report it.
            self._closed.exception()

    async def _drain_helper(self) -> None:
        if self._connection_lost:
            raise ConnectionResetError("Connection lost")
        if self._paused:
            waiter = self._loop.create_future()
            self._drain_waiters.append(waiter)
            try:
                await waiter
            finally:
                self._drain_waiters.remove(waiter)

    def _get_close_waiter(self, stream: StreamWriter) -> Future[None]:
        return self._closed


class StreamReaderProtocol(FlowControlMixin):
    """The protocol behind a reader and a writer: it feeds the reader, and ends both."""

    def __init__(self, stream_reader: StreamReader | None,
                 client_connected_cb: ClientConnected | None = None,
                 loop: Loop | None = None) -> None:  # fmt: skip
        super().__init__(loop)
        # A weak reference, so that a reader is freed when the program drops it. On a server, a
        # strong one keeps it until connection_made() passes it to the callback.
        self._reader_ref = None if stream_reader is None else weakref.ref(stream_reader)
        self._strong_reader = stream_reader if client_connected_cb is not None else None
        self._client_connected_cb = client_connected_cb
        self._transport: Any = None
        self._task: tasks.Task[None] | None = None  # it runs the callback, if that is a coroutine

    @property
    def _stream_reader(self) -> Any:
        return None if self._reader_ref is None else self._reader_ref()

    def connection_made(self, transport: Any) -> None:
        """Connect the reader to the transport; on a server, call the client callback."""
        self._transport = transport
        if (reader := self._stream_reader) is not None:
            reader.set_transport(transport)
        if self._client_connected_cb is not None:
            writer = StreamWriter(transport, self, reader, self._loop)
            running = None
            try:
                running = self._client_connected_cb(reader, writer)
            except Exception as error:
                self._client_callback_failed(error)
            if coroutines.iscoroutine(running):
                self._task = self._loop.create_task(running)
                self._task.add_done_callback(self._client_callback_done)
            self._strong_reader = None

    def _client_callback_done(self, task: Future[None]) -> None:
        if task.cancelled():
            self._transport.close()
        elif (error := task.exception()) is not None:
            self._client_callback_failed(error)

    def _client_callback_failed(self, error: BaseException) -> None:
        """Close the connection, and report the error."""
        message = "Unhandled exception in client_connected_cb"
        _report(self._loop, message, exception=error, transport=self._transport)
        self._transport.close()

    def data_received(self, data: bytes) -> None:
        """Feed the reader."""
        if (reader := self._stream_reader) is not None:
            reader.feed_data(data)

    def eof_received(self) -> bool:
        """End the reader's stream; keep the connection open for writing, unless it is TLS."""
        if (reader := self._stream_reader) is not None:
            reader.feed_eof()
        transport = self._transport  # None if a program calls this without a connection
        return transport is None or transport.get_extra_info("sslcontext") is None

    def connection_lost(self, exc: Exception | None) -> None:
        """Wake reads, drain() and wait_closed(); raise `exc` there if it is not None."""
        _end_reader(self._stream_reader, exc)
        _complete_waiters(exc, self._closed)  # before those in drain(): asyncio's order
        super().connection_lost(exc)
        self._reader_ref = self._task = None


class StreamWriter:
    """The writing end of a connection."""

    def __init__(self, transport: Any, protocol: FlowControlMixin, reader: StreamReader | None,
                 loop: Loop) -> None:  # fmt: skip
        self._transport = transport
        self._protocol = protocol
        self._reader = reader  # drain() raises its exception
        self._loop = loop

    @property
    def transport(self) -> Any:
        """The transport."""
        return self._transport

    def write(self, data: Buffer) -> None:
        """Send `data`, or buffer it.

        Follow it by `await writer.drain()`; otherwise the buffer may grow without bound.
        """
        self._transport.write(data)

    def writelines(self, data: Iterable[Buffer]) -> None:
        """Send the pieces one after the other; see write."""
        self._transport.writelines(data)

    def write_eof(self) -> None:
        """Send the buffer, then an end of file; reading goes on."""
        self._transport.write_eof()

    def can_write_eof(self) -> bool:
        """Return True if the transport supports write_eof(); TLS does not."""
        return self._transport.can_write_eof()  # type: ignore[no-any-return]

    def close(self) -> None:
        """Send the buffer, then close; follow it by `await writer.wait_closed()`."""
        self._transport.close()

    def is_closing(self) -> bool:
        """Return True if the connection is closing or lost."""
        return self._transport.is_closing()  # type: ignore[no-any-return]

    async def wait_closed(self) -> None:
        """Wait until the connection is closed; raise the exception that ended it, if any."""
        await self._protocol._get_close_waiter(self)

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Return the transport's fact called `name`, or `default`."""
        return self._transport.get_extra_info(name, default)

    async def drain(self) -> None:
        """Wait for the transport's buffer to drain, if it has grown above its high-water mark.

        The wait ends when the buffer has shrunk to the low-water mark. Once the connection is lost,
        this raises the exception that ended it, or ConnectionResetError.
        """
        if self._reader is not None and (error := self._reader.exception()) is not None:
            raise error
        if self._transport.is_closing():
            # connection_lost() may be in the ready queue. If drain() never suspended, this would
            # loop forever after the connection is lost:
            #     while True:
            #         writer.write(data)
            #         await writer.drain()
            await tasks.sleep(0)
        await self._protocol._drain_helper()

    async def start_tls(self, sslcontext: Any, *, server_hostname: str | None = None,
                        ssl_handshake_timeout: float | None = None,
                        ssl_shutdown_timeout: float | None = None) -> None:  # fmt: skip
        """Switch the connection to TLS: `sslcontext` is an ssl.SSLContext; see loop.start_tls."""
        await self.drain()
        protocol: Any = self._protocol
        self._transport = protocol._transport = await self._loop.start_tls(
            self._transport, protocol, sslcontext, server_hostname=server_hostname,
            ssl_handshake_timeout=ssl_handshake_timeout, ssl_shutdown_timeout=ssl_shutdown_timeout,
            server_side=protocol._client_connected_cb is not None)  # fmt: skip

    def __del__(self) -> None:
        if self._transport.is_closing():
            return
        if self._loop.is_closed():
            warnings.warn("loop is closed", ResourceWarning, stacklevel=1)
        else:
            self.close()
            warnings.warn(f"unclosed {self!r}", ResourceWarning, stacklevel=1)

    def __repr__(self) -> str:
        reader = "" if self._reader is None else f" reader={self._reader!r}"
        return f"<{type(self).__name__} transport={self._transport!r}{reader}>"


class StreamReader:
    """The reading end of a connection; `async for line in reader` works, too.

    `limit`, in bytes, is the longest line; the reader pauses the sender at twice that.
    """

    def __init__(self, limit: int = DEFAULT_LIMIT, loop: Loop | None = None) -> None:
        if limit <= 0:
            raise ValueError("Limit cannot be <= 0")
        self._limit = limit
        self._loop: Loop = get_event_loop() if loop is None else loop
        self._buffer = bytearray()
        self._eof = False  # feed_eof() was called
        self._exception: BaseException | None = None  # set_exception() was called with it
        self._waiter: Future[None] | None = None  # the coroutine that waits for data awaits it
        self._transport: Any = None  # None also if it cannot be paused
        self._transport_paused = False  # the reader has called pause_reading()

    # -- for the protocol --------------------------------------------------------------------------

    def set_transport(self, transport: Any) -> None:
        """Set the transport, which the reader pauses and resumes."""
        assert self._transport is None, "Transport already set"
        self._transport = transport

    def feed_data(self, data: Buffer) -> None:
        """Buffer `data`; pause the transport if more than twice the limit is buffered."""
        assert not self._eof, "feed_data after feed_eof"
        if not data:
            return
        self._buffer.extend(data)
        self._wake_waiter()
        too_much = len(self._buffer) > 2 * self._limit
        if too_much and not self._transport_paused and self._transport is not None:
            try:
                self._transport.pause_reading()
                self._transport_paused = True
            except (AttributeError, NotImplementedError):
                self._transport = None  # it cannot be paused: do not try again

    def feed_eof(self) -> None:
        """End the stream after what is buffered."""
        self._eof = True
        self._wake_waiter()

    def exception(self) -> BaseException | None:
        """Return the exception that ended the stream, or None."""
        return self._exception

    def set_exception(self, exc: BaseException) -> None:
        """End the stream: every read, now or later, raises `exc`."""
        self._exception = exc
        self._wake_waiter(exc)

    def _wake_waiter(self, exc: BaseException | None = None) -> None:
        if self._waiter is not None:
            _complete_waiters(exc, self._waiter)
            self._waiter = None

    # -- for the program ---------------------------------------------------------------------------

    def at_eof(self) -> bool:
        """Return True if the stream has ended and the buffer is empty."""
        return self._eof and not self._buffer

    async def read(self, n: int = -1) -> bytes:
        """Return up to `n` bytes as soon as any have arrived, or b"" at the end of the stream.

        If `n` is -1, wait for the end and return everything.
        """
        if self._exception is not None:
            raise self._exception
        if n < 0:
            # Piece by piece. To wait for the end and then take the buffer would hang: a full buffer
            # pauses the sender, and the end never arrives.
            pieces = []
            while piece := await self.read(self._limit):
                pieces.append(piece)
            return b"".join(pieces)
        if n > 0 and not self._buffer and not self._eof:
            await self._wait_for_data("read")
        return self._take(n)

    async def readexactly(self, n: int) -> bytes:
        """Return exactly `n` bytes; raise IncompleteReadError if the stream ends first."""
        if n < 0:
            raise ValueError("readexactly size can not be less than zero")
        if self._exception is not None:
            raise self._exception
        while len(self._buffer) < n:
            if self._eof:
                raise IncompleteReadError(self._take(n, resume=False), n)
            await self._wait_for_data("readexactly")
        return self._take(n)

    async def readline(self) -> bytes:
        r"""Return the next line including its b"\n".

        At the end of the stream, return the rest, which has no b"\n", and then b"". Raises
        ValueError if the line is longer than the limit, and drops the line. If its b"\n" has not
        arrived yet, only what has arrived is dropped, and the tail is returned as the next line.
        """
        at = self._buffer.find(b"\n")
        if 0 <= at <= self._limit and self._exception is None:
            # The whole line is here. Without this, a program that reads many short lines takes 1.7
            # to 1.8 times as long.
            return self._take(at + 1)
        try:
            return await self.readuntil(b"\n")
        except IncompleteReadError as exc:
            return exc.partial
        except LimitOverrunError as exc:
            # `consumed` counts the bytes before the b"\n". If none has arrived, that is the whole
            # buffer, and _take() stops at its end.
            self._take(exc.consumed + 1)
            raise ValueError(exc.args[0]) from exc

    async def readuntil(self, separator: Buffer | tuple[Buffer, ...] = b"\n") -> bytes:
        """Return the bytes up to and including `separator`; of a tuple, the one that ends first.

        Raises IncompleteReadError, with the rest of the stream, if it ends first. Raises
        LimitOverrunError if more than the limit comes before the separator, and leaves the buffer
        as it is.
        """
        separators = sorted(separator, key=len) if isinstance(separator, tuple) else [separator]
        if not separators:
            raise ValueError("Separator should contain at least one element")
        if len(separators[0]) == 0:
            raise ValueError("Separator should be at least one-byte string")
        if self._exception is not None:
            raise self._exception
        searched = 0  # no separator starts before this offset
        while True:
            # False if too few new bytes have arrived, or if another coroutine has read some.
            if len(self._buffer) - searched >= len(separators[0]):
                if (found := self._find_first(separators, searched)) is not None:
                    break
                # The buffer may end in the middle of a separator: keep all but one byte of it.
                searched = max(0, len(self._buffer) + 1 - len(separators[-1]))
                if searched > self._limit:
                    message = "Separator is not found, and chunk exceed the limit"
                    raise LimitOverrunError(message, searched)
            if self._eof:
                raise IncompleteReadError(self._take(len(self._buffer), resume=False), None)
            await self._wait_for_data("readuntil")
        start, end = found
        if start > self._limit:
            raise LimitOverrunError("Separator is found, but chunk is longer than limit", start)
        return self._take(end)

    def _find_first(self, separators: list[Buffer], start: int) -> tuple[int, int] | None:
        """Return start and end of the separator that ends first; the shorter of two at one end."""
        found = None
        for separator in separators:  # sorted, the shortest first
            at = self._buffer.find(separator, start)
            end = at + len(separator)
            if at != -1 and (found is None or end < found[1]):
                found = at, end
        return found

    async def _wait_for_data(self, reader_name: str) -> None:
        if self._waiter is not None:
            what = "called while another coroutine is already waiting for incoming data"
            raise RuntimeError(f"{reader_name}() {what}")
        if self._transport_paused:
            # `await reader.readexactly(10 * limit)` needs more than the buffer may hold. Without
            # this, the reader would wait for the sender and the sender for the reader.
            self._transport_paused = False
            self._transport.resume_reading()
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _take(self, n: int, *, resume: bool = True) -> bytes:
        """Remove up to `n` bytes from the buffer and return them; resume the transport if due."""
        # A memoryview would save one copy, but for a short line the view costs more than the copy.
        data = bytes(self._buffer[:n])
        del self._buffer[:n]
        if self._transport_paused and n and resume and len(self._buffer) <= self._limit:
            self._transport_paused = False
            self._transport.resume_reading()
        return data

    def __aiter__(self) -> StreamReader:
        return self

    async def __anext__(self) -> bytes:
        if line := await self.readline():
            return line
        raise StopAsyncIteration

    def __repr__(self) -> str:
        waiter, exception, transport = self._waiter, self._exception, self._transport
        facts = ((f"{len(self._buffer)} bytes", self._buffer), ("eof", self._eof),
                 (f"limit={self._limit}", self._limit != DEFAULT_LIMIT), (f"{waiter=}", waiter),
                 (f"{exception=}", exception), (f"{transport=}", transport),
                 ("paused", self._transport_paused))  # fmt: skip
        return f"<{' '.join([type(self).__name__, *(text for text, true in facts if true)])}>"


ClientConnected: TypeAlias = Callable[[StreamReader, StreamWriter], Awaitable[None] | None]
Streams: TypeAlias = tuple[StreamReader, StreamWriter]
