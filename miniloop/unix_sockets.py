"""Unix sockets: connections between processes of one machine, by a path.

Purpose: `create_unix_connection` and `create_unix_server`.
Invariants: those of connections.py. A server that is closed removes the file of its socket, but not
a file that another server has put in its place.
The functions take the loop as their first argument: they are its methods (see unix_events.py). This
file does not depend on what the bytes mean. Read datagrams.py first.
"""

from __future__ import annotations

import errno
import os
import socket

from . import connections, datagrams, sslproto
from .abstract import SSL, Connection, Path, ProtocolFactory
from .events import Loop
from .hints import Callable
from .transports import _closing_on_error


async def create_unix_connection(
    loop: Loop, protocol_factory: ProtocolFactory, path: Path | None = None, *, ssl: SSL = None,
    sock: socket.socket | None = None, server_hostname: str | None = None,
    ssl_handshake_timeout: float | None = None, ssl_shutdown_timeout: float | None = None,
) -> Connection:  # fmt: skip
    """Connect to the Unix socket at `path`, or use the connected `sock`.

    Returns `(transport, protocol)`. For `ssl` and its timeouts see `create_connection`. Raises
    OSError if no server listens there, ValueError for arguments that contradict each other.
    """
    if ssl and server_hostname is None:
        raise ValueError("you have to pass server_hostname when using ssl")
    tls = sslproto._tls(ssl, server_hostname, ssl_handshake_timeout, ssl_shutdown_timeout)
    sock = _socket_for(path, sock, "no path and sock were specified")
    if path is not None:
        with _closing_on_error(sock):
            sock.setblocking(False)
            await loop.sock_connect(sock, os.fspath(path))
    return await connections._make_connection(loop, sock, protocol_factory, tls)


async def create_unix_server(
    loop: Loop, protocol_factory: ProtocolFactory, path: Path | None = None, *,
    sock: socket.socket | None = None, backlog: int = 100, ssl: SSL = None,
    ssl_handshake_timeout: float | None = None, ssl_shutdown_timeout: float | None = None,
    start_serving: bool = True, cleanup_socket: bool = True,
) -> connections.Server:  # fmt: skip
    """Listen on the Unix socket at `path`, or on the bound `sock`; return the Server.

    A socket file that an earlier server has left at `path` is replaced. With `cleanup_socket`, the
    file is removed when the server is closed, unless it was replaced in the meantime (gh-111246).
    For the other parameters see `create_server`. Raises OSError if `path` cannot be used.
    """
    tls = sslproto._server_tls(ssl, ssl_handshake_timeout, ssl_shutdown_timeout)
    sock = _socket_for(path, sock, "path was not specified, and no sock specified")
    if path is not None:
        with _closing_on_error(sock):
            _bind(sock, os.fspath(path))
    clean_up = _remover_of_file(sock.getsockname()) if cleanup_socket else None
    server = connections.Server(loop, [sock], protocol_factory, backlog, tls, clean_up)
    if start_serving:
        await server.start_serving()
    return server


def _socket_for(path: Path | None, sock: socket.socket | None, if_neither: str) -> socket.socket:
    """Return `sock` or, if `path` is given, a new socket; raise ValueError if both or none are."""
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
    """Bind `sock` to `path`; replace a socket file that an earlier server has left there."""
    datagrams._remove_stale_socket(path)
    try:
        sock.bind(path)
    except OSError as exc:
        if exc.errno != errno.EADDRINUSE:
            raise
        raise OSError(exc.errno, f"Address {path!r} is already in use") from None


def _remover_of_file(path: str | bytes) -> Callable[[], None] | None:
    """Return a function that removes the file of a socket, unless it was replaced by another."""
    if not os.path.exists(path):  # an abstract socket of Linux, or a file that is gone already
        return None
    ours, purpose = os.stat(path).st_ino, "clean up listening"
    return lambda: datagrams._remove_if(path, lambda file: file.st_ino == ours, purpose)
