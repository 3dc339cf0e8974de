"""Streams: `await reader.readline()` instead of callbacks.

Purpose: StreamReader turns a protocol's data_received into coroutines that wait for data;
StreamWriter turns pause_writing into a `drain()` that waits.
Rules: one coroutine reads at a time. The reader stops the transport when it holds more than twice
its limit, so that a fast sender cannot fill the memory, and lets it go on when it holds less than
the limit.
This file does not know sockets, only transports and protocols. Read connections.py first.
"""

from __future__ import annotations

import warnings
import weakref

from . import events
from .coroutines import iscoroutine
from .events import Loop
from .exceptions import IncompleteReadError, LimitOverrunError
from .futures import Future
from .hints import Any, Awaitable, Callable, Final, Iterable, TypeAlias
from .protocols import Protocol
from .tasks import Task, sleep
from .transports import Buffer

__all__ = ("StreamReader", "StreamReaderProtocol", "StreamWriter", "open_connection",
           "open_unix_connection", "start_server", "start_unix_server")  # fmt: skip

#: Bytes: how long a line may be, and half of how much a reader buffers.
DEFAULT_LIMIT: Final = 2**16

ClientConnected: TypeAlias = "Callable[[StreamReader, StreamWriter], Awaitable[None] | None]"
Streams: TypeAlias = "tuple[StreamReader, StreamWriter]"


async def open_connection(host: str | None = None, port: str | int | None = None, *,
                          limit: int = DEFAULT_LIMIT, **kwds: Any) -> Streams:  # fmt: skip
    """Connect and return a reader and a writer; `kwds` are those of `loop.create_connection`."""
    return await _open(limit, events.get_running_loop().create_connection, host, port, **kwds)


async def open_unix_connection(path: Any = None, *, limit: int = DEFAULT_LIMIT,
                               **kwds: Any) -> Streams:  # fmt: skip
    """As open_connection, over a Unix socket; `kwds` are `loop.create_unix_connection`'s."""
    return await _open(limit, events.get_running_loop().create_unix_connection, path, **kwds)


async def _open(limit: int, connect: Callable[..., Any], *address: Any, **kwds: Any) -> Streams:
    loop = events.get_running_loop()
    reader = StreamReader(limit, loop)
    protocol = StreamReaderProtocol(reader, loop=loop)
    transport, _ = await connect(lambda: protocol, *address, **kwds)
    return reader, StreamWriter(transport, protocol, reader, loop)


async def start_server(client_connected_cb: ClientConnected, host: Any = None,
                       port: str | int | None = None, *, limit: int = DEFAULT_LIMIT,
                       **kwds: Any) -> Any:  # fmt: skip
    """Listen, call `client_connected_cb(reader, writer)` for each connection; return the Server.

    A coroutine function is run as a task. `kwds` are those of `loop.create_server`.
    """
    loop = events.get_running_loop()
    return await loop.create_server(_factory(client_connected_cb, limit, loop), host, port, **kwds)


async def start_unix_server(client_connected_cb: ClientConnected, path: Any = None, *,
                            limit: int = DEFAULT_LIMIT, **kwds: Any) -> Any:  # fmt: skip
    """As start_server, on a Unix socket; `kwds` are those of `loop.create_unix_server`."""
    loop = events.get_running_loop()
    return await loop.create_unix_server(_factory(client_connected_cb, limit, loop), path, **kwds)


def _factory(connected: ClientConnected, limit: int, loop: Loop) -> Callable[[], Protocol]:
    return lambda: StreamReaderProtocol(StreamReader(limit, loop), connected, loop)


def _wake(exc: BaseException | None, *waiters: Future[None]) -> None:
    """Let waiters go on, or fail with `exc`; some have ended by themselves."""
    for waiter in waiters:
        if not waiter.done():
            if exc is None:
                waiter.set_result(None)
            else:
                waiter.set_exception(exc)


class FlowControlMixin(Protocol):
    """The half of a protocol that lets a writer wait: for room in the buffer, and for the end."""

    def __init__(self, loop: Loop | None = None) -> None:
        self._loop: Loop = events.get_event_loop() if loop is None else loop
        self._paused = False
        self._connection_lost = False
        self._drain_waiters: list[Future[None]] = []
        self._closed: Future[None] = self._loop.create_future()  # what wait_closed() awaits

    def pause_writing(self) -> None:
        """Make drain() wait."""
        assert not self._paused
        self._paused = True

    def resume_writing(self) -> None:
        """Let all go on that wait in drain()."""
        assert self._paused
        self._paused = False
        _wake(None, *self._drain_waiters)

    def connection_lost(self, exc: Exception | None) -> None:
        """Let all go on that wait, with the reason if there is one."""
        self._connection_lost = True
        _wake(exc, *self._drain_waiters, self._closed)
        if not self._closed.cancelled():
            self._closed.exception()  # whoever does not call wait_closed() does not want to know

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
    """The protocol behind a pair of streams: it feeds the reader and knows of the end."""

    def __init__(self, stream_reader: StreamReader | None,
                 client_connected_cb: ClientConnected | None = None,
                 loop: Loop | None = None) -> None:  # fmt: skip
        super().__init__(loop)
        # Weak, so that a reader which the program has dropped goes; a server's reader is not in the
        # program's hands before its callback is called, and until then it is held here.
        self._reader_ref = None if stream_reader is None else weakref.ref(stream_reader)
        self._strong_reader = stream_reader if client_connected_cb is not None else None
        self._client_connected_cb = client_connected_cb
        self._transport: Any = None
        self._task: Task[None] | None = None  # runs the callback, where that is a coroutine

    @property
    def _stream_reader(self) -> Any:
        return None if self._reader_ref is None else self._reader_ref()

    def connection_made(self, transport: Any) -> None:
        """Tie reader and transport together; on a server, call the client callback."""
        self._transport = transport
        if (reader := self._stream_reader) is not None:
            reader.set_transport(transport)
        if self._client_connected_cb is not None:
            writer = StreamWriter(transport, self, reader, self._loop)
            running = self._client_connected_cb(reader, writer)
            if iscoroutine(running):
                self._task = self._loop.create_task(running)
                self._task.add_done_callback(self._client_callback_done)
            self._strong_reader = None

    def _client_callback_done(self, task: Future[None]) -> None:
        """Close the connection of a client callback that has failed; nobody else could."""
        error = None if task.cancelled() else task.exception()
        if error is not None:
            message = "Unhandled exception in client_connected_cb"
            events._report(self._loop, message, None, exception=error, transport=self._transport)
        if error is not None or task.cancelled():
            self._transport.close()

    def data_received(self, data: bytes) -> None:
        """Give the bytes to the reader."""
        if (reader := self._stream_reader) is not None:
            reader.feed_data(data)

    def eof_received(self) -> bool:
        """Tell the reader, and keep the connection open for writing, which TLS cannot."""
        if (reader := self._stream_reader) is not None:
            reader.feed_eof()
        return self._transport.get_extra_info("sslcontext") is None

    def connection_lost(self, exc: Exception | None) -> None:
        """Let all go on that read, drain or wait_closed(), with the reason if there is one."""
        if (reader := self._stream_reader) is not None:
            if exc is None:
                reader.feed_eof()
            else:
                reader.set_exception(exc)
        _wake(exc, self._closed)  # before those in drain(), as asyncio does it
        super().connection_lost(exc)
        self._reader_ref = self._task = None


class StreamWriter:
    """The writing end of a connection."""

    def __init__(self, transport: Any, protocol: FlowControlMixin, reader: StreamReader | None,
                 loop: Loop) -> None:  # fmt: skip
        self._transport = transport
        self._protocol = protocol
        self._reader = reader  # whose exception drain() raises
        self._loop = loop

    @property
    def transport(self) -> Any:
        """The transport underneath."""
        return self._transport

    def write(self, data: Buffer) -> None:
        """Send `data`, or buffer it; follow it by `await drain()`, or the buffer may grow on."""
        self._transport.write(data)

    def writelines(self, data: Iterable[Buffer]) -> None:
        """Send pieces one after the other."""
        self._transport.writelines(data)

    def write_eof(self) -> None:
        """Tell the other side that no more will come."""
        self._transport.write_eof()

    def can_write_eof(self) -> bool:
        """Return True if write_eof() is possible."""
        return self._transport.can_write_eof()  # type: ignore[no-any-return]

    def close(self) -> None:
        """Close the connection when all is sent; follow it by `await wait_closed()`."""
        self._transport.close()

    def is_closing(self) -> bool:
        """Return True once the connection is closed or closing."""
        return self._transport.is_closing()  # type: ignore[no-any-return]

    async def wait_closed(self) -> None:
        """Wait until the connection is closed; raise what ended it if that was an error."""
        await self._protocol._get_close_waiter(self)

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Return what the transport knows as `name`."""
        return self._transport.get_extra_info(name, default)

    async def drain(self) -> None:
        """Wait while the transport's buffer is above its high-water mark.

        Raises ConnectionResetError, or what ended the connection, once that is lost.
        """
        if self._reader is not None and (error := self._reader.exception()) is not None:
            raise error
        if self._transport.is_closing():
            # connection_lost() may be waiting in the ready queue. Without this turn, a loop of
            # write() and drain() would never let it run, and write into nothing forever.
            await sleep(0)
        await self._protocol._drain_helper()

    async def start_tls(self, sslcontext: Any, *, server_hostname: str | None = None,
                        ssl_handshake_timeout: float | None = None,
                        ssl_shutdown_timeout: float | None = None) -> None:  # fmt: skip
        """Go on over TLS, from here on: `sslcontext` is an ssl.SSLContext; see loop.start_tls."""
        await self.drain()
        protocol: Any = self._protocol
        self._transport = protocol._transport = await self._loop.start_tls(
            self._transport, protocol, sslcontext, server_hostname=server_hostname,
            ssl_handshake_timeout=ssl_handshake_timeout, ssl_shutdown_timeout=ssl_shutdown_timeout,
            server_side=protocol._client_connected_cb is not None)  # fmt: skip
        if self._reader is not None:
            self._reader._transport = self._transport

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
    """The reading end of a connection; `async for line in reader` works too."""

    def __init__(self, limit: int = DEFAULT_LIMIT, loop: Loop | None = None) -> None:
        if limit <= 0:
            raise ValueError("Limit cannot be <= 0")
        self._limit = limit
        self._loop: Loop = events.get_event_loop() if loop is None else loop
        self._buffer = bytearray()
        self._eof = False  # no more will come
        self._exception: BaseException | None = None  # why not
        self._waiter: Future[None] | None = None  # of the coroutine that waits for data
        self._transport: Any = None
        self._paused = False  # we have called pause_reading()

    # -- the protocol's side -----------------------------------------------------------------------

    def set_transport(self, transport: Any) -> None:
        """Remember the transport, to pause it."""
        assert self._transport is None, "Transport already set"
        self._transport = transport

    def feed_data(self, data: Buffer) -> None:
        """Take bytes in; pause the transport if there are too many by now."""
        assert not self._eof, "feed_data after feed_eof"
        if not data:
            return
        self._buffer.extend(data)
        if self._waiter is not None:
            self._wake_up()
        if self._transport is not None and not self._paused and len(self._buffer) > 2 * self._limit:
            try:
                self._transport.pause_reading()
                self._paused = True
            except (AttributeError, NotImplementedError):
                self._transport = None  # one that cannot be paused: we have to take it all

    def feed_eof(self) -> None:
        """No more will come."""
        self._eof = True
        self._wake_up()

    def exception(self) -> BaseException | None:
        """Return the exception that ended the stream, None if there is none."""
        return self._exception

    def set_exception(self, exc: BaseException) -> None:
        """End the stream: whoever reads, now or later, gets `exc`."""
        self._exception = exc
        self._wake_up(exc)

    def _wake_up(self, exc: BaseException | None = None) -> None:
        if self._waiter is not None:
            _wake(exc, self._waiter)
            self._waiter = None

    # -- the program's side ------------------------------------------------------------------------

    def at_eof(self) -> bool:
        """Return True if everything has been read and no more will come."""
        return self._eof and not self._buffer

    async def read(self, n: int = -1) -> bytes:
        """Return up to `n` bytes as soon as there are any; -1: the whole stream. b"" is the end."""
        if self._exception is not None:
            raise self._exception
        if n < 0:
            # In pieces: a reader that only waited for the end would pause the sender and hang.
            pieces = []
            while piece := await self.read(self._limit):
                pieces.append(piece)
            return b"".join(pieces)
        if n > 0 and not self._buffer and not self._eof:
            await self._wait_for_data("read")
        return self._take(n)

    async def readexactly(self, n: int) -> bytes:
        """Return exactly `n` bytes; raise IncompleteReadError if the stream ends before."""
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
        r"""Return the next line with its b"\n"; at the end what is left, without one; then b"".

        Raises ValueError if a line is longer than the limit; it is thrown away.
        """
        at = self._buffer.find(b"\n")
        if 0 <= at <= self._limit and self._exception is None:
            return self._take(at + 1)  # it is here already: a third of the time of the long way
        try:
            return await self.readuntil(b"\n")
        except IncompleteReadError as exc:
            return exc.partial
        except LimitOverrunError as exc:
            line_ends = self._buffer.startswith(b"\n", exc.consumed)
            self._take(exc.consumed + 1 if line_ends else len(self._buffer))
            raise ValueError(exc.args[0]) from exc

    async def readuntil(self, separator: Buffer | tuple[Buffer, ...] = b"\n") -> bytes:
        """Return the bytes up to and with `separator`; of several separators the first that ends.

        Raises IncompleteReadError, with what there is, if the stream ends before; LimitOverrunError
        if more than the limit would be returned, and then it is left in the buffer.
        """
        separators = sorted(separator, key=len) if isinstance(separator, tuple) else [separator]
        if not separators:
            raise ValueError("Separator should contain at least one element")
        if len(separators[0]) == 0:
            raise ValueError("Separator should be at least one-byte string")
        if self._exception is not None:
            raise self._exception
        searched = 0  # no separator begins before this place
        while True:
            # Too few bytes may have come, or somebody else may have read some from under us.
            if len(self._buffer) - searched >= len(separators[0]):
                if (found := self._find_first(separators, searched)) is not None:
                    break
                # A separator may have begun: its last byte is missing, or more.
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
        """Where the separator that ends first begins and ends; of two with one end, the shorter."""
        found = None
        for separator in separators:  # the shortest first
            at = self._buffer.find(separator, start)
            end = at + len(separator)
            if at != -1 and (found is None or end < found[1]):
                found = at, end
        return found

    async def _wait_for_data(self, reader_name: str) -> None:
        if self._waiter is not None:
            trouble = "called while another coroutine is already waiting for incoming data"
            raise RuntimeError(f"{reader_name}() {trouble}")
        if self._paused:
            # More is wanted than the limit lets in: readexactly(n) of a large n. Both would wait.
            self._paused = False
            self._transport.resume_reading()
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _take(self, n: int, *, resume: bool = True) -> bytes:
        if n >= len(self._buffer):  # mostly it is all that there is
            data = bytes(self._buffer)
            self._buffer.clear()
        else:
            # A view saves a copy, but making one takes longer than to copy a line.
            data = bytes(self._buffer[:n] if n < 4096 else memoryview(self._buffer)[:n])
            del self._buffer[:n]
        if self._paused and n and resume and len(self._buffer) <= self._limit:
            self._paused = False
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
        facts = (
            (f"{len(self._buffer)} bytes", self._buffer), ("eof", self._eof),
            (f"limit={self._limit}", self._limit != DEFAULT_LIMIT), (f"{waiter=}", waiter),
            (f"{exception=}", exception), (f"{transport=}", transport), ("paused", self._paused),
        )  # fmt: skip
        return f"<{' '.join([type(self).__name__, *(text for text, true in facts if true)])}>"
