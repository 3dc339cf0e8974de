"""Transports over a file descriptor: a socket, or one end of a pipe.

Purpose: to read whenever there is something to read, to write as much as the kernel takes and keep
the rest. To the kernel a socket and a pipe are the same thing, a descriptor that is read and
written, so there is one half that reads and one that writes: a socket has both, a pipe one of them.
Rules: what a protocol raises never ends the loop. From data_received, get_buffer, buffer_updated
and eof_received it ends the connection; from its other methods it is only reported.
This file does not know how connections come about: that is connections.py and subprocess.py. Read
transports.py first.
"""

from __future__ import annotations

import contextlib
import os
import socket
import warnings
from collections import deque
from itertools import islice
from selectors import EVENT_READ, EVENT_WRITE

from .events import Loop
from .format_helpers import logger
from .futures import Future, _set_result_unless_cancelled
from .hints import Any, Callable, Final, Iterable
from .protocols import BaseProtocol
from .transports import _BYTES_LIKE, Buffer, TransportSocket, _FlowControlMixin, _kept

__all__ = ()

#: Writes into a lost connection are dropped; from this many on, each is logged.
LOG_THRESHOLD_FOR_CONNLOST_WRITES: Final = 5

#: Into how many pieces one writev() may be split.
_MAX_PIECES: Final = os.sysconf("SC_IOV_MAX") if "SC_IOV_MAX" in os.sysconf_names else 16

_WOULD_BLOCK = (BlockingIOError, InterruptedError)


class _DescriptorTransport(_FlowControlMixin):
    """The life of a transport over a descriptor that a selector watches."""

    _kind = "socket"  # in messages
    _file: Any = None  # for __del__, where __init__ has failed
    _read_ready: Callable[[], None]  # the descriptor can be read
    # The system calls, as the two kinds of file have them:
    _os_read: Callable[[int], bytes]
    _os_read_into: Callable[[Any], int]
    _os_write: Callable[[Any], int]
    _os_write_pieces: Callable[[Any], int]

    def __init__(self, loop: Loop, file: Any, protocol: BaseProtocol, waiter: Future[None] | None,
                 extra: dict[str, Any], server: Any = None) -> None:  # fmt: skip
        super().__init__(extra, loop)
        self._file = file  # None once closed
        self._fd: int = file.fileno()
        self._server = server  # counts its connections
        self._buffer: deque[Any] = deque()  # what waits to be written
        self._closing = False  # no more is read; the buffer drains
        self._conn_lost = False  # connection_lost is scheduled
        self._dropped = 0  # writes into a connection that is lost
        self._paused = False  # pause_reading() was called
        self.set_protocol(protocol)
        if server is not None:
            server._attach(self)
        # Three entries of the ready queue, in this order: no data comes before connection_made, and
        # who has opened the connection does not go on before the protocol knows of it.
        loop.call_soon(protocol.connection_made, self)
        loop.call_soon(self._start_reading)
        if waiter is not None:
            loop.call_soon(_set_result_unless_cancelled, waiter, None)

    def _start_reading(self) -> None:
        if self.is_reading():
            self._loop._add_reader(self._fd, self._read_ready)

    def is_reading(self) -> bool:
        """Return True while data may arrive: neither paused nor closing."""
        return not self._closing and not self._paused

    def is_closing(self) -> bool:
        """Return True once the transport closes or has closed."""
        return self._closing

    def close(self) -> None:
        """Read no more, write what is buffered, then close and call connection_lost(None)."""
        if not self._closing:
            self._closing = True
            self._loop._remove_reader(self._fd)
            if not self._buffer:
                self._force_close(None)

    def abort(self) -> None:
        """Close at once; what is buffered is lost."""
        self._force_close(None)

    def _fatal_error(self, exc: BaseException, message: str) -> None:
        """End the connection because of `exc`: an OSError is no news, anything else is a bug."""
        if not isinstance(exc, OSError):
            self._report(exc, message)  # lets Ctrl-C pass
        elif self._loop.get_debug():
            logger.debug("%r: %s", self, message, exc_info=True)
        self._force_close(exc)

    def _force_close(self, exc: BaseException | None) -> None:
        if self._conn_lost:
            return
        self._buffer.clear()
        self._buffer_size = 0
        self._closing = True
        self._loop._remove_writer(self._fd)
        self._loop._remove_reader(self._fd)
        self._conn_lost = True
        self._loop.call_soon(self._call_connection_lost, exc)

    def _call_connection_lost(self, exc: BaseException | None) -> None:
        try:
            self._protocol.connection_lost(exc)
        finally:
            self._close_file()
            # Protocol and transport hold each other: else both wait for the collector.
            self._protocol = None
            self._loop = None

    def _drop_write(self) -> None:
        self._dropped += 1
        if self._dropped >= LOG_THRESHOLD_FOR_CONNLOST_WRITES:
            logger.warning("%s.send() raised exception.", self._kind)

    def _finish_writing(self) -> None:
        """The buffer is empty."""
        self._loop._remove_writer(self._fd)
        if self._closing and not self._conn_lost:  # the protocol may have aborted us
            self._conn_lost = True
            self._call_connection_lost(None)

    def _close_file(self) -> None:
        self._file.close()
        self._file = None
        if self._server is not None:
            self._server._detach(self)
            self._server = None

    def __del__(self) -> None:
        if self._file is not None:
            warnings.warn(f"unclosed transport {self!r}", ResourceWarning, source=self)
            self._close_file()

    def __repr__(self) -> str:
        info = [type(self).__name__]
        if self._closing:
            info.append("closed" if self._file is None else "closing")
        info.append(f"fd={self._fd}")
        if self._loop is not None and not self._loop.is_closed():
            events = self._loop._watched(self._fd)[0]
            reading = "polling" if events & EVENT_READ else "idle"
            writing = "polling" if events & EVENT_WRITE else "idle"
            info.append(f"read={reading} write=<{writing}, bufsize={self._buffer_size}>")
        elif self._file is not None:
            info.append("open")
        return f"<{' '.join(info)}>"


class _ReadHalf(_DescriptorTransport):
    """Reads a stream of bytes."""

    #: Bytes that one read() asks for. Tempting is more: asyncio asks for 256 KiB. But from 128 KiB
    #: on glibc maps memory for each read and unmaps it afterwards; that doubles the CPU time of a
    #: message of 1 KiB, and a bulk transfer takes 1.6 times as long. Tempting is also 64 KiB; but
    #: then that much in a protocol's framing, or over TLS (1.2 times as long), takes two reads.
    max_size = 127 * 1024

    def pause_reading(self) -> None:
        """Read nothing until resume_reading(); in the end this slows the sender down."""
        if self.is_reading():
            self._paused = True
            self._loop._remove_reader(self._fd)

    def resume_reading(self) -> None:
        """Go on reading after pause_reading()."""
        if self._paused and not self._closing:
            self._paused = False
            self._start_reading()

    def _read_ready(self) -> None:
        """Read once, and hand over what has come."""
        call = ""  # the protocol's method that is next
        try:
            if self._buffered:
                call = "get_buffer"
                buffer = self._protocol.get_buffer(-1)
                if not len(buffer):
                    raise RuntimeError("get_buffer() returned an empty buffer")
                call = ""
                received: Any = self._os_read_into(buffer)
                call = "buffer_updated"
            else:
                received = self._os_read(self.max_size)
                call = "data_received"
            if received:
                getattr(self._protocol, call)(received)
            else:
                call = "eof_received"
                self._on_eof()
        except BaseException as exc:
            if call:
                self._fatal_error(exc, f"Fatal error: protocol.{call}() call failed.")
            elif not isinstance(exc, _WOULD_BLOCK):
                self._fatal_error(exc, f"Fatal read error on {self._kind} transport")

    def _on_eof(self) -> None:
        if self._protocol.eof_received():
            self._loop._remove_reader(self._fd)  # half-closed: the protocol may still write
        else:
            self.close()


class _WriteHalf(_DescriptorTransport):
    """Writes a stream of bytes."""

    _eof = False  # write_eof() was called
    _sending_file = False  # the socket is sendfile.py's

    def write(self, data: Buffer) -> None:
        """Send `data`, or what the kernel takes of it, and keep the rest; never blocks."""
        if not isinstance(data, _BYTES_LIKE):
            kind = type(data).__name__
            raise TypeError(f"data argument must be a bytes-like object, not {kind!r}")
        if self._eof or self._sending_file or self._conn_lost:
            self._refuse("write", data)
            return
        if not data:
            return
        if isinstance(data, memoryview):
            data = data.cast("B")  # so that len() counts bytes, as write() does
        sent = 0
        if not self._buffer:
            try:
                sent = self._os_write(data)
            except _WOULD_BLOCK:
                pass  # the kernel has no room
            except OSError as exc:
                self._fatal_error(exc, f"Fatal write error on {self._kind} transport")
                return
            if sent == len(data):
                return
            self._loop._add_writer(self._fd, self._write_ready)
        self._buffer.append(_kept(data)[sent:])
        self._buffer_size += len(data) - sent
        self._maybe_pause_protocol()

    def writelines(self, list_of_data: Iterable[Buffer]) -> None:
        """Send the pieces one after the other, in one system call where possible."""
        if self._eof or self._sending_file or self._conn_lost:
            self._refuse("writelines", list_of_data)
            return
        pieces = [piece for data in list_of_data if (piece := _kept(data))]
        may_send = pieces and not self._buffer
        self._buffer.extend(pieces)
        self._buffer_size += sum(map(len, pieces))
        if may_send:
            self._write_ready()
            if self._buffer:
                self._loop._add_writer(self._fd, self._write_ready)
        self._maybe_pause_protocol()

    def _refuse(self, call: str, data: object) -> None:
        if self._eof:
            raise RuntimeError(f"Cannot call {call}() after write_eof()")
        if self._sending_file:
            raise RuntimeError(f"unable to {call}; sendfile is in progress")
        if data:
            self._drop_write()

    def _write_ready(self) -> None:
        """The descriptor can be written: send what is buffered, do what had to wait for that."""
        try:
            sent = self._os_write_pieces(list(islice(self._buffer, _MAX_PIECES)))
        except _WOULD_BLOCK:
            return
        except OSError as exc:
            self._fatal_error(exc, f"Fatal write error on {self._kind} transport")
            return
        self._buffer_size -= sent
        while self._buffer and sent >= len(self._buffer[0]):
            sent -= len(self._buffer.popleft())
        if sent:
            self._buffer[0] = self._buffer[0][sent:]
        self._maybe_resume_protocol()  # which may write, and so fill the buffer again
        if not self._buffer:
            self._finish_writing()
            if self._eof and not self._closing:
                self._file.shutdown(socket.SHUT_WR)


class _SelectorSocketTransport(_ReadHalf, _WriteHalf):
    """A stream of bytes in both directions: TCP, a Unix socket, or a socket pair."""

    _start_tls_compatible = True

    def __init__(self, loop: Loop, sock: socket.socket, protocol: BaseProtocol,
                 waiter: Future[None] | None = None, extra: dict[str, Any] | None = None,
                 server: Any = None) -> None:  # fmt: skip
        if sock.family in (socket.AF_INET, socket.AF_INET6) and sock.proto == socket.IPPROTO_TCP:
            # A program that writes little by little wants each piece sent; the kernel would wait
            # for more.
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # Not by the descriptor's number: were the socket closed beneath the transport, another file
        # might have that number by now.
        self._os_read, self._os_read_into = sock.recv, sock.recv_into
        self._os_write, self._os_write_pieces = sock.send, sock.sendmsg
        super().__init__(loop, sock, protocol, waiter, {**_describe(sock), **(extra or {})}, server)
        loop._transports[self._fd] = self

    def write_eof(self) -> None:
        """Tell the other side, after what is buffered, that no more will come; reading goes on."""
        if self._closing or self._eof:
            return
        self._eof = True
        if not self._buffer:
            self._file.shutdown(socket.SHUT_WR)

    def can_write_eof(self) -> bool:
        """Return True if write_eof() is possible."""
        return True


def _describe(sock: socket.socket) -> dict[str, Any]:
    """What get_extra_info() tells of a socket."""
    extra: dict[str, Any] = {"socket": TransportSocket(sock), "sockname": None, "peername": None}
    with contextlib.suppress(OSError):
        extra["sockname"] = sock.getsockname()
        extra["peername"] = sock.getpeername()
    return extra
