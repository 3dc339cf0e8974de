"""Transports: the classes that programs name, and flow control.

Purpose: the abstract transports, written out, and the base of all transports that have a write
buffer: it tells the protocol when to stop writing. The implementations are in descriptors.py
(sockets and pipes), datagrams.py, sslproto.py and subprocess.py.
Invariants: every connection goes through these states, and never back:

    open     → closing   close(); or the end of file, unless eof_received() returned True
    open     → lost      abort(); or an error
    closing  → lost      the buffer has drained; or abort(); or an error

In `closing` nothing more is read. In `lost` the only thing left is the call of connection_lost().
This file does not depend on where the bytes go: that is descriptors.py and sslproto.py. Read
protocols.py first.
"""

from __future__ import annotations

import contextlib
import socket

from .events import Loop, _report
from .hints import Any, Iterable, Iterator, TypeAlias
from .protocols import BaseProtocol, BufferedProtocol

__all__ = ("BaseTransport", "ReadTransport", "WriteTransport", "Transport", "DatagramTransport",
           "SubprocessTransport")  # fmt: skip

Buffer: TypeAlias = bytes | bytearray | memoryview
_BYTES_LIKE: tuple[type, ...] = (bytes, bytearray, memoryview)


def _kept(data: Buffer) -> memoryview:
    """Return a view of `data` that cannot change: the caller may reuse any other mutable buffer."""
    return memoryview(data if isinstance(data, bytes) else memoryview(data).tobytes())


# fmt: off
# The abstract classes, one line a method. What the methods do is said where they are implemented:
# descriptors.py, datagrams.py, subprocess.py, and _FlowControlMixin below.


class BaseTransport:
    """The base of all transports."""

    __slots__ = ("_extra",)

    def __init__(self, extra: dict[str, Any] | None = None) -> None:
        self._extra = {} if extra is None else extra

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Return the fact called `name` ('socket', 'sockname', 'peername', …), or `default`."""
        return self._extra.get(name, default)

    def is_closing(self) -> bool: raise NotImplementedError
    def close(self) -> None: raise NotImplementedError
    def set_protocol(self, protocol: BaseProtocol) -> None: raise NotImplementedError
    def get_protocol(self) -> BaseProtocol: raise NotImplementedError


class ReadTransport(BaseTransport):
    """The base of transports that can be read from."""

    __slots__ = ()

    def is_reading(self) -> bool: raise NotImplementedError
    def pause_reading(self) -> None: raise NotImplementedError
    def resume_reading(self) -> None: raise NotImplementedError


class WriteTransport(BaseTransport):
    """The base of transports that can be written to."""

    __slots__ = ()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        raise NotImplementedError
    def get_write_buffer_size(self) -> int: raise NotImplementedError
    def get_write_buffer_limits(self) -> tuple[int, int]: raise NotImplementedError
    def write(self, data: Buffer) -> None: raise NotImplementedError
    def writelines(self, list_of_data: Iterable[Buffer]) -> None:
        """Send the pieces one after the other."""
        self.write(b"".join(list_of_data))

    def write_eof(self) -> None: raise NotImplementedError
    def can_write_eof(self) -> bool: raise NotImplementedError
    def abort(self) -> None: raise NotImplementedError


class Transport(ReadTransport, WriteTransport):
    """The base of transports in both directions."""

    __slots__ = ()


class DatagramTransport(BaseTransport):
    """The base of transports for datagrams."""

    __slots__ = ()

    def sendto(self, data: Buffer, addr: Any = None) -> None: raise NotImplementedError
    def abort(self) -> None: raise NotImplementedError


class SubprocessTransport(BaseTransport):
    """The base of transports to a child process."""

    __slots__ = ()

    def get_pid(self) -> int: raise NotImplementedError
    def get_returncode(self) -> int | None: raise NotImplementedError
    def get_pipe_transport(self, fd: int) -> BaseTransport | None: raise NotImplementedError
    def send_signal(self, signal: int) -> None: raise NotImplementedError
    def terminate(self) -> None: raise NotImplementedError
    def kill(self) -> None: raise NotImplementedError


# fmt: on


class TransportSocket:
    """A transport's socket, to inspect it and set options. Only the transport reads and writes."""

    __slots__ = ("_sock",)

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    def __getattr__(self, name: str) -> Any:
        if name in _SAFE_SOCKET_ATTRIBUTES:
            return getattr(self._sock, name)
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def settimeout(self, value: float | None) -> None:
        """Accept only 0, the timeout that the socket already has; otherwise raise ValueError."""
        if value != 0:
            raise ValueError("settimeout(): only 0 timeout is allowed on transport sockets")

    def gettimeout(self) -> float:
        """Return 0: the socket is non-blocking."""
        return 0

    def setblocking(self, flag: bool) -> None:
        """Accept only False, the mode that the socket already has; otherwise raise ValueError."""
        if flag:
            raise ValueError("setblocking(): transport sockets cannot be blocking")

    def __getstate__(self) -> None:
        raise TypeError("Cannot serialize a TransportSocket object")

    def __repr__(self) -> str:
        return repr(self._sock).replace("<socket.socket", f"<{__package__}.TransportSocket")


_SAFE_SOCKET_ATTRIBUTES = (
    "family", "type", "proto", "fileno", "dup", "get_inheritable", "shutdown", "getsockopt",
    "setsockopt", "getpeername", "getsockname", "getsockbyname",
)  # fmt: skip


@contextlib.contextmanager
def _closing_on_error(resource: Any) -> Iterator[None]:
    """Close `resource`, a transport or a socket, if the block raises or is cancelled."""
    try:
        yield
    except BaseException:
        with contextlib.suppress(OSError):  # it would hide why the block has ended
            resource.close()
        raise


async def _opened(transport: Any, protocol: Any, waiter: Any) -> tuple[Any, Any]:
    """Wait for `waiter`; return the transport and its protocol, or close the transport."""
    try:
        with _closing_on_error(transport):
            await waiter
    finally:
        del waiter  # a cycle otherwise: waiter, its exception, the traceback, this frame
    return transport, protocol


class _FlowControlMixin(Transport):
    """The base of transports that have a write buffer, which must not grow without bound.

    unpaused → paused    its size has risen above the high-water mark: pause_writing()
    paused   → unpaused  its size has fallen to the low-water mark or below: resume_writing()
    """

    _high_water, _low_water = 64 * 1024, 16 * 1024  # bytes; the class keeps the defaults

    def __init__(self, extra: dict[str, Any] | None = None, loop: Loop = None) -> None:
        super().__init__(extra)
        self._loop = loop
        self._buffer_size = 0  # bytes; written by the subclass, which has the buffer
        self._protocol_paused = False  # pause_writing() was called, and resume_writing() was not

    def set_protocol(self, protocol: BaseProtocol) -> None:
        """Call `protocol` from now on: with bytes, or with a buffer if it is a BufferedProtocol."""
        self._protocol: Any = protocol
        self._buffered = isinstance(protocol, BufferedProtocol)

    def get_protocol(self) -> BaseProtocol:
        """Return the protocol; None once the connection is lost."""
        return self._protocol  # type: ignore[no-any-return]

    def get_write_buffer_size(self) -> int:
        """Return the size of the write buffer, in bytes."""
        return self._buffer_size

    def get_write_buffer_limits(self) -> tuple[int, int]:
        """Return the low-water and the high-water mark, in bytes."""
        return self._low_water, self._high_water

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Set the marks, in bytes.

        `high` defaults to 4 * `low`, or to the class's own mark if both are missing; `low` defaults
        to a quarter of `high`. Raises ValueError if high < low.
        """
        if high is None:
            high = type(self)._high_water if low is None else 4 * low
        if low is None:
            low = high // 4
        if not high >= low >= 0:
            raise ValueError(f"high ({high!r}) must be >= low ({low!r}) must be >= 0")
        self._high_water, self._low_water = high, low
        self._maybe_pause_protocol()

    def _maybe_pause_protocol(self) -> None:
        if not self._protocol_paused and self.get_write_buffer_size() > self._high_water:
            self._protocol_paused = True
            try:
                self._protocol.pause_writing()
            except BaseException as exc:
                self._report(exc, "protocol.pause_writing() failed")

    def _maybe_resume_protocol(self) -> None:
        if self._protocol_paused and self.get_write_buffer_size() <= self._low_water:
            self._protocol_paused = False
            try:
                self._protocol.resume_writing()
            except BaseException as exc:
                self._report(exc, "protocol.resume_writing() failed")

    def _report(self, exc: BaseException, message: str) -> None:
        """Pass `exc` to the loop's exception handler; raise it if it must end the loop."""
        if isinstance(exc, (SystemExit, KeyboardInterrupt)):
            raise exc
        _report(self._loop, message, exception=exc, transport=self, protocol=self._protocol)
