"""The loop to use, with the last chapter: Unix sockets.

Purpose: `SelectorEventLoop`, which `new_event_loop()` makes.
Rules: it is last in the reading order, for it stands on everything before it.
This file does not know more than its chapters do: base_events (turns), selector_events
(descriptors), mishaps, threads, sockets, sendfile, connections, servers, datagrams, signals, pipes,
subprocess.
"""

from __future__ import annotations

import errno
import functools
import os
import socket
import stat
from collections.abc import Callable
from typing import Any, TypeAlias

from .connections import ProtocolFactory
from .datagrams import _SelectorDatagramTransport
from .descriptors import _SelectorSocketTransport
from .events import AbstractEventLoop
from .format_helpers import logger
from .policies import AbstractEventLoopPolicy, DefaultEventLoopPolicy
from .servers import AbstractServer, Server
from .sslproto import SSL, _client_tls, _server_tls
from .subprocess import BaseSubprocessTransport, SubprocessEventLoop
from .transports import (
    BaseTransport, DatagramTransport, ReadTransport, SubprocessTransport, WriteTransport,
)  # fmt: skip

__all__ = ("EventLoop", "SelectorEventLoop")

Path: TypeAlias = "str | bytes | os.PathLike[Any]"


class SelectorEventLoop(SubprocessEventLoop):
    """The event loop of POSIX systems, over the best selector that the system has."""

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
        if path is None:
            sock = _checked("no path and sock were specified", sock)
        elif sock is not None:
            raise ValueError("path and sock can not be specified at the same time")
        else:
            sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                sock.setblocking(False)
                await self.sock_connect(sock, os.fspath(path))
            except BaseException:
                sock.close()
                raise
        return await self._make_connection(sock, protocol_factory, tls)

    async def create_unix_server(
        self, protocol_factory: ProtocolFactory, path: Path | None = None, *,
        sock: socket.socket | None = None, backlog: int = 100, ssl: SSL = None,
        ssl_handshake_timeout: float | None = None, ssl_shutdown_timeout: float | None = None,
        start_serving: bool = True, cleanup_socket: bool = True,
    ) -> Server:  # fmt: skip
        """Listen on the Unix socket at `path`, or on `sock`, and return the Server; see create_server.

        A socket file that an earlier server has left at `path` is replaced. With `cleanup_socket`
        the file is removed when the server is closed, if it is still the same.
        """
        tls = _server_tls(ssl, ssl_handshake_timeout, ssl_shutdown_timeout)
        if path is None:
            sock = _checked("path was not specified, and no sock specified", sock)
        elif sock is not None:
            raise ValueError("path and sock can not be specified at the same time")
        else:
            sock = _bind(os.fspath(path))
        clean_up = _remover_of_file(sock) if cleanup_socket else None
        server = Server(self, [sock], protocol_factory, backlog, tls, clean_up)
        return await self._serve(server, start_serving)


def _checked(complaint: str, sock: socket.socket | None) -> socket.socket:
    if sock is None:
        raise ValueError(complaint)
    if sock.family != socket.AF_UNIX or sock.type != socket.SOCK_STREAM:
        raise ValueError(f"A UNIX Domain Stream Socket was expected, got {sock!r}")
    return sock


def _has_file(path: str | bytes) -> bool:
    """False for Linux's abstract sockets, and for one without a name."""
    return path[:1] not in ("", b"", "\0", b"\0")


def _bind(path: str | bytes) -> socket.socket:
    """A socket bound to `path`, in place of one that an earlier server has left there."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        if _has_file(path) and stat.S_ISSOCK(os.stat(path).st_mode):
            os.remove(path)
    except FileNotFoundError:
        ...
    except OSError as exc:  # perhaps nothing but making sockets is allowed there
        logger.error("Unable to check or remove stale UNIX socket %r: %r", path, exc)
    try:
        sock.bind(path)
    except OSError as exc:
        sock.close()
        if exc.errno != errno.EADDRINUSE:
            raise
        raise OSError(exc.errno, f"Address {path!r} is already in use") from None
    return sock


def _remover_of_file(sock: socket.socket) -> Callable[[], None] | None:
    path = sock.getsockname()
    if not _has_file(path):
        return None
    return functools.partial(_remove_file, path, os.stat(path).st_ino)


def _remove_file(path: str, inode: int) -> None:
    """Remove a closed server's file, unless another server has put its own there (gh-111246)."""
    try:
        if os.stat(path).st_ino == inode:
            os.unlink(path)
    except FileNotFoundError:
        return
    except OSError as exc:
        logger.error("Unable to clean up listening UNIX socket %r: %r", path, exc)


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
_declare(BaseTransport, _SelectorSocketTransport, "is_closing close set_protocol get_protocol")
_declare(ReadTransport, _SelectorSocketTransport, "is_reading pause_reading resume_reading")
_declare(WriteTransport, _SelectorSocketTransport, "write write_eof can_write_eof abort "
         "get_write_buffer_size get_write_buffer_limits set_write_buffer_limits")  # fmt: skip
_declare(DatagramTransport, _SelectorDatagramTransport, "sendto abort")
_declare(SubprocessTransport, BaseSubprocessTransport)
