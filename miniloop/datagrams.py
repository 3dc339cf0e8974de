"""Datagrams: create_datagram_endpoint.

Purpose: a transport for UDP and for Unix sockets of that kind: messages, not a stream. Each arrives
whole or not at all, and a socket may exchange them with anybody.
Rules: a transport that is connected, or made for one remote address, sends nowhere else. That a
datagram could not be sent is told to `error_received`, and ends nothing.
This file does not know what a datagram means. Read connections.py first.
"""

from __future__ import annotations

import os
import socket
import stat

from . import futures, protocols
from .connections import Connection, ProtocolFactory, _join, _look_up, _set_reuseport
from .descriptors import _WOULD_BLOCK, _describe, _DescriptorTransport
from .events import Loop
from .format_helpers import logger
from .hints import Any, Callable, TypeAlias
from .transports import _BYTES_LIKE, Buffer, DatagramTransport, _closing_on_error

#: Family and protocol, local and remote address.
Endpoint: TypeAlias = tuple[int, int, Any, Any]

#: What the buffer counts for each datagram besides its bytes.
_HEADER_SIZE = 8


class _SelectorDatagramTransport(_DescriptorTransport, DatagramTransport):
    """Sends and receives datagrams by a socket."""

    #: Bytes that one datagram can have; what is longer is cut off.
    max_size = 256 * 1024

    def __init__(self, loop: Loop, sock: socket.socket, protocol: protocols.BaseProtocol,
                 address: Any, waiter: futures.Future[None]) -> None:  # fmt: skip
        super().__init__(loop, sock, protocol, waiter, _describe(sock))
        self._address = address  # the only one to send to, or None
        loop._transports[self._fd] = self

    def _read_ready(self) -> None:
        if self._conn_lost:
            return
        try:
            data, address = self._file.recvfrom(self.max_size)
        except _WOULD_BLOCK:
            return
        except OSError as exc:
            self._protocol.error_received(exc)
        else:
            self._protocol.datagram_received(data, address)

    def sendto(self, data: Buffer, addr: Any = None) -> None:
        """Send one datagram, or keep it; `addr` may be left out if there is a remote address."""
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
        if not self._buffer:
            if self._send(data, addr) or self._conn_lost:
                return
            self._loop._add_writer(self._fd, self._write_ready)
        self._buffer.append((bytes(data), addr))
        self._buffer_size += len(data) + _HEADER_SIZE
        self._maybe_pause_protocol()

    def _write_ready(self) -> None:
        while self._buffer:
            first = self._buffer.popleft()  # now, for error_received() may raise
            size = len(first[0]) + _HEADER_SIZE
            self._buffer_size -= size
            if not self._send(*first):
                self._buffer.appendleft(first)
                self._buffer_size += size
                break
            if self._conn_lost:
                return  # error_received() has aborted the transport
        self._maybe_resume_protocol()  # which may send, and so fill the buffer again
        if not self._buffer:
            self._finish_writing()

    def _send(self, data: Buffer, addr: Any) -> bool:
        """Give one datagram to the kernel; False if it has no room now."""
        sock = self._file
        try:
            if self._extra["peername"]:
                sock.send(data)
            else:
                sock.sendto(data, addr)
        except _WOULD_BLOCK:
            return False
        except OSError as exc:
            self._protocol.error_received(exc)
        except BaseException as exc:
            self._fatal_error(exc, "Fatal write error on datagram transport")
        return True


async def create_datagram_endpoint(
    loop: Loop, protocol_factory: ProtocolFactory,
    local_addr: tuple[str, int] | str | None = None,
    remote_addr: tuple[str, int] | str | None = None, *, family: int = 0, proto: int = 0,
    flags: int = 0, reuse_port: bool | None = None, allow_broadcast: bool | None = None,
    sock: socket.socket | None = None,
) -> Connection:  # fmt: skip
    """Bind to `local_addr`, connect to `remote_addr`; return transport and protocol.

    Either may be left out, if `family` is given then. An address is a host and a port; with
    the family AF_UNIX it is a path. Or take `sock`. Raises OSError if no address will do.
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
    return await _join(loop, kind, sock, protocol_factory, address=remote)


async def _datagram_endpoints(loop: Loop, local: Any, remote: Any, family: int, proto: int,
                              flags: int) -> list[Endpoint]:  # fmt: skip
    """The pairs of addresses to try: both of the same family and protocol."""
    if not (local or remote):
        if family == 0:
            raise ValueError("unexpected address family")
        return [(family, proto, None, None)]
    if family == socket.AF_UNIX:
        if not all(isinstance(address, str | None) for address in (local, remote)):
            raise TypeError("string is expected")
        if local:
            _remove_stale_socket(local)
        return [(family, proto, local, remote)]
    hints = {"family": family, "type": socket.SOCK_DGRAM, "proto": proto, "flags": flags}
    asked = {side: at for side, at in enumerate((local, remote)) if at is not None}
    found: dict[tuple[int, int], dict[int, Any]] = {}  # addresses by family, protocol and side
    for side, address in asked.items():
        if not isinstance(address, tuple) or len(address) != 2:
            raise TypeError("2-tuple is expected")
        for info in await _look_up(loop, address, **hints):
            found.setdefault((info[0], info[2]), {})[side] = info[4]
    endpoints = [(*key, sides.get(0), sides.get(1)) for key, sides in found.items()
                 if len(sides) == len(asked)]  # fmt: skip
    if not endpoints:
        raise ValueError("can not get address information")
    return endpoints


async def _open_endpoint(loop: Loop, endpoints: list[Endpoint], reuse_port: bool | None,
                         broadcast: bool | None) -> tuple[socket.socket, Any]:  # fmt: skip
    """A socket for the first endpoint that can be had, and its remote address."""
    failures: list[OSError] = []
    for family, proto, local, remote in endpoints:
        try:
            sock = socket.socket(family=family, type=socket.SOCK_DGRAM, proto=proto)
            with _closing_on_error(sock):
                if reuse_port:
                    _set_reuseport(sock)
                if broadcast:
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
                sock.setblocking(False)
                if local:
                    sock.bind(local)
                if remote and not broadcast:
                    await loop.sock_connect(sock, remote)
            return sock, remote
        except OSError as exc:
            failures.append(exc.with_traceback(None))  # whose frames hold the list: a cycle
    raise failures.pop(0)


def _remove_stale_socket(path: str | bytes) -> None:
    """Remove the file that a socket of an earlier run has left, so that one can be bound there."""
    _remove_if(path, lambda file: stat.S_ISSOCK(file.st_mode), "check or remove stale")


def _remove_if(path: str | bytes, wanted: Callable[[os.stat_result], bool], purpose: str) -> None:
    try:
        if path[:1] not in ("\0", b"\0") and wanted(os.stat(path)):  # Linux's abstract sockets
            os.remove(path)
    except OSError as exc:  # perhaps nothing but making sockets is allowed there
        if not isinstance(exc, FileNotFoundError):
            logger.error("Unable to %s UNIX socket %r: %r", purpose, path, exc)
