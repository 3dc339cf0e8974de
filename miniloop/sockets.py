"""loop.sock_recv and its like: coroutines on a plain non-blocking socket.

Purpose: the thinnest layer of networking. Each method is the system call of its name, tried at once
and, where that would block, again whenever the selector finds the socket ready.
Rules: the socket is the caller's, and has to be non-blocking; one coroutine at a time may read from
it and one write to it.
This file does not know transports, except that they own their sockets. Read selector_events.py
first.
"""

from __future__ import annotations

import contextlib
import socket
import sys
from selectors import EVENT_READ, EVENT_WRITE

from .descriptors import _WOULD_BLOCK
from .events import Loop
from .hints import Any, Callable, T
from .selector_events import _set_handle

Address = Any


async def sock_recv(loop: Loop, sock: socket.socket, n: int) -> bytes:
    """Return up to `n` bytes as soon as there are any; b"" at the end of file."""
    return await _perform(loop, EVENT_READ, sock, sock.recv, n)


async def sock_recv_into(loop: Loop, sock: socket.socket, buf: Any) -> int:
    """Fill `buf` with what there is, as soon as there is any; return the number of bytes."""
    return await _perform(loop, EVENT_READ, sock, sock.recv_into, buf)


async def sock_recvfrom(loop: Loop, sock: socket.socket, bufsize: int) -> tuple[bytes, Address]:
    """Return a datagram of up to `bufsize` bytes and the address that it came from."""
    return await _perform(loop, EVENT_READ, sock, sock.recvfrom, bufsize)


async def sock_recvfrom_into(loop: Loop, sock: socket.socket, buf: Any, nbytes: int = 0
                             ) -> tuple[int, Address]:  # fmt: skip
    """Put a datagram of up to `nbytes` bytes (0: all of `buf`) there; return size, sender."""
    return await _perform(loop, EVENT_READ, sock, sock.recvfrom_into, buf, nbytes or len(buf))


async def sock_sendto(loop: Loop, sock: socket.socket, data: Any, address: Address) -> int:
    """Send `data` as a datagram to `address`; return the number of bytes sent."""
    return await _perform(loop, EVENT_WRITE, sock, lambda: sock.sendto(data, address))


async def sock_sendall(loop: Loop, sock: socket.socket, data: Any) -> None:
    """Send all of `data`. After an error nobody knows how much of it has arrived."""
    _check_socket(loop, sock)
    try:
        sent = sock.send(data)
    except _WOULD_BLOCK:
        sent = 0
    view = memoryview(data)
    if sent < view.nbytes:
        rest = [view.cast("B")[sent:]]  # as bytes, which send() counts
        await _when_ready(loop, EVENT_WRITE, sock, _send_rest, sock, rest)


async def sock_connect(loop: Loop, sock: socket.socket, address: Address) -> None:
    """Connect `sock` to `address`; a host name in it is looked up."""
    _check_socket(loop, sock)
    if sock.family in (socket.AF_INET, socket.AF_INET6):
        found = await loop._ensure_resolved(
            address, family=sock.family, type=sock.type, proto=sock.proto
        )
        address = found[0][4]
    try:
        sock.connect(address)
    except _WOULD_BLOCK:
        waiting = _when_ready(loop, EVENT_WRITE, sock, _finish_connecting, sock, address)
    else:
        return
    # The kernel goes on; the socket becomes writable when it has succeeded or failed.
    await waiting


async def sock_accept(loop: Loop, sock: socket.socket) -> tuple[socket.socket, Address]:
    """Return the next connection to a listening socket, as a new socket, and its address."""
    return await _perform(loop, EVENT_READ, sock, _accept, sock)


# -- inside ----------------------------------------------------------------------------------------


async def _perform(loop: Loop, event: int, sock: socket.socket, operation: Callable[..., T],
                   *args: Any) -> T:  # fmt: skip
    """Call `operation(*args)` at once and, where that would block, after each `event`."""
    _check_socket(loop, sock)
    try:
        return operation(*args)
    except _WOULD_BLOCK:
        waiting = _when_ready(loop, event, sock, operation, *args)
    return await waiting  # out here, so that what it raises has nothing to do with the above


async def _when_ready(loop: Loop, event: int, sock: socket.socket, operation: Callable[..., T],
                      *args: Any) -> T:  # fmt: skip
    """Call `operation(*args)` after each `event` on `sock`, until it does not block."""
    fd = sock.fileno()
    loop._ensure_fd_no_transport(fd)
    outcome = loop.create_future()
    watch = loop._add_reader if event == EVENT_READ else loop._add_writer
    watcher = watch(fd, _attempt, outcome, operation, args)
    try:
        return await outcome  # type: ignore[no-any-return]
    finally:
        if not watcher.cancelled():  # else somebody else watches by now
            _unwatch(loop, fd, event)
        del outcome  # it may hold an exception, whose traceback holds this frame


def _unwatch(loop: Loop, fd: int, event: int) -> None:
    try:
        _set_handle(loop, fd, event, None)
    except OSError:
        return  # the socket has been closed


async def _ensure_resolved(loop: Loop, address: Address, *, family: int = 0, type: int = 0,
                           proto: int = 0, flags: int = 0) -> list[Any]:  # fmt: skip
    """What getaddrinfo() says of `address`; without it where the host is a number already."""
    host, port = address[:2]
    info = _info_of_number(host, port, family, type, proto, *address[2:])
    if info is not None:
        return [info]
    return await loop.getaddrinfo(host, port, family=family, type=type, proto=proto, flags=flags)  # type: ignore[no-any-return]


def _check_socket(loop: Loop, sock: socket.socket) -> None:
    _check_ssl_socket(sock)
    if loop._debug and sock.gettimeout() != 0:
        raise ValueError("the socket must be non-blocking")


def _attempt(outcome: Any, operation: Callable[..., Any], args: tuple[Any, ...]) -> None:
    """Try `operation` and end the future `outcome` as it ends, unless it would block."""
    if outcome.done():
        return  # cancelled, in this very turn
    try:
        result = operation(*args)
    except _WOULD_BLOCK:
        return
    except (SystemExit, KeyboardInterrupt):
        raise
    except BaseException as exc:
        outcome.set_exception(exc)
        del outcome  # the exception's traceback holds this frame
    else:
        outcome.set_result(result)


def _send_rest(sock: socket.socket, rest: list[memoryview]) -> None:
    rest[0] = rest[0][sock.send(rest[0]) :]
    if rest[0]:
        raise BlockingIOError  # the kernel took a part: come again


def _finish_connecting(sock: socket.socket, address: Address) -> None:
    error = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if error:
        raise OSError(error, f"Connect call failed {address}")


def _accept(sock: socket.socket) -> tuple[socket.socket, Address]:
    connection, address = sock.accept()
    connection.setblocking(False)
    return connection, address


def _check_ssl_socket(sock: socket.socket) -> None:
    """Refuse an ssl.SSLSocket, whose calls block in ways that no selector shows."""
    ssl = sys.modules.get("ssl")  # whoever has an SSLSocket has imported it; we need not
    if ssl is not None and isinstance(sock, ssl.SSLSocket):
        raise TypeError("Socket cannot be of type SSLSocket")


_PROTO_OF_TYPE = {socket.SOCK_STREAM: socket.IPPROTO_TCP, socket.SOCK_DGRAM: socket.IPPROTO_UDP}


def _info_of_number(host: Any, port: Any, family: int, type: int, proto: int, flowinfo: int = 0,
                    scopeid: int = 0) -> tuple[Any, ...] | None:  # fmt: skip
    """The entry of getaddrinfo() for a numeric address; None where a name has to be looked up.

    It spares a thread for the commonest case.
    """
    if host is None or type not in _PROTO_OF_TYPE or proto not in (0, *_PROTO_OF_TYPE.values()):
        return None
    try:
        port = int(port or 0)
    except (TypeError, ValueError):
        return None  # the name of a service
    if isinstance(host, bytes):
        host = host.decode("idna")
    if "%" in host:
        return None  # an IPv6 zone, which inet_pton does not know
    for candidate in [family] if family else [socket.AF_INET, socket.AF_INET6]:
        with contextlib.suppress(OSError):
            socket.inet_pton(candidate, host)
            is_v6 = candidate == socket.AF_INET6
            where = (host, port, flowinfo, scopeid) if is_v6 else (host, port)
            return candidate, type, _PROTO_OF_TYPE[socket.SocketKind(type)], "", where
    return None
