"""Transports: a socket on one side, a protocol's callbacks on the other, and a buffer between.

Purpose: to read whenever there is something to read, to write as much as the kernel takes and keep
the rest, and to tell the protocol when to stop writing (flow control).
Rules: what a protocol raises never ends the loop. From data_received, get_buffer, buffer_updated
and eof_received it ends the connection; from its other methods it is only reported. The life of a
transport: open → closing (close() was called, or the other side has ended; the buffer still drains)
→ lost (connection_lost is called; nothing more happens). abort() leaves the draining out.
This file does not know how connections come about: that is connections.py. Read protocols.py first.
"""

from __future__ import annotations

import itertools
import os
import selectors
import socket
import warnings
from collections import deque
from collections.abc import Iterable
from typing import Any, Final, TypeAlias

from .events import Loop
from .format_helpers import logger
from .futures import Future, _set_result_unless_cancelled
from .protocols import BaseProtocol, BufferedProtocol

__all__ = ("BaseTransport", "ReadTransport", "Transport", "WriteTransport")

Buffer: TypeAlias = "bytes | bytearray | memoryview"
_BYTES_LIKE: tuple[type, ...] = (bytes, bytearray, memoryview)

#: Writes into a lost connection are dropped; from this many on, each is logged.
LOG_THRESHOLD_FOR_CONNLOST_WRITES: Final = 5

#: Into how many pieces one sendmsg() may be split.
_MAX_PIECES: Final = os.sysconf("SC_IOV_MAX") if "SC_IOV_MAX" in os.sysconf_names else 16


class BaseTransport:
    """The base of all transports."""

    __slots__ = ("_extra",)

    def __init__(self, extra: dict[str, Any] | None = None) -> None:
        self._extra = {} if extra is None else extra

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Return what is known as `name`: 'socket', 'sockname', 'peername'…; else `default`."""
        return self._extra.get(name, default)


class ReadTransport(BaseTransport):
    """The base of transports that can be read from."""

    __slots__ = ()


class WriteTransport(BaseTransport):
    """The base of transports that can be written to."""

    __slots__ = ()


class Transport(ReadTransport, WriteTransport):
    """The base of transports in both directions: see _SelectorSocketTransport."""

    __slots__ = ()


class TransportSocket:
    """The socket of a transport, for looking at it and setting options; I/O is the transport's."""

    __slots__ = ("_sock",)

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    def __getattr__(self, name: str) -> Any:
        if name in _SAFE_SOCKET_ATTRIBUTES:
            return getattr(self._sock, name)
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def settimeout(self, value: float | None) -> None:
        """Allow what is so already: the socket does not block. Else raise ValueError."""
        if value != 0:
            raise ValueError("settimeout(): only 0 timeout is allowed on transport sockets")

    def gettimeout(self) -> float:
        """Return 0: the socket does not block."""
        return 0

    def setblocking(self, flag: bool) -> None:
        """Allow what is so already: the socket does not block. Else raise ValueError."""
        if flag:
            raise ValueError("setblocking(): transport sockets cannot be blocking")

    def __getstate__(self) -> None:
        raise TypeError("Cannot serialize a TransportSocket object")

    def __repr__(self) -> str:
        return repr(self._sock).replace("<socket.socket", f"<{__package__}.TransportSocket")


_SAFE_SOCKET_ATTRIBUTES: Final = frozenset(
    (
        *("family", "type", "proto", "fileno", "dup", "get_inheritable", "shutdown"),
        *("getsockopt", "setsockopt", "getpeername", "getsockname", "getsockbyname"),
    )
)


class _FlowControlMixin(Transport):
    """Tells the protocol to pause writing above the high-water mark; below the low one to go on."""

    _loop: Loop
    _protocol: Any

    def __init__(self, extra: dict[str, Any] | None, loop: Loop) -> None:
        super().__init__(extra)
        self._loop = loop
        self._protocol_paused = False
        self._set_water_marks(None, None)

    def get_write_buffer_size(self) -> int:
        """Return how many bytes wait to be written."""
        raise NotImplementedError

    def get_write_buffer_limits(self) -> tuple[int, int]:
        """Return the low-water and the high-water mark, in bytes."""
        return self._low_water, self._high_water

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Set the marks, in bytes; default 64 KiB and a quarter of it. ValueError if high < low."""
        self._set_water_marks(high, low)
        self._maybe_pause_protocol()

    def _set_water_marks(self, high: int | None, low: int | None) -> None:
        if high is None:
            high = 64 * 1024 if low is None else 4 * low
        if low is None:
            low = high // 4
        if not high >= low >= 0:
            raise ValueError(f"high ({high!r}) must be >= low ({low!r}) must be >= 0")
        self._high_water, self._low_water = high, low

    def _maybe_pause_protocol(self) -> None:
        if not self._protocol_paused and self.get_write_buffer_size() > self._high_water:
            self._protocol_paused = True
            self._tell_protocol("pause_writing")

    def _maybe_resume_protocol(self) -> None:
        if self._protocol_paused and self.get_write_buffer_size() <= self._low_water:
            self._protocol_paused = False
            self._tell_protocol("resume_writing")

    def _tell_protocol(self, what: str) -> None:
        try:
            getattr(self._protocol, what)()
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as exc:
            self._report(exc, f"protocol.{what}() failed")

    def _report(self, exc: BaseException, message: str) -> None:
        self._loop.call_exception_handler(
            {"message": message, "exception": exc, "transport": self, "protocol": self._protocol}
        )


class _SelectorTransport(_FlowControlMixin):
    """The life of a transport over a socket that a selector watches."""

    #: Bytes that one recv() asks for.
    max_size = 256 * 1024

    _sock: socket.socket | None = None  # for __del__, where __init__ has failed

    def __init__(
        self,
        loop: Loop,
        sock: socket.socket,
        protocol: BaseProtocol,
        extra: dict[str, Any] | None = None,
        server: Any = None,
    ) -> None:
        super().__init__(extra, loop)
        self._extra["socket"] = TransportSocket(sock)
        self._extra["sockname"] = _name_or_none(sock.getsockname)
        if "peername" not in self._extra:
            self._extra["peername"] = _name_or_none(sock.getpeername)
        self._sock = sock
        self._sock_fd = sock.fileno()
        self._server = server  # counts its connections
        self._buffer: deque[memoryview] = deque()  # what waits to be written
        self._buffer_size = 0  # bytes in _buffer
        self._closing = False  # no more is read; the buffer drains
        self._conn_lost = 0  # > 0: connection_lost is scheduled; further counts dropped writes
        self._paused = False  # pause_reading() was called
        self.set_protocol(protocol)
        if server is not None:
            server._attach(self)
        loop._transports[self._sock_fd] = self

    # -- what programs call -----------------------------------------------------------------------

    def set_protocol(self, protocol: BaseProtocol) -> None:
        """Let `protocol` have what happens from now on."""
        self._protocol = protocol

    def get_protocol(self) -> BaseProtocol:
        """Return the protocol."""
        return self._protocol  # type: ignore[no-any-return]

    def get_write_buffer_size(self) -> int:
        """Return how many bytes wait to be written."""
        return self._buffer_size

    def is_closing(self) -> bool:
        """Return True once the transport closes or has closed."""
        return self._closing

    def close(self) -> None:
        """Read no more, write what is buffered, then close and call connection_lost(None)."""
        if self._closing:
            return
        self._closing = True
        self._loop._remove_reader(self._sock_fd)
        if not self._buffer:
            self._conn_lost += 1
            self._loop._remove_writer(self._sock_fd)
            self._loop.call_soon(self._call_connection_lost, None)

    def abort(self) -> None:
        """Close at once; what is buffered is lost."""
        self._force_close(None)

    def is_reading(self) -> bool:
        """Return True while data may arrive: neither paused nor closing."""
        return not self._closing and not self._paused

    def pause_reading(self) -> None:
        """Read nothing until resume_reading(); in the end this slows the sender down."""
        if not self.is_reading():
            return
        self._paused = True
        self._loop._remove_reader(self._sock_fd)
        if self._loop.get_debug():
            logger.debug("%r pauses reading", self)

    def resume_reading(self) -> None:
        """Go on reading after pause_reading()."""
        if self._closing or not self._paused:
            return
        self._paused = False
        self._start_reading()
        if self._loop.get_debug():
            logger.debug("%r resumes reading", self)

    # -- inside -----------------------------------------------------------------------------------

    def _start_reading(self) -> None:
        if self.is_reading():
            self._loop._add_reader(self._sock_fd, self._read_ready)

    def _read_ready(self) -> None:
        """The socket can be read."""
        raise NotImplementedError

    def _fatal_error(self, exc: BaseException, message: str = "Fatal error on transport") -> None:
        """End the connection because of `exc`: an OSError is no news, anything else is a bug."""
        if isinstance(exc, OSError):
            if self._loop.get_debug():
                logger.debug("%r: %s", self, message, exc_info=True)
        else:
            self._report(exc, message)
        self._force_close(exc)

    def _force_close(self, exc: BaseException | None) -> None:
        if self._conn_lost:
            return
        if self._buffer:
            self._buffer.clear()
            self._buffer_size = 0
            self._loop._remove_writer(self._sock_fd)
        if not self._closing:
            self._closing = True
            self._loop._remove_reader(self._sock_fd)
        self._conn_lost += 1
        self._loop.call_soon(self._call_connection_lost, exc)

    def _call_connection_lost(self, exc: BaseException | None) -> None:
        try:
            self._protocol.connection_lost(exc)
        finally:
            assert self._sock is not None
            self._sock.close()
            self._sock = None
            # Protocol and transport hold each other: else both wait for the collector.
            self._protocol = None
            self._loop = None
            server, self._server = self._server, None
            if server is not None:
                server._detach(self)

    def __del__(self) -> None:
        if self._sock is not None:
            warnings.warn(f"unclosed transport {self!r}", ResourceWarning, source=self)
            self._sock.close()
            if self._server is not None:
                self._server._detach(self)

    def __repr__(self) -> str:
        info = [type(self).__name__]
        if self._sock is None:
            info.append("closed")
        elif self._closing:
            info.append("closing")
        info.append(f"fd={self._sock_fd}")
        if self._loop is not None and not self._loop.is_closed():
            mask = self._loop._watched(self._sock_fd)[0]
            reading = "polling" if mask & selectors.EVENT_READ else "idle"
            writing = "polling" if mask & selectors.EVENT_WRITE else "idle"
            info.append(f"read={reading}")
            info.append(f"write=<{writing}, bufsize={self.get_write_buffer_size()}>")
        return f"<{' '.join(info)}>"


class _SelectorSocketTransport(_SelectorTransport):
    """A stream of bytes in both directions: TCP, or a socket pair."""

    def __init__(
        self,
        loop: Loop,
        sock: socket.socket,
        protocol: BaseProtocol,
        waiter: Future[None] | None = None,
        extra: dict[str, Any] | None = None,
        server: Any = None,
    ) -> None:
        self._eof = False  # write_eof() was called
        super().__init__(loop, sock, protocol, extra, server)
        if sock.family in (socket.AF_INET, socket.AF_INET6) and sock.proto == socket.IPPROTO_TCP:
            # A program that writes little by little wants each piece sent; the kernel would wait
            # for more.
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # Three entries of the ready queue, in this order: no data before connection_made, and
        # whoever opened the connection goes on when the protocol knows of it.
        loop.call_soon(protocol.connection_made, self)
        loop.call_soon(self._start_reading)
        if waiter is not None:
            loop.call_soon(_set_result_unless_cancelled, waiter, None)

    def set_protocol(self, protocol: BaseProtocol) -> None:
        """Let `protocol` have what happens from now on; its class says how data is handed over."""
        self._buffered = isinstance(protocol, BufferedProtocol)
        super().set_protocol(protocol)

    # -- reading ----------------------------------------------------------------------------------

    def _read_ready(self) -> None:
        if self._conn_lost:
            return
        if self._buffered:
            self._read_into_protocol()
            return
        assert self._sock is not None
        try:
            data = self._sock.recv(self.max_size)
        except (BlockingIOError, InterruptedError):
            return
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as exc:
            self._fatal_error(exc, "Fatal read error on socket transport")
            return
        if not data:
            self._on_eof()
            return
        try:
            self._protocol.data_received(data)
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as exc:
            self._fatal_error(exc, "Fatal error: protocol.data_received() call failed.")

    def _read_into_protocol(self) -> None:
        """Read into the buffer of a BufferedProtocol."""
        assert self._sock is not None
        failing = "Fatal error: protocol.get_buffer() call failed."
        try:
            buffer = self._protocol.get_buffer(-1)
            if not len(buffer):
                raise RuntimeError("get_buffer() returned an empty buffer")
            failing = "Fatal read error on socket transport"
            nbytes = self._sock.recv_into(buffer)
            if not nbytes:
                self._on_eof()
                return
            failing = "Fatal error: protocol.buffer_updated() call failed."
            self._protocol.buffer_updated(nbytes)
        except (SystemExit, KeyboardInterrupt):
            raise
        except (BlockingIOError, InterruptedError) as exc:
            if failing != "Fatal read error on socket transport":
                self._fatal_error(exc, failing)
        except BaseException as exc:
            self._fatal_error(exc, failing)

    def _on_eof(self) -> None:
        if self._loop.get_debug():
            logger.debug("%r received EOF", self)
        try:
            keep_open = self._protocol.eof_received()
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as exc:
            self._fatal_error(exc, "Fatal error: protocol.eof_received() call failed.")
            return
        if keep_open:
            self._loop._remove_reader(self._sock_fd)  # half-closed: the protocol may still write
        else:
            self.close()

    # -- writing ----------------------------------------------------------------------------------

    def write(self, data: Buffer) -> None:
        """Send `data`, or what the kernel takes of it, and keep the rest; never blocks."""
        if not isinstance(data, _BYTES_LIKE):
            kind = type(data).__name__
            raise TypeError(f"data argument must be a bytes-like object, not {kind!r}")
        if self._eof:
            raise RuntimeError("Cannot call write() after write_eof()")
        if not data:
            return
        if isinstance(data, memoryview):
            data = data.cast("B")  # so that len() counts bytes, as send() does
        if self._conn_lost:
            self._drop_write()
            return
        if not self._buffer:
            assert self._sock is not None
            try:
                sent = self._sock.send(data)
            except (BlockingIOError, InterruptedError):
                sent = 0
            except (SystemExit, KeyboardInterrupt):
                raise
            except BaseException as exc:
                self._fatal_error(exc, "Fatal write error on socket transport")
                return
            if sent == len(data):
                return
            data = memoryview(data)[sent:]
            self._loop._add_writer(self._sock_fd, self._write_ready)
        self._keep(data)
        self._maybe_pause_protocol()

    def writelines(self, list_of_data: Iterable[Buffer]) -> None:
        """Send the pieces one after the other, in one system call where possible."""
        if self._eof:
            raise RuntimeError("Cannot call writelines() after write_eof()")
        # An empty piece would stay in the buffer for ever: no send() takes it out again.
        pieces = [view.cast("B") for data in list_of_data if (view := memoryview(data)).nbytes]
        if not pieces:
            return
        if self._conn_lost:
            self._drop_write()
            return
        was_empty = not self._buffer
        for piece in pieces:
            self._keep(piece)
        if was_empty:
            self._write_ready()
            if self._buffer:
                self._loop._add_writer(self._sock_fd, self._write_ready)
        self._maybe_pause_protocol()

    def _keep(self, data: Buffer) -> None:
        self._buffer.append(memoryview(data))
        self._buffer_size += len(data)

    def _drop_write(self) -> None:
        if self._conn_lost >= LOG_THRESHOLD_FOR_CONNLOST_WRITES:
            logger.warning("socket.send() raised exception.")
        self._conn_lost += 1

    def _write_ready(self) -> None:
        """The socket can be written: send what is buffered, and do what had to wait for that."""
        if self._conn_lost or not self._buffer:
            return
        assert self._sock is not None
        try:
            sent = self._sock.sendmsg(itertools.islice(self._buffer, _MAX_PIECES))
        except (BlockingIOError, InterruptedError):
            return
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as exc:
            self._fatal_error(exc, "Fatal write error on socket transport")
            return
        self._drop_sent(sent)
        self._maybe_resume_protocol()  # which may write, and so fill the buffer again
        if self._buffer:
            return
        self._loop._remove_writer(self._sock_fd)
        if self._closing:
            self._conn_lost += 1
            self._call_connection_lost(None)
        elif self._eof:
            self._sock.shutdown(socket.SHUT_WR)

    def _drop_sent(self, nbytes: int) -> None:
        buffer = self._buffer
        self._buffer_size -= nbytes
        while nbytes:
            first = buffer.popleft()
            if len(first) > nbytes:
                buffer.appendleft(first[nbytes:])
                return
            nbytes -= len(first)

    def write_eof(self) -> None:
        """Tell the other side, after what is buffered, that no more will come; reading goes on."""
        if self._closing or self._eof:
            return
        self._eof = True
        if not self._buffer:
            assert self._sock is not None
            self._sock.shutdown(socket.SHUT_WR)

    def can_write_eof(self) -> bool:
        """Return True: a socket can be closed in one direction."""
        return True


def _name_or_none(get_name: Any) -> Any:
    try:
        return get_name()
    except OSError:
        return None
