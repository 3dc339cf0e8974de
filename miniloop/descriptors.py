"""Transports over a file descriptor: a socket, or one end of a pipe.

Purpose: read when the descriptor is readable; write as much as the kernel takes and buffer the
rest. The kernel treats a socket and a pipe alike, so there is one half that reads and one half that
writes. A socket has both halves, a pipe has one of them.
Invariants: an exception of the protocol never ends the loop. One from data_received, get_buffer,
buffer_updated or eof_received ends the connection; one from another method is only reported.
The states of transports.py are these attributes, and each is set once:

    state     attributes               what still happens
    open      all False                reading and writing
    closing   _closing                 the buffer drains
    lost      _closing, _conn_lost     connection_lost() is scheduled or has been called
    closed    the same, _file is None  nothing

This file does not depend on how connections are made: that is connections.py and subprocess.py.
Read transports.py first.
"""

from __future__ import annotations

import contextlib
import os
import socket
import warnings
from collections import deque
from contextvars import Context
from itertools import islice
from selectors import EVENT_READ, EVENT_WRITE

from .events import Loop
from .format_helpers import logger
from .futures import Future, _set_result_unless_cancelled
from .hints import Any, Callable, Final, Iterable
from .protocols import BaseProtocol
from .selector_events import _watched
from .transports import _BYTES_LIKE, Buffer, TransportSocket, _FlowControlMixin, _kept

#: Writes to a lost connection are dropped. From this number on, each of them is logged.
LOG_THRESHOLD_FOR_CONNLOST_WRITES: Final = 5

#: The most buffers that one sendmsg() or writev() may send.
_MAX_PIECES: Final = os.sysconf("SC_IOV_MAX") if "SC_IOV_MAX" in os.sysconf_names else 16

_WOULD_BLOCK = (BlockingIOError, InterruptedError)


class _DescriptorTransport(_FlowControlMixin):
    """The base of both halves: the states of a transport whose descriptor a selector watches."""

    _kind = "socket"  # in messages
    _file: Any = None  # __del__ reads it, even if __init__ has failed
    _read_ready: Callable[[], None]  # called when the descriptor is readable
    # The system calls of both halves; the subclass chooses them: recv(), recv_into(), send() and
    # sendmsg() of a socket object; os.read(), os.readv(), os.write() and os.writev() for a pipe.
    _os_read: Callable[[int], bytes]
    _os_read_into: Callable[[Any], int]
    _os_write: Callable[[Any], int]
    _os_write_pieces: Callable[[list[Any]], int]

    def __init__(self, loop: Loop, file: Any, protocol: BaseProtocol, waiter: Future[None] | None,
                 extra: dict[str, Any], server: Any = None,
                 context: Context | None = None) -> None:  # fmt: skip
        super().__init__(extra, loop)
        self._file = file  # None once closed
        self._fd: int = file.fileno()
        self._server = server  # it counts its connections
        # All callbacks run in it (gh-140947). None: each runs in a copy of the current context.
        self._context = context
        self._buffer: deque[Any] = deque()  # data that the kernel has not taken yet
        self._closing = False  # no more is read; the buffer drains
        self._conn_lost = False  # connection_lost() is scheduled, or has been called
        self._dropped = 0  # writes since the connection was lost
        self._paused = False  # pause_reading() was called, and resume_reading() was not
        self.set_protocol(protocol)
        if server is not None:
            server._attach(self)
        # The order matters: no data arrives before connection_made(), and
        # `await loop.create_connection(…)` returns only after it.
        loop.call_soon(protocol.connection_made, self, context=context)
        loop.call_soon(self._start_reading, context=context)
        if waiter is not None:
            loop.call_soon(_set_result_unless_cancelled, waiter, None, context=context)

    def _start_reading(self) -> None:
        if self.is_reading():
            self._loop._add_reader(self._fd, self._read_ready, context=self._context)

    def is_reading(self) -> bool:
        """Return True if new data may arrive: the transport is neither paused nor closing."""
        return not self._closing and not self._paused

    def is_closing(self) -> bool:
        """Return True if the transport is closing or lost."""
        return self._closing

    def close(self) -> None:
        """Stop reading, send the buffer, then call connection_lost(None)."""
        if not self._closing:
            self._closing = True
            self._loop._remove_reader(self._fd)
            if not self._buffer:
                self._force_close(None)

    def abort(self) -> None:
        """Close at once, without sending the buffer."""
        self._force_close(None)

    def _fatal_error(self, exc: BaseException, message: str) -> None:
        """End the connection because of `exc`. Report it unless it is an OSError.

        Connections fail with an OSError every day; anything else is a bug.
        """
        if not isinstance(exc, OSError):
            self._report(exc, message)  # which raises KeyboardInterrupt and SystemExit
        elif self._loop.get_debug():
            logger.debug("%r: %s", self, message, exc_info=True)
        self._force_close(exc)

    def _force_close(self, exc: BaseException | None) -> None:
        """Enter the state `lost`, and schedule connection_lost(exc)."""
        if self._conn_lost:
            return
        self._buffer.clear()
        self._buffer_size = 0
        self._closing = True
        self._loop._remove_writer(self._fd)
        self._loop._remove_reader(self._fd)
        self._conn_lost = True
        self._loop.call_soon(self._call_connection_lost, exc, context=self._context)

    def _call_connection_lost(self, exc: BaseException | None) -> None:
        try:
            self._protocol.connection_lost(exc)
        finally:
            self._close_file()
            # Protocol and transport refer to each other: break the cycle, so that both are freed
            # without the garbage collector.
            self._protocol = None
            self._loop = None

    def _drop_write(self) -> None:
        """Count a write to a lost connection; log it if the program should have noticed by now."""
        self._dropped += 1
        if self._dropped >= LOG_THRESHOLD_FOR_CONNLOST_WRITES:
            logger.warning("%s.send() raised exception.", self._kind)

    def _finish_writing(self) -> None:
        """Stop watching for room, because the buffer is empty; if closing, close."""
        self._loop._remove_writer(self._fd)
        # `_conn_lost`: resume_writing() may have called abort(), which has scheduled the same call.
        if self._closing and not self._conn_lost:
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
            events = _watched(self._loop, self._fd)[0]
            reading = "polling" if events & EVENT_READ else "idle"
            writing = "polling" if events & EVENT_WRITE else "idle"
            info.append(f"read={reading} write=<{writing}, bufsize={self._buffer_size}>")
        elif self._file is not None:
            info.append("open")
        return f"<{' '.join(info)}>"


class _ReadHalf(_DescriptorTransport):
    """The half that reads a stream of bytes."""

    #: Bytes that one read asks for. Why not 256 KiB like asyncio: glibc maps fresh memory for each
    #: request of 128 KiB or more and unmaps it afterwards. That doubles the CPU time of a message
    #: of 1 KiB, and a bulk transfer takes 1.6 times as long. Why not 64 KiB: that much payload with
    #: a protocol's framing, or over TLS (1.2 times as long), takes two reads.
    max_size = 127 * 1024

    def pause_reading(self) -> None:
        """Read nothing until resume_reading().

        The kernel's buffers fill up, and that stops the sender.
        """
        if self.is_reading():
            self._paused = True
            self._loop._remove_reader(self._fd)

    def resume_reading(self) -> None:
        """Undo pause_reading()."""
        if self._paused and not self._closing:
            self._paused = False
            self._start_reading()

    def _read_ready(self) -> None:
        """Read once, and pass the data on.

        One read is enough: the selector is level-triggered and will report again. To read until
        the kernel has no more would let a fast sender keep the loop from everything else.
        """
        buffer = None
        if self._buffered:
            try:
                buffer = self._protocol.get_buffer(-1)
                if not len(buffer):
                    raise RuntimeError("get_buffer() returned an empty buffer")
            except BaseException as exc:
                self._fatal_error(exc, "Fatal error: protocol.get_buffer() call failed.")
                return
        try:
            read = self._os_read(self.max_size) if buffer is None else self._os_read_into(buffer)
        except _WOULD_BLOCK:
            return
        except BaseException as exc:
            self._fatal_error(exc, f"Fatal read error on {self._kind} transport")
            return
        if not read:
            self._on_eof()
            return
        try:
            if buffer is None:
                self._protocol.data_received(read)
            else:
                self._protocol.buffer_updated(read)
        except BaseException as exc:
            call = "data_received" if buffer is None else "buffer_updated"
            self._fatal_error(exc, f"Fatal error: protocol.{call}() call failed.")

    def _on_eof(self) -> None:
        """Call eof_received(); close, unless it returns true, to go on writing."""
        try:
            if self._protocol.eof_received():
                # Stop watching: the selector would report the end of file in each iteration.
                self._loop._remove_reader(self._fd)
            else:
                self.close()
        except BaseException as exc:
            self._fatal_error(exc, "Fatal error: protocol.eof_received() call failed.")


class _WriteHalf(_DescriptorTransport):
    """The half that writes a stream of bytes."""

    _eof = False  # write_eof() was called
    _sending_file = False  # sendfile.py writes to the socket; nobody else may

    def write(self, data: Buffer) -> None:
        """Send as much of `data` as the kernel takes, and buffer the rest; never block.

        Raises TypeError if `data` is not bytes-like, and RuntimeError after write_eof().
        """
        if not isinstance(data, _BYTES_LIKE):
            needed = "a bytes, bytearray, or memoryview object"
            raise TypeError(f"data argument must be {needed}, not {type(data).__name__!r}")
        if self._eof or self._sending_file or self._conn_lost:
            self._refuse("write", data)
            return
        if not data:
            return
        if isinstance(data, memoryview):
            data = data.cast("B")  # len() of a view with itemsize > 1 does not count bytes
        sent = 0
        if not self._buffer:
            try:
                sent = self._os_write(data)
            except _WOULD_BLOCK:
                pass  # the kernel's buffer is full
            except BaseException as exc:  # after any error: no later write may leave a hole
                self._fatal_error(exc, f"Fatal write error on {self._kind} transport")
                return
            if sent == len(data):
                return
            self._loop._add_writer(self._fd, self._write_ready, context=self._context)
        self._buffer.append(_kept(data)[sent:])
        self._buffer_size += len(data) - sent
        self._maybe_pause_protocol()

    def writelines(self, list_of_data: Iterable[Buffer]) -> None:
        """Send the pieces one after the other, with one system call if possible."""
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
                self._loop._add_writer(self._fd, self._write_ready, context=self._context)
        self._maybe_pause_protocol()

    def can_write_eof(self) -> bool:
        """Return True: a socket can be shut down in one direction, and a pipe has only one."""
        return True

    def _refuse(self, call: str, data: object) -> None:
        """Raise if the program must not write; drop `data` if the connection is lost."""
        if self._eof:
            raise RuntimeError(f"Cannot call {call}() after write_eof()")
        if self._sending_file:
            raise RuntimeError(f"unable to {call}; sendfile is in progress")
        if data:
            self._drop_write()

    def _write_ready(self) -> None:
        """Send from the buffer; once it is empty, finish close() or write_eof()."""
        try:
            sent = self._os_write_pieces(list(islice(self._buffer, _MAX_PIECES)))
        except _WOULD_BLOCK:
            return
        except BaseException as exc:
            self._fatal_error(exc, f"Fatal write error on {self._kind} transport")
            return
        self._buffer_size -= sent
        while self._buffer and sent >= len(self._buffer[0]):
            sent -= len(self._buffer.popleft())
        if sent:
            self._buffer[0] = self._buffer[0][sent:]
        self._maybe_resume_protocol()  # resume_writing() may write, and so fill the buffer again
        if not self._buffer:
            self._finish_writing()
            if self._eof and not self._closing:
                self._file.shutdown(socket.SHUT_WR)


class _SelectorSocketTransport(_ReadHalf, _WriteHalf):
    """A stream of bytes in both directions: TCP, a Unix socket, or one of a socket pair."""

    _start_tls_compatible = True

    def __init__(self, loop: Loop, sock: socket.socket, protocol: BaseProtocol,
                 waiter: Future[None] | None = None, extra: dict[str, Any] | None = None,
                 server: Any = None, context: Context | None = None) -> None:  # fmt: skip
        loop._ensure_fd_no_transport(sock)
        if sock.family in (socket.AF_INET, socket.AF_INET6) and sock.proto == socket.IPPROTO_TCP:
            # Otherwise the kernel holds a small write back until the one before is acknowledged.
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # Not os.read(fd, …) and os.write(fd, …): if the program closes the socket underneath the
        # transport, another file may get the same descriptor number.
        self._os_read, self._os_read_into = sock.recv, sock.recv_into
        self._os_write, self._os_write_pieces = sock.send, sock.sendmsg
        extra = {**_describe(sock), **(extra or {})}
        super().__init__(loop, sock, protocol, waiter, extra, server, context)
        loop._transports[self._fd] = self

    def write_eof(self) -> None:
        """Send the buffer, then an end of file; reading goes on."""
        if not self._closing and not self._eof:
            self._eof = True
            if not self._buffer:
                self._file.shutdown(socket.SHUT_WR)


def _describe(sock: socket.socket) -> dict[str, Any]:
    """Return what get_extra_info() knows of a socket."""
    extra: dict[str, Any] = {"socket": TransportSocket(sock), "sockname": None, "peername": None}
    with contextlib.suppress(OSError):
        extra["sockname"] = sock.getsockname()
        extra["peername"] = sock.getpeername()
    return extra
