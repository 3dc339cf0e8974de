"""Unix sockets: connections between processes of one machine, by a path.

Purpose: `create_unix_connection` and `create_unix_server`.
Invariants: those of connections.py. A server removes the file of its socket when it is closed, but
not a file that another server has put in its place.
The functions take the loop as their first argument: they are its methods (see unix_events.py). This
file does not depend on what the bytes mean. Read datagrams.py first.
"""

from __future__ import annotations

import errno
import os
import socket

from .connections import Connection, ProtocolFactory, Server, _make_connection, _serve
from .datagrams import _remove_if, _remove_stale_socket
from .events import Loop
from .hints import Callable, TypeAlias
from .sslproto import SSL, _client_tls, _server_tls
from .transports import _closing_on_error

Path: TypeAlias = str | bytes | os.PathLike[str] | os.PathLike[bytes]


async def create_unix_connection(
    loop: Loop, protocol_factory: ProtocolFactory, path: Path | None = None, *, ssl: SSL = None,
    sock: socket.socket | None = None, server_hostname: str | None = None,
    ssl_handshake_timeout: float | None = None, ssl_shutdown_timeout: float | None = None,
) -> Connection:  # fmt: skip
    """Connect to the Unix socket at `path`, or take a connected `sock`; see create_connection.

    Raises OSError if nobody listens there.
    """
    if ssl and server_hostname is None:
        raise ValueError("you have to pass server_hostname when using ssl")
    tls = _client_tls(ssl, server_hostname, ssl_handshake_timeout, ssl_shutdown_timeout)
    sock = _socket_for(path, sock, "no path and sock were specified")
    if path is not None:
        with _closing_on_error(sock):
            sock.setblocking(False)
            await loop.sock_connect(sock, os.fspath(path))
    return await _make_connection(loop, sock, protocol_factory, tls)


async def create_unix_server(
    loop: Loop, protocol_factory: ProtocolFactory, path: Path | None = None, *,
    sock: socket.socket | None = None, backlog: int = 100, ssl: SSL = None,
    ssl_handshake_timeout: float | None = None, ssl_shutdown_timeout: float | None = None,
    start_serving: bool = True, cleanup_socket: bool = True,
) -> Server:  # fmt: skip
    """Listen on the Unix socket at `path`, or on `sock`; see create_server.

    A socket file that an earlier server has left at `path` is replaced. With `cleanup_socket`
    the file is removed when the server is closed, if it is still the same (gh-111246).
    """
    tls = _server_tls(ssl, ssl_handshake_timeout, ssl_shutdown_timeout)
    sock = _socket_for(path, sock, "path was not specified, and no sock specified")
    if path is not None:
        with _closing_on_error(sock):
            _bind(sock, os.fspath(path))
    clean_up = _remover_of_file(sock.getsockname()) if cleanup_socket else None
    server = Server(loop, [sock], protocol_factory, backlog, tls, clean_up)
    return await _serve(server, start_serving)


def _socket_for(path: Path | None, sock: socket.socket | None, if_neither: str) -> socket.socket:
    """`sock`, if it may be used; for `path` a new one."""
    if sock is None:
        if path is None:
            raise ValueError(if_neither)
        return socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    if path is not None:
        raise ValueError("path and sock can not be specified at the same time")
    if sock.family != socket.AF_UNIX or sock.type != socket.SOCK_STREAM:
        raise ValueError(f"A UNIX Domain Stream Socket was expected, got {sock!r}")
    return sock


def _bind(sock: socket.socket, path: str | bytes) -> None:
    """Bind `sock` to `path`, in place of a socket that an earlier server has left there."""
    _remove_stale_socket(path)
    try:
        sock.bind(path)
    except OSError as exc:
        if exc.errno != errno.EADDRINUSE:
            raise
        raise OSError(exc.errno, f"Address {path!r} is already in use") from None


def _remover_of_file(path: str | bytes) -> Callable[[], None] | None:
    """What removes the file of a socket, unless it is another one by then."""
    if not os.path.exists(path):  # one of Linux's abstract sockets, or removed already
        return None
    ours = os.stat(path).st_ino
    return lambda: _remove_if(path, lambda it: it.st_ino == ours, "clean up listening")
