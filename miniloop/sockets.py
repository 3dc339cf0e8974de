"""loop.sock_recv and similar methods: coroutines on a plain non-blocking socket.

Purpose: the lowest layer of networking. Each function makes the system call of its name at once. If
the call would block, it is made again each time the selector reports the socket as ready.
Invariants: the socket belongs to the caller, which sets it to non-blocking, and closes it. At most
one coroutine waits to read from a socket, and one to write to it: a second one replaces the first,
which is then never resumed. A socket that has a transport is refused.
The functions take the loop as their first argument: they are the methods of BaseSelectorEventLoop
(see unix_events.py). This file does not depend on transports and protocols. Read selector_events.py
first.
"""

from __future__ import annotations

import contextlib
import errno
import socket
import sys
from selectors import EVENT_READ, EVENT_WRITE

from . import descriptors, selector_events
from .abstract import Address
from .events import Loop
from .hints import Any, Callable, T


async def sock_recv(loop: Loop, sock: socket.socket, n: int) -> bytes:
    """Wait until there is data; return up to `n` bytes of it, b"" at the end of the stream."""
    return await _perform(loop, EVENT_READ, sock, sock.recv, n)


async def sock_recv_into(loop: Loop, sock: socket.socket, buf: Any) -> int:
    """Wait until there is data; write it into the buffer `buf` and return the number of bytes."""
    return await _perform(loop, EVENT_READ, sock, sock.recv_into, buf)


async def sock_recvfrom(loop: Loop, sock: socket.socket, bufsize: int) -> tuple[bytes, Address]:
    """Wait for a datagram; return up to `bufsize` bytes of it, and the address of its sender."""
    return await _perform(loop, EVENT_READ, sock, sock.recvfrom, bufsize)


async def sock_recvfrom_into(loop: Loop, sock: socket.socket, buf: Any, nbytes: int = 0
                             ) -> tuple[int, Address]:  # fmt: skip
    """Wait for a datagram; write up to `nbytes` bytes of it into the buffer `buf`.

    0 means the length of `buf`. Returns the number of bytes and the address of the sender.
    """
    return await _perform(loop, EVENT_READ, sock, sock.recvfrom_into, buf, nbytes or len(buf))


async def sock_sendto(loop: Loop, sock: socket.socket, data: Any, address: Address) -> int:
    """Send `data` as one datagram to `address`; return the number of bytes sent."""
    return await _perform(loop, EVENT_WRITE, sock, lambda: sock.sendto(data, address))


async def sock_sendall(loop: Loop, sock: socket.socket, data: Any) -> None:
    """Send all of `data`, an object with the buffer interface.

    If it raises or is cancelled, there is no way to find out how much has been sent.
    """
    rest = data

    def send_rest() -> None:
        nonlocal rest
        sent = sock.send(rest)
        view = memoryview(rest)
        if sent < view.nbytes:
            # send() returns a number of bytes. The items of `data` can be larger, as in an array of
            # integers, and then `data[sent:]` would be the wrong rest.
            rest = view.cast("B")[sent:]
            raise BlockingIOError  # the kernel took a part: call again for the rest

    await _perform(loop, EVENT_WRITE, sock, send_rest)


async def sock_connect(loop: Loop, sock: socket.socket, address: Address) -> None:
    """Connect `sock` to `address`; a host name in it is looked up first.

    Raises OSError if the connection is refused, or the name has no address.
    """
    _check_socket(loop, sock)
    if sock.family in (socket.AF_INET, socket.AF_INET6):
        lookup = {"family": sock.family, "type": sock.type, "proto": sock.proto}
        address = (await loop._ensure_resolved(address, **lookup))[0][4]  # the first one found
    try:
        return sock.connect(address)
    except descriptors._WOULD_BLOCK as exc:
        # The backlog of a Unix socket is full. Then the kernel does not connect in the background,
        # although the socket is writable: the program would write to no connection.
        if exc.errno == errno.EAGAIN:
            raise
    # The kernel connects in the background; then the socket becomes writable. Why not call
    # connect() again, as _perform would: what a second call returns depends on the system.
    return await _when_ready(loop, EVENT_WRITE, sock, _finish_connecting, sock, address)


async def sock_accept(loop: Loop, sock: socket.socket) -> tuple[socket.socket, Address]:
    """Wait for a connection to the listening `sock`; return a new socket and the peer's address."""
    return await _perform(loop, EVENT_READ, sock, _accept, sock)


# -- trying again when the socket is ready ---------------------------------------------------------


async def _perform(loop: Loop, event: int, sock: socket.socket, operation: Callable[..., T],
                   *args: Any) -> T:  # fmt: skip
    """Call `operation(*args)`; if that would block, wait for `event` and call it again."""
    _check_socket(loop, sock)
    try:
        return operation(*args)
    except descriptors._WOULD_BLOCK:
        waiting = _when_ready(loop, event, sock, operation, *args)
    # Not inside the `except`: what is raised here would have the BlockingIOError as its context.
    return await waiting


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
        # A cancelled handle has been replaced. Whoever did that watches the descriptor now:
        #     waiting = create_task(loop.sock_recv(sock, 100))
        #     loop.add_reader(sock, print); waiting.cancel()
        if not watcher.cancelled():
            with contextlib.suppress(OSError):  # from a descriptor that the program has closed
                selector_events._set_handle(loop, fd, event, None)
        del outcome  # a cycle otherwise: outcome, its exception, the traceback, this frame


def _attempt(outcome: Any, operation: Callable[..., Any], args: tuple[Any, ...]) -> None:
    """Call `operation` and complete the future `outcome` with what it does, unless it blocks."""
    if outcome.done():
        return  # it was cancelled in this iteration, when this call was in the ready queue already
    try:
        outcome.set_result(operation(*args))
    except descriptors._WOULD_BLOCK:
        return
    except (SystemExit, KeyboardInterrupt):
        raise
    except BaseException as exc:
        outcome.set_exception(exc)
        del outcome  # a cycle otherwise: outcome, its exception, the traceback, this frame


def _finish_connecting(sock: socket.socket, address: Address) -> None:
    if error := sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
        raise OSError(error, f"Connect call failed {address}")


def _accept(sock: socket.socket) -> tuple[socket.socket, Address]:
    connection, address = sock.accept()
    connection.setblocking(False)
    return connection, address


def _check_socket(loop: Loop, sock: socket.socket) -> None:
    """Raise TypeError for an SSLSocket and, in debug mode, ValueError for a blocking socket."""
    _check_ssl_socket(sock)
    if loop._debug and sock.gettimeout() != 0:
        raise ValueError("the socket must be non-blocking")


def _check_ssl_socket(sock: socket.socket | None) -> None:
    """Raise TypeError for an ssl.SSLSocket.

    It can hold data that is decrypted already, which no selector reports; and its recv() may have
    to wait until the socket is writable.
    """
    ssl = sys.modules.get("ssl")  # not imported: then `sock` is not an SSLSocket
    if ssl is not None and isinstance(sock, ssl.SSLSocket):
        raise TypeError("Socket cannot be of type SSLSocket")


# -- addresses -------------------------------------------------------------------------------------


async def _ensure_resolved(loop: Loop, address: Address, *, family: int = 0, type: int = 0,
                           proto: int = 0, flags: int = 0) -> list[Any]:  # fmt: skip
    """Return what getaddrinfo() returns for `address`; do not call it for a numeric address."""
    host, port = address[:2]
    if info := _info_of_number(host, port, family, type, proto, *address[2:]):
        return [info]
    return await loop.getaddrinfo(host, port, family=family, type=type, proto=proto, flags=flags)  # type: ignore[no-any-return]


_PROTO_OF_TYPE = {socket.SOCK_STREAM: socket.IPPROTO_TCP, socket.SOCK_DGRAM: socket.IPPROTO_UDP}


def _info_of_number(host: Any, port: Any, family: int, type: int, proto: int, flowinfo: int = 0,
                    scopeid: int = 0) -> tuple[Any, ...] | None:  # fmt: skip
    """Return the getaddrinfo() entry of a numeric address; None if something must be looked up.

    A look-up takes a call in another thread. Numeric addresses are frequent, and need none.
    """
    if host is None or type not in _PROTO_OF_TYPE or proto not in (0, *_PROTO_OF_TYPE.values()):
        return None
    try:
        port = int(port or 0)
    except (TypeError, ValueError):
        return None  # the name of a service, such as "http"
    if isinstance(host, bytes):
        host = host.decode("idna")
    if "%" in host:
        return None  # an IPv6 zone, as in fe80::1%eth0: inet_pton() does not accept it
    for af in [family] if family else [socket.AF_INET, socket.AF_INET6]:
        with contextlib.suppress(OSError):
            socket.inet_pton(af, host)
            where = (host, port, flowinfo, scopeid) if af == socket.AF_INET6 else (host, port)
            return af, type, _PROTO_OF_TYPE[socket.SocketKind(type)], "", where
    return None
