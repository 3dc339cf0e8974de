"""Transports as programs see them, and flow control.

Purpose: the base classes by which programs name transports, and what all that write share: to tell
the protocol when to stop. What each can do is written once, where it is done: sockets and pipes in
descriptors.py, datagrams.py, sslproto.py, subprocess.py.
Rules: the life of a transport: open → closing (close() was called, or the other side has ended; the
buffer still drains) → lost (connection_lost is called; nothing more happens). abort() leaves the
draining out.
This file does not know where the bytes go: that is descriptors.py and sslproto.py. Read
protocols.py first.
"""

from __future__ import annotations

import contextlib
import socket

from .events import Loop, _report
from .hints import Any, Callable, Iterable, Iterator, TypeAlias
from .protocols import BaseProtocol, BufferedProtocol

__all__ = ("BaseTransport", "ReadTransport", "WriteTransport", "Transport", "DatagramTransport",
           "SubprocessTransport")  # fmt: skip

Buffer: TypeAlias = bytes | bytearray | memoryview
_BYTES_LIKE: tuple[type, ...] = (bytes, bytearray, memoryview)


def _kept(data: Buffer) -> memoryview:
    """The bytes of `data` for later: what is no bytes object the program may use for new data."""
    return memoryview(data if isinstance(data, bytes) else memoryview(data).tobytes())


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

    write: Callable[[Buffer], None]

    def writelines(self, list_of_data: Iterable[Buffer]) -> None:
        """Send the pieces one after the other."""
        self.write(b"".join(list_of_data))


class Transport(ReadTransport, WriteTransport):
    """The base of transports in both directions."""

    __slots__ = ()


class DatagramTransport(BaseTransport):
    """The base of transports for datagrams."""

    __slots__ = ()


class SubprocessTransport(BaseTransport):
    """The base of transports to a child process."""

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


_SAFE_SOCKET_ATTRIBUTES = (
    "family", "type", "proto", "fileno", "dup", "get_inheritable", "shutdown", "getsockopt",
    "setsockopt", "getpeername", "getsockname", "getsockbyname",
)  # fmt: skip


@contextlib.contextmanager
def _closing_on_error(resource: Any) -> Iterator[None]:
    """Close a transport or a socket if what is done with it fails or is cancelled."""
    try:
        yield
    except BaseException:
        resource.close()
        raise


class _FlowControlMixin(Transport):
    """Tells the protocol to pause writing above the high-water mark; below the low one to go on."""

    _high_water, _low_water = 64 * 1024, 16 * 1024  # the class keeps the default

    def __init__(self, extra: dict[str, Any] | None = None, loop: Loop = None) -> None:
        super().__init__(extra)
        self._loop = loop
        self._buffer_size = 0  # bytes that wait to be written: written by who keeps them
        self._protocol_paused = False

    def set_protocol(self, protocol: BaseProtocol) -> None:
        """Let `protocol` have what happens from now on; its class says how data is handed over."""
        self._protocol: Any = protocol
        self._buffered = isinstance(protocol, BufferedProtocol)

    def get_protocol(self) -> BaseProtocol:
        """Return the protocol."""
        return self._protocol  # type: ignore[no-any-return]

    def get_write_buffer_size(self) -> int:
        """Return how many bytes wait to be written."""
        return self._buffer_size

    def get_write_buffer_limits(self) -> tuple[int, int]:
        """Return the low-water and the high-water mark, in bytes."""
        return self._low_water, self._high_water

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Set the marks, in bytes; default 64 KiB and a quarter of it. ValueError if high < low."""
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
            self._tell_protocol("pause_writing")

    def _maybe_resume_protocol(self) -> None:
        if self._protocol_paused and self.get_write_buffer_size() <= self._low_water:
            self._protocol_paused = False
            self._tell_protocol("resume_writing")

    def _tell_protocol(self, what: str) -> None:
        try:
            getattr(self._protocol, what)()
        except BaseException as exc:
            self._report(exc, f"protocol.{what}() failed")

    def _report(self, exc: BaseException, message: str) -> None:
        if isinstance(exc, (SystemExit, KeyboardInterrupt)):
            raise exc
        context = {"exception": exc, "transport": self, "protocol": self._protocol}
        _report(self._loop, message, None, **context)
