"""Datagrams: create_datagram_endpoint.

Purpose: a transport for UDP and for datagram sockets of the family AF_UNIX. A datagram is a message
that arrives whole or not at all, and one socket can exchange datagrams with many peers.
Invariants: a transport that was made with a remote address sends to no other one. An OSError of one
datagram goes to the protocol's `error_received`, and the transport stays open.
The functions whose first parameter is `loop` are methods of the loop (see unix_events.py). This
file does not depend on what a datagram means. Read connections.py first.
"""

from __future__ import annotations

import socket

from . import connections, descriptors, futures, protocols
from .abstract import Connection, ProtocolFactory
from .events import Loop
from .hints import Any, TypeAlias
from .transports import _BYTES_LIKE, Buffer, DatagramTransport, _closing_on_error

#: Family, protocol, local address, remote address; an address that was not given is None.
Endpoint: TypeAlias = tuple[int, int, Any, Any]

#: Bytes. A buffered datagram counts as that much longer than it is. Otherwise empty datagrams could
#: fill the memory and never reach the high-water mark.
_HEADER_SIZE = 8


class _SelectorDatagramTransport(descriptors._DescriptorTransport, DatagramTransport):
    """A transport that sends and receives datagrams over a socket."""

    #: The most bytes that are received of one datagram; the kernel drops the rest.
    max_size = 256 * 1024

    def __init__(self, loop: Loop, sock: socket.socket, protocol: protocols.BaseProtocol,
                 address: Any, waiter: futures.Future[None]) -> None:  # fmt: skip
        super().__init__(loop, sock, protocol, waiter, descriptors._describe(sock))
        self._address = address  # the only address to send to; None: any
        loop._transports[self._fd] = self

    def _read_ready(self) -> None:
        if self._conn_lost:
            return  # aborted in this iteration, when this call was in the ready queue already
        try:
            data, address = self._file.recvfrom(self.max_size)
        except descriptors._WOULD_BLOCK:
            return
        except OSError as exc:
            self._protocol.error_received(exc)
        else:
            self._protocol.datagram_received(data, address)

    def sendto(self, data: Buffer, addr: Any = None) -> None:
        """Send one datagram, or buffer a copy of it; never block.

        `addr` may be left out if the transport has a remote address. Raises ValueError if it has a
        different one, TypeError if `data` is not bytes, bytearray or memoryview.
        """
        if not isinstance(data, _BYTES_LIKE):
            kind = type(data).__name__
            raise TypeError(f"data argument must be a bytes-like object, not {kind!r}")
        if self._address:
            if addr not in (None, self._address):
                raise ValueError(f"Invalid address: must be None or {self._address}")
            addr = self._address
        if self._file is None or (self._conn_lost and self._address):
            self._drop_write()
            return
        if not self._buffer:  # otherwise this datagram would overtake the buffered ones
            if self._send(data, addr) or self._conn_lost:
                return
            self._loop._add_writer(self._fd, self._write_ready)
        packet = bytes(data)  # its length is in bytes; that of a memoryview is in elements
        self._buffer.append((packet, addr))
        self._buffer_size += len(packet) + _HEADER_SIZE
        self._maybe_pause_protocol()

    def _write_ready(self) -> None:
        while self._buffer:
            # Remove it before sending: error_received() may raise, and the next call of this method
            # must not send the same datagram again.
            first = self._buffer.popleft()
            size = len(first[0]) + _HEADER_SIZE
            self._buffer_size -= size
            if not self._send(*first):
                self._buffer.appendleft(first)
                self._buffer_size += size
                break
            if self._conn_lost:
                return  # the protocol has called abort() in error_received()
        self._maybe_resume_protocol()  # the protocol may send now, and fill the buffer again
        if not self._buffer:
            self._finish_writing()

    def _send(self, data: Buffer, addr: Any) -> bool:
        """Pass one datagram to the kernel; return False if its buffer is full.

        Return True if the datagram failed: there is nothing to try again.
        """
        try:
            sock = self._file
            if self._extra["peername"]:
                sock.send(data)
            else:
                sock.sendto(data, addr)
        except descriptors._WOULD_BLOCK:
            return False
        except OSError as exc:
            self._protocol.error_received(exc)
        except BaseException as exc:
            self._fatal_error(exc, "Fatal write error on datagram transport")
        return True


async def create_datagram_endpoint(loop: Loop, protocol_factory: ProtocolFactory,
        local_addr: tuple[str, int] | str | None = None,
        remote_addr: tuple[str, int] | str | None = None, *, family: int = 0, proto: int = 0,
        flags: int = 0, reuse_port: bool | None = None, allow_broadcast: bool | None = None,
        sock: socket.socket | None = None) -> Connection:  # fmt: skip
    """Bind to `local_addr`, connect to `remote_addr`, or use `sock`; return transport and protocol.

    An address is `(host, port)`, or a path if `family` is AF_UNIX. Both may be left out if `family`
    is given. With `allow_broadcast` the socket is not connected, and sends to `remote_addr` only.
    Raises OSError if no address can be used, ValueError for arguments that contradict each other.
    """
    remote = None
    if sock is None:
        endpoints = _datagram_endpoints(loop, local_addr, remote_addr, family, proto, flags)
        sock, remote = await _open_endpoint(loop, await endpoints, reuse_port, allow_broadcast)
    elif sock.type == socket.SOCK_STREAM:
        raise ValueError(f"A datagram socket was expected, got {sock!r}")
    else:
        given = {"local_addr": local_addr, "remote_addr": remote_addr, "family": family,
                 "proto": proto, "flags": flags, "reuse_port": reuse_port,
                 "allow_broadcast": allow_broadcast}  # fmt: skip
        if problems := ", ".join(f"{name}={value}" for name, value in given.items() if value):
            what = "socket modifier keyword arguments can not be used when sock is specified."
            raise ValueError(f"{what} ({problems})")
        sock.setblocking(False)
    kind = _SelectorDatagramTransport
    loop._ensure_fd_no_transport(sock)
    with _closing_on_error(sock):  # no transport owns it yet, and protocol_factory may raise
        opening = connections._make_transport(loop, kind, sock, protocol_factory, address=remote)
    return await opening


async def _datagram_endpoints(loop: Loop, local: Any, remote: Any, family: int, proto: int,
                              flags: int) -> list[Endpoint]:  # fmt: skip
    """Return the pairs of addresses to try: local and remote, of the same family and protocol."""
    if not (local or remote):
        if family == 0:
            raise ValueError("unexpected address family")
        return [(family, proto, None, None)]
    if family == socket.AF_UNIX:
        if not all(isinstance(address, str | None) for address in (local, remote)):
            raise TypeError("string is expected")
        if local:
            connections._remove_stale_socket(local)
        return [(family, proto, local, remote)]
    hints = {"family": family, "type": socket.SOCK_DGRAM, "proto": proto, "flags": flags}
    given = {side: at for side, at in enumerate((local, remote)) if at is not None}
    found: dict[tuple[int, int], dict[int, Any]] = {}  # by family and protocol: address by side
    for side, address in given.items():
        if not isinstance(address, tuple) or len(address) != 2:
            raise TypeError("2-tuple is expected")
        for info in await connections._look_up(loop, address, **hints):
            found.setdefault((info[0], info[2]), {})[side] = info[4]
    endpoints = [(*key, sides.get(0), sides.get(1)) for key, sides in found.items()
                 if len(sides) == len(given)]  # fmt: skip
    if not endpoints:
        raise ValueError("can not get address information")
    return endpoints


async def _open_endpoint(loop: Loop, endpoints: list[Endpoint], reuse_port: bool | None,
                         broadcast: bool | None) -> tuple[socket.socket, Any]:  # fmt: skip
    """Return a socket for the first endpoint that can be used, and its remote address."""
    failures: list[OSError] = []
    for family, proto, local, remote in endpoints:
        try:
            sock = socket.socket(family=family, type=socket.SOCK_DGRAM, proto=proto)
            with _closing_on_error(sock):
                if reuse_port:
                    connections._set_reuseport(sock)
                if broadcast:
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
                sock.setblocking(False)
                if local:
                    sock.bind(local)
                if remote and not broadcast:
                    await loop.sock_connect(sock, remote)
            return sock, remote
        except OSError as exc:
            # Without the traceback: its frame holds the list, and there would be a reference cycle.
            failures.append(exc.with_traceback(None))
    raise failures.pop(0)  # removed for the same reason
