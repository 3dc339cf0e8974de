"""The loop to use, with the last chapter: Unix sockets.

Purpose: `SelectorEventLoop`, which `new_event_loop()` makes.
Rules: it is last in the reading order, for it stands on everything before it.
This file does not know more than its chapters do: base_events (turns), selector_events
(descriptors), mishaps, threads, sockets, sendfile, connections, datagrams, signals, pipes,
subprocess.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import os
import socket
from collections.abc import Callable, Iterator
from selectors import EVENT_WRITE

from . import datagrams, transports
from .connections import AbstractServer, ProtocolFactory, Server
from .descriptors import _SelectorSocketTransport
from .events import AbstractEventLoop
from .exceptions import SendfileNotAvailableError
from .hints import Any, TypeAlias
from .policies import AbstractEventLoopPolicy, DefaultEventLoopPolicy
from .sendfile import _send_blocks
from .sslproto import SSL, _client_tls, _server_tls
from .subprocess import BaseSubprocessTransport, SubprocessEventLoop

__all__ = ("EventLoop", "SelectorEventLoop")

Path: TypeAlias = "str | bytes | os.PathLike[Any]"


class SelectorEventLoop(SubprocessEventLoop):
    """The event loop of POSIX systems, over the best selector that the system has."""

    async def _sock_sendfile_native(self, sock: Any, file: Any, offset: int, count: Any) -> int:
        async def send_block(position: int, size: int) -> int:
            call = (os.sendfile, sock.fileno(), source, position, size)
            try:
                return await self._when_ready(EVENT_WRITE, sock, *call)
            except OSError as exc:
                if position == offset:
                    raise SendfileNotAvailableError("os.sendfile call failed") from exc
                raise

        try:
            source = file.fileno()
        except (AttributeError, OSError) as exc:
            raise SendfileNotAvailableError("not a regular file") from exc
        return await _send_blocks(send_block, file, offset, count)

    async def create_unix_connection(
        self, protocol_factory: ProtocolFactory, path: Path | None = None, *, ssl: SSL = None,
        sock: socket.socket | None = None, server_hostname: str | None = None,
        ssl_handshake_timeout: float | None = None, ssl_shutdown_timeout: float | None = None,
    ) -> tuple[Any, Any]:  # fmt: skip
        """Connect to the Unix socket at `path`, or take a connected `sock`; see create_connection.

        Raises OSError if nobody listens there.
        """
        if ssl and server_hostname is None:
            raise ValueError("you have to pass server_hostname when using ssl")
        tls = _client_tls(ssl, server_hostname, ssl_handshake_timeout, ssl_shutdown_timeout)
        with _socket_for(path, sock, "no path and sock were specified") as sock:
            if path is not None:
                sock.setblocking(False)
                await self.sock_connect(sock, os.fspath(path))
        return await self._make_connection(sock, protocol_factory, tls)

    async def create_unix_server(
        self, protocol_factory: ProtocolFactory, path: Path | None = None, *,
        sock: socket.socket | None = None, backlog: int = 100, ssl: SSL = None,
        ssl_handshake_timeout: float | None = None, ssl_shutdown_timeout: float | None = None,
        start_serving: bool = True, cleanup_socket: bool = True,
    ) -> Server:  # fmt: skip
        """Listen on the Unix socket at `path`, or on `sock`; see create_server.

        A socket file that an earlier server has left at `path` is replaced. With `cleanup_socket`
        the file is removed when the server is closed, if it is still the same (gh-111246).
        """
        tls = _server_tls(ssl, ssl_handshake_timeout, ssl_shutdown_timeout)
        with _socket_for(path, sock, "path was not specified, and no sock specified") as sock:
            if path is not None:
                _bind(sock, os.fspath(path))
        clean_up = _remover_of_file(sock) if cleanup_socket else None
        server = Server(self, [sock], protocol_factory, backlog, tls, clean_up)
        return await self._serve(server, start_serving)


@contextlib.contextmanager
def _socket_for(path: Path | None, sock: socket.socket | None,
                if_neither: str) -> Iterator[socket.socket]:  # fmt: skip
    """`sock`, if it may be used; for `path` a new one, which is closed where the block fails."""
    if sock is None:
        if path is None:
            raise ValueError(if_neither)
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    elif path is not None:
        raise ValueError("path and sock can not be specified at the same time")
    elif sock.family != socket.AF_UNIX or sock.type != socket.SOCK_STREAM:
        raise ValueError(f"A UNIX Domain Stream Socket was expected, got {sock!r}")
    try:
        yield sock
    except BaseException:
        sock.close()
        raise


def _bind(sock: socket.socket, path: str | bytes) -> None:
    """Bind `sock` to `path`, in place of a socket that an earlier server has left there."""
    datagrams._remove_stale_socket(path)
    try:
        sock.bind(path)
    except OSError as exc:
        if exc.errno != errno.EADDRINUSE:
            raise
        raise OSError(exc.errno, f"Address {path!r} is already in use") from None


def _remover_of_file(sock: socket.socket) -> Callable[[], None] | None:
    path = sock.getsockname()
    if not datagrams._has_file(path) or not os.path.exists(path):
        return None
    ours = os.stat(path).st_ino
    return lambda: datagrams._remove_if(path, lambda it: it.st_ino == ours, "clean up listening")


EventLoop = SelectorEventLoop

DefaultEventLoopPolicy._loop_factory = SelectorEventLoop


def _declare(abstract: type, concrete: type, names: str = "") -> None:
    """Give a base class methods of an implementation, for other implementations to fill in.

    asyncio writes these methods out, each with nothing but `raise NotImplementedError`.
    """
    for name in names.split() or dir(concrete):
        method = getattr(concrete, name)
        if callable(method) and not name.startswith("_") and not hasattr(abstract, name):
            setattr(abstract, name, _unimplemented(method))


def _unimplemented(method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    def refuse(*args: object, **kwargs: object) -> None:
        raise NotImplementedError

    return refuse


_declare(AbstractEventLoop, SelectorEventLoop)
_declare(AbstractEventLoopPolicy, DefaultEventLoopPolicy)
_declare(AbstractServer, Server)
_declare(transports.BaseTransport, _SelectorSocketTransport,
         "is_closing close set_protocol get_protocol")  # fmt: skip
_declare(transports.ReadTransport, _SelectorSocketTransport,
         "is_reading pause_reading resume_reading")  # fmt: skip
_declare(transports.WriteTransport, _SelectorSocketTransport, "write write_eof can_write_eof abort "
         "get_write_buffer_size get_write_buffer_limits set_write_buffer_limits")  # fmt: skip
_declare(transports.DatagramTransport, datagrams._SelectorDatagramTransport, "sendto abort")
_declare(transports.SubprocessTransport, BaseSubprocessTransport)
