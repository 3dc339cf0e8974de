"""Connections and servers: how a socket gets a transport and a protocol.

Purpose: `create_connection` looks up the addresses of a host and tries them until one answers.
`create_server` listens, and accepts connections. Both then make a protocol, a transport for the
socket and, if the program asks for it, TLS between the two. `create_unix_connection` and
`create_unix_server` do the same between processes of one machine, by a path.
Invariants: a socket that is made here is closed if connecting or binding fails or is cancelled.
From the moment it has a transport, the transport owns it and closes it. A server that is closed
removes the file of its Unix socket, but not a file that another server has put in its place.

The states of a Server. In the last two it has no listening sockets:

    created → serving           start_serving(), serve_forever(), or create_server() by default
    created, serving → closed   close()
    closed → over               its last connection ends; at once if there is none

Only a server that is serving accepts connections; wait_closed() returns when it is over.
The functions whose first parameter is `loop` are methods of the loop (see unix_events.py). This
file does not depend on what the bytes mean. Read descriptors.py, sockets.py and staggered.py first.
"""

from __future__ import annotations

import errno
import os
import socket
import stat
from contextlib import ExitStack, closing, suppress
from contextvars import copy_context
from functools import partial
from weakref import WeakSet

from . import combinators, descriptors, exceptions, futures, locks, tasks
from .abstract import SSL, AbstractServer, Connection, Path, ProtocolFactory
from .events import Callback, Loop, _report
from .format_helpers import logger
from .hints import Any, Callable, Coro, Final, Iterable
from .sockets import _check_ssl_socket
from .sslproto import TLS, _server_tls, _tls
from .staggered import AddrInfo, _interleave, staggered_race
from .transports import TransportSocket, _closing_on_error, _opened

__all__ = ("Server",)

#: Seconds until a server calls accept() again after the system had no descriptors left.
ACCEPT_RETRY_DELAY: Final = 1


class Server(AbstractServer):
    """The listening sockets of `create_server`, and the connections that they have accepted.

    At the end of `async with server`, it is closed, and `wait_closed` is awaited.
    """

    def __init__(self, loop: Loop, sockets: list[socket.socket], factory: ProtocolFactory,
                 backlog: int, tls: TLS | None, after_close: Callback | None = None
                 ) -> None:  # fmt: skip
        self._loop = loop
        self._sockets: list[socket.socket] | None = sockets  # None: closed, or over
        self._factory = factory  # makes the protocol of each connection
        self._backlog = backlog  # how many connections the kernel keeps for the next accept()
        self._tls = tls  # makes the TLS part of each connection; None: no TLS
        self._after_close = after_close  # removes the file of a Unix socket
        self._context = copy_context()  # each connection runs in a copy of it (gh-140947)
        self._serving = False
        self._serving_forever: futures.Future[None] | None = None  # what serve_forever() awaits
        # The transports of open connections. Weak references, so that a transport which the program
        # has lost is freed, and its __del__ warns.
        self._clients: WeakSet[Any] = WeakSet()
        self._over = locks.Event()  # wait_closed() awaits it

    @property
    def sockets(self) -> tuple[TransportSocket, ...]:
        """The listening sockets; empty once the server is closed."""
        return tuple(TransportSocket(sock) for sock in self._sockets or ())

    @property
    def _ssl_context(self) -> Any:
        """The ssl.SSLContext, or None if there is no TLS. Other libraries read this."""
        return self._tls and self._tls.keywords["sslcontext"]

    def get_loop(self) -> Loop:
        """Return the loop that the server belongs to."""
        return self._loop

    def is_serving(self) -> bool:
        """Return True while the server accepts connections."""
        return self._serving

    async def start_serving(self) -> None:
        """Start to accept connections; no effect if the server does so already.

        Raises RuntimeError if the server is closed.
        """
        self._start_serving()
        await tasks.sleep(0)  # asyncio also lets one iteration pass, which programs can observe

    def _start_serving(self) -> None:
        if self._sockets is None:
            raise RuntimeError(f"server {self!r} is closed")
        if not self._serving:
            self._serving = True
            for sock in self._sockets:
                sock.setblocking(False)
                sock.listen(self._backlog)
                _start_accepting(self._loop, sock, self)

    async def serve_forever(self) -> None:
        """Accept connections until cancelled. Then close, clients too, wait for the end, and raise.

        Also ends, with CancelledError, if `close` is called. Raises RuntimeError if the server is
        closed, or serve_forever() is already waiting.
        """
        if self._serving_forever is not None:
            raise RuntimeError(f"server {self!r} is already being awaited on serve_forever()")
        self._start_serving()
        self._serving_forever = self._loop.create_future()
        try:
            await self._serving_forever
        except exceptions.CancelledError:
            self.close()
            self.close_clients()  # or a handler that reads would wait for its client (gh-123720)
            await self.wait_closed()
            raise
        finally:
            self._serving_forever = None

    def close(self) -> None:
        """Stop listening. Open connections stay open: see close_clients() and abort_clients()."""
        sockets, self._sockets = self._sockets, None
        if sockets is None:
            return
        for sock in sockets:
            self._loop._remove_reader(sock.fileno())
            sock.close()
        if self._after_close is not None:
            self._after_close()
        self._serving = False
        # cancel() returns False if serve_forever() was cancelled and has called this method itself.
        if self._serving_forever is not None and self._serving_forever.cancel():
            self._serving_forever = None
        self._wake_up_if_over()

    def close_clients(self) -> None:
        """Close all open connections, each after its write buffer has been sent."""
        for transport in self._clients.copy():
            transport.close()

    def abort_clients(self) -> None:
        """Close all open connections at once; what their write buffers hold is lost."""
        for transport in self._clients.copy():
            transport.abort()

    async def wait_closed(self) -> None:
        """Wait until the server is closed and its last connection has ended (gh-79033)."""
        await self._over.wait()

    def _attach(self, transport: Any) -> None:
        """Count a new connection; its transport calls this."""
        self._clients.add(transport)

    def _detach(self, transport: Any) -> None:
        """Forget a connection that has ended; its transport calls this."""
        self._clients.discard(transport)
        self._wake_up_if_over()

    def _wake_up_if_over(self) -> None:
        if self._sockets is None and not self._clients:
            self._over.set()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} sockets={self.sockets!r}>"


# -- clients ---------------------------------------------------------------------------------------


async def create_connection(loop: Loop, protocol_factory: ProtocolFactory,
        host: str | bytes | None = None, port: str | int | None = None, *, ssl: SSL = None,
        family: int = 0, proto: int = 0, flags: int = 0, sock: socket.socket | None = None,
        local_addr: tuple[str, int] | None = None, server_hostname: str | None = None,
        ssl_handshake_timeout: float | None = None, ssl_shutdown_timeout: float | None = None,
        happy_eyeballs_delay: float | None = None, interleave: int | None = None,
        all_errors: bool = False) -> Connection:  # fmt: skip
    """Connect to `host` and `port`, or use the connected `sock`; return `(transport, protocol)`.

    A host can have several addresses. They are tried one after the other until one answers. With
    `happy_eyeballs_delay` in seconds, the next attempt starts when the one before has not succeeded
    within that time, and the first to succeed is used (RFC 8305). `interleave` makes the families
    alternate: that many addresses of the first family come first. `local_addr` is an address to
    connect from. `ssl` is True or an SSLContext for TLS; the server must prove that it is
    `server_hostname`, by default `host`. Its timeouts are in seconds; see sslproto.py.
    Raises OSError if no address answers; with `all_errors` an ExceptionGroup of all errors. Raises
    ValueError for arguments that contradict each other.
    """
    if ssl and server_hostname is None:
        if not host:
            raise ValueError("You must set server_hostname when using ssl without a host")
        server_hostname = host  # type: ignore[assignment]
    tls = _tls(ssl, server_hostname, ssl_handshake_timeout, ssl_shutdown_timeout)
    _check_target(host, port, sock, "host and port was not specified and no sock specified")
    if sock is None:
        lookup = {"family": family, "type": socket.SOCK_STREAM, "proto": proto, "flags": flags}
        infos = await _look_up(loop, (host, port), **lookup)
        local = None if local_addr is None else await _look_up(loop, local_addr, **lookup)
        if interleave or (interleave is None and happy_eyeballs_delay is not None):
            infos = _interleave(infos, interleave or 1)
        sock = await _connect_first(loop, infos, local, happy_eyeballs_delay, all_errors)
    return await _make_connection(loop, sock, protocol_factory, tls)


async def _look_up(loop: Loop, address: tuple[Any, Any], **hints: int) -> list[AddrInfo]:
    """Return the getaddrinfo() entries of a host and port; raise OSError if there are none."""
    if infos := await loop._ensure_resolved(address, **hints):
        return infos  # type: ignore[no-any-return]
    raise OSError("getaddrinfo() returned empty list")


async def _connect_first(loop: Loop, infos: list[AddrInfo], local: list[AddrInfo] | None,
                         delay: float | None, all_errors: bool) -> socket.socket:  # fmt: skip
    """Return a socket that is connected to the first address that answers."""
    errors: list[OSError] = []
    attempts = [partial(_connect_one, loop, info, local, errors) for info in infos]
    try:
        if delay is None:
            for attempt in attempts:
                with suppress(OSError):
                    return await attempt()
        # Only the socket: the exceptions will refer to this frame (gh-124858).
        elif (sock := (await staggered_race(attempts, delay))[0]) is not None:
            return sock
        raise _no_address_answered(errors, all_errors)
    finally:
        # However it ends: an exception's traceback holds frames that hold this list.
        errors.clear()


async def _connect_one(loop: Loop, info: AddrInfo, local: list[AddrInfo] | None,
                       errors: list[OSError]) -> socket.socket:  # fmt: skip
    """Return a socket that is connected to one address; add an OSError to `errors`, and raise."""
    family, kind, proto, _, address = info
    try:
        sock = socket.socket(family=family, type=kind, proto=proto)
        with _closing_on_error(sock):
            sock.setblocking(False)
            if local is not None:
                _bind_to_first(sock, local, errors)
            await loop.sock_connect(sock, address)
        return sock
    except OSError as exc:
        # Without the traceback: its frames hold `errors`, and there would be a reference cycle.
        errors.append(exc.with_traceback(None))
        raise


async def connect_accepted_socket(loop: Loop, protocol_factory: ProtocolFactory,
        sock: socket.socket, *, ssl: SSL = None, ssl_handshake_timeout: float | None = None,
        ssl_shutdown_timeout: float | None = None) -> Connection:  # fmt: skip
    """Return `(transport, protocol)` for a connected socket; the program has called accept().

    With an SSLContext as `ssl`, it is the server's side of a TLS connection.
    """
    _check_target(None, None, sock, "sock was not specified")
    tls = _tls(ssl, None, ssl_handshake_timeout, ssl_shutdown_timeout, server_side=True)
    return await _make_connection(loop, sock, protocol_factory, tls)


async def _make_connection(loop: Loop, sock: socket.socket, factory: ProtocolFactory,
                           tls: TLS | None, **options: Any) -> Connection:  # fmt: skip
    """Make a protocol and its transport for a connected socket, with TLS if `tls` is not None.

    All callbacks of the connection run in one context, by default a copy of the current one.
    """
    kind = descriptors._SelectorSocketTransport if tls is None else partial(_tls_transport, tls)
    options.setdefault("context", copy_context())
    with _closing_on_error(sock):  # no transport owns it yet (gh-153133)
        sock.setblocking(False)
        opening = _make_transport(loop, kind, sock, factory, **options)
    return await opening


def _tls_transport(tls: TLS, loop: Loop, sock: socket.socket, protocol: Any, waiter: Any,
                   **options: Any) -> Any:  # fmt: skip
    """Make a TLS transport over a socket transport; return the TLS transport."""
    transport = tls(loop, protocol, waiter=waiter)
    descriptors._SelectorSocketTransport(loop, sock, transport, **options)
    return transport


def _make_transport(loop: Loop, kind: Callable[..., Any], file: Any, factory: ProtocolFactory,
                    **options: Any) -> Coro[Connection]:  # fmt: skip
    """Make a protocol and a transport of class `kind` for `file`.

    The coroutine waits for connection_made(), and returns the two. If that fails or is cancelled,
    the transport is closed, and `file` with it.
    """
    protocol = factory()
    waiter = loop.create_future()
    return _opened(kind(loop, file, protocol, waiter=waiter, **options), protocol, waiter)


# -- servers ---------------------------------------------------------------------------------------


async def create_server(loop: Loop, protocol_factory: ProtocolFactory,
        host: str | Iterable[str] | None = None, port: str | int | None = None, *,
        family: int = socket.AF_UNSPEC, flags: int = socket.AI_PASSIVE,
        sock: socket.socket | None = None, backlog: int = 100, ssl: SSL = None,
        reuse_address: bool | None = None, reuse_port: bool | None = None,
        keep_alive: bool | None = None, ssl_handshake_timeout: float | None = None,
        ssl_shutdown_timeout: float | None = None,
        start_serving: bool = True) -> Server:  # fmt: skip
    """Listen on `host` and `port`, or on the bound `sock`; return the Server.

    `host` is a name or an address, or several of them; the server listens on all their addresses.
    None or "" means all interfaces. Port 0 means any free one: read it from `Server.sockets`.
    `backlog` is the number of connections that the kernel keeps until they are accepted. `ssl` is
    an SSLContext for TLS; its timeouts are in seconds.
    Raises OSError if a port is in use, or this machine has none of the addresses.
    """
    tls = _server_tls(ssl, ssl_handshake_timeout, ssl_shutdown_timeout)
    _check_target(host, port, sock, "Neither host/port nor sock were specified")
    if sock is not None:
        sockets = [sock]
    else:
        infos = await _look_up_all(loop, host, port, family, flags)
        sockets = _bind_all(infos, reuse_address, reuse_port, keep_alive)
    return await _started(Server(loop, sockets, protocol_factory, backlog, tls), start_serving)


async def _started(server: Server, start_serving: bool) -> Server:
    """Return the server, once it is serving if `start_serving` is true."""
    if start_serving:
        with _closing_on_error(server):  # a caller that is cancelled never gets the server
            await server.start_serving()
    return server


async def _look_up_all(loop: Loop, host: Any, port: Any, family: int, flags: int) -> list[AddrInfo]:
    """Return the addresses of one host or of several, without duplicates."""
    lookup = {"family": family, "type": socket.SOCK_STREAM, "flags": flags}
    hosts = [host or None] if isinstance(host, str | bytes | None) else host
    found = await combinators.gather(*[_look_up(loop, (host, port), **lookup) for host in hosts])
    return list(dict.fromkeys(info for infos in found for info in infos))


def _bind_all(infos: list[AddrInfo], reuse_address: bool | None, reuse_port: bool | None,
              keep_alive: bool | None) -> list[socket.socket]:  # fmt: skip
    """Return a bound socket for each address. Addresses that this machine lacks are left out.

    If binding one fails for another reason, close all and raise OSError.
    """
    sockets = []
    with ExitStack() as on_error:
        for family, kind, proto, _, address in infos:
            try:
                sock = on_error.enter_context(closing(socket.socket(family, kind, proto)))
            except OSError:
                continue  # this machine does not support the family, usually IPv6
            if reuse_address is None or reuse_address:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, True)
            if reuse_port and family in (socket.AF_INET, socket.AF_INET6):  # Linux refuses others
                _set_reuseport(sock)
            if keep_alive:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, True)
            if family == socket.AF_INET6:
                # Otherwise this socket would use the port for IPv4 too, and binding the socket for
                # IPv4 would fail: the address is in use.
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, True)
            try:
                _bind(sock, address)
                sockets.append(sock)
            except OSError as exc:
                if exc.errno != errno.EADDRNOTAVAIL:
                    raise
                sock.close()  # IPv6 is supported, but turned off (bpo-30945)
        if not sockets:
            raise OSError(f"could not bind on any address out of {[info[4] for info in infos]!r}")
        on_error.pop_all()
    return sockets


def _start_accepting(loop: Loop, sock: socket.socket, server: Server) -> None:
    if sock.fileno() != -1:  # -1: the server was closed while this call waited for its timer
        loop._add_reader(sock.fileno(), _accept_connections, loop, sock, server)


def _accept_connections(loop: Loop, sock: socket.socket, server: Server) -> None:
    """Accept the connections that are waiting: the backlog, and the one that made it ready.

    Why not one for each report of the selector: the number of connections per second would then
    depend on how long an iteration takes (bpo-27906).
    """
    for _ in range(server._backlog + 1):  # gh-90871
        if server._sockets is None:
            # The protocol of a connection that was just accepted has closed the server. With the
            # eager task factory, it is made inside create_task() below.
            return
        try:
            connection, address = sock.accept()
        except ConnectionAbortedError:
            continue  # the client is gone already (gh-127529)
        except (BlockingIOError, InterruptedError):
            return  # no connection is pending
        except OSError as exc:
            if exc.errno not in (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM):
                raise
            # No descriptors left. The connection still waits and the socket stays readable, so the
            # selector would report it in every iteration. Stop watching it for a while.
            message = "socket.accept() out of system resource"
            _report(loop, message, exception=exc, socket=TransportSocket(sock))
            loop._remove_reader(sock.fileno())
            loop.call_later(ACCEPT_RETRY_DELAY, _start_accepting, loop, sock, server)
            return
        loop.create_task(_serve_connection(loop, connection, address, server))


async def _serve_connection(loop: Loop, sock: socket.socket, address: Any, server: Server) -> None:
    """Make a protocol and a transport for a connection that the server has accepted."""
    if server._sockets is None:
        # close() was called after accept(), and before this task's first step. The connection is
        # in no list, so close_clients() would not close it.
        sock.close()
        return
    try:
        # Why not run this task in that context: a program's task factory may not accept a context.
        context = server._context.copy()
        factory = partial(context.run, server._factory)
        options = {"server": server, "extra": {"peername": address}, "context": context}
        await _make_connection(loop, sock, factory, server._tls, **options)
    except (SystemExit, KeyboardInterrupt):
        raise
    except BaseException as exc:
        if loop._debug:
            _report(loop, "Error on transport creation for incoming connection", exception=exc)


# -- Unix sockets: a path instead of a host and a port ---------------------------------------------


async def create_unix_connection(loop: Loop, protocol_factory: ProtocolFactory,
        path: Path | None = None, *, ssl: SSL = None, sock: socket.socket | None = None,
        server_hostname: str | None = None, ssl_handshake_timeout: float | None = None,
        ssl_shutdown_timeout: float | None = None) -> Connection:  # fmt: skip
    """Connect to the Unix socket at `path`, or use the connected `sock`.

    Returns `(transport, protocol)`. For `ssl` and its timeouts see `create_connection`. Raises
    OSError if no server listens there, ValueError for arguments that contradict each other.
    """
    if ssl and server_hostname is None:
        raise ValueError("you have to pass server_hostname when using ssl")
    tls = _tls(ssl, server_hostname, ssl_handshake_timeout, ssl_shutdown_timeout)
    sock = _socket_for(path, sock, "no path and sock were specified")
    if path is not None:
        with _closing_on_error(sock):
            sock.setblocking(False)
            await loop.sock_connect(sock, os.fspath(path))
    return await _make_connection(loop, sock, protocol_factory, tls)


async def create_unix_server(loop: Loop, protocol_factory: ProtocolFactory,
        path: Path | None = None, *, sock: socket.socket | None = None, backlog: int = 100,
        ssl: SSL = None, ssl_handshake_timeout: float | None = None,
        ssl_shutdown_timeout: float | None = None, start_serving: bool = True,
        cleanup_socket: bool = True) -> Server:  # fmt: skip
    """Listen on the Unix socket at `path`, or on the bound `sock`; return the Server.

    A socket file that an earlier server has left at `path` is replaced. With `cleanup_socket`, the
    file is removed when the server is closed, unless it was replaced in the meantime (gh-111246).
    For the other parameters see `create_server`. Raises OSError if `path` cannot be used.
    """
    tls = _server_tls(ssl, ssl_handshake_timeout, ssl_shutdown_timeout)
    sock = _socket_for(path, sock, "path was not specified, and no sock specified")
    if path is not None:
        with _closing_on_error(sock):
            _bind_to_path(sock, os.fspath(path))
    clean_up = _remover_of_file(sock.getsockname()) if cleanup_socket else None
    server = Server(loop, [sock], protocol_factory, backlog, tls, clean_up)
    return await _started(server, start_serving)


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


def _bind_to_path(sock: socket.socket, path: str | bytes) -> None:
    """Bind `sock` to `path`; replace a socket file that an earlier server has left there."""
    _remove_stale_socket(path)
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
    return lambda: _remove_if(path, lambda file: file.st_ino == ours, purpose)


def _remove_stale_socket(path: str | bytes) -> None:
    """Remove a socket file that an earlier process has left, or bind() would fail."""
    _remove_if(path, lambda file: stat.S_ISSOCK(file.st_mode), "check or remove stale")


def _remove_if(path: str | bytes, wanted: Callable[[os.stat_result], bool], purpose: str) -> None:
    """Remove the file if `wanted(os.stat(path))` is true; log an error, saying the `purpose`."""
    try:
        # A leading zero byte marks an abstract socket of Linux, which has no file.
        if path[:1] not in ("\0", b"\0") and wanted(os.stat(path)):
            os.remove(path)
    except OSError as exc:  # not raised: binding may work all the same, or say what is wrong
        if not isinstance(exc, FileNotFoundError):
            logger.error("Unable to %s UNIX socket %r: %r", purpose, path, exc)


# -- arguments, binding, errors --------------------------------------------------------------------


def _check_target(host: Any, port: Any, sock: socket.socket | None, if_neither: str = "") -> None:
    """Raise ValueError unless there is either a host or port, or a stream socket.

    `if_neither` is the message if there is none of them.
    """
    _check_ssl_socket(sock)
    if host is not None or port is not None:
        if sock is not None:
            raise ValueError("host/port and sock can not be specified at the same time")
    elif sock is None:
        raise ValueError(if_neither)
    elif sock.type != socket.SOCK_STREAM:
        raise ValueError(f"A Stream Socket was expected, got {sock!r}")


def _bind_to_first(sock: socket.socket, local: list[AddrInfo], errors: list[OSError]) -> None:
    """Bind `sock` to the first local address of its family that is free; raise OSError if none is.

    The other errors go to `errors`.
    """
    addresses = [info[4] for info in local if info[0] == sock.family]
    if not addresses:
        raise OSError(f"no matching local address with family={sock.family!r} found")
    for address in addresses:
        try:
            return _bind(sock, address)
        except OSError as exc:
            errors.append(exc.with_traceback(None))
    raise errors.pop()


def _bind(sock: socket.socket, address: Any) -> None:
    """Bind `sock`; name the address in the error message."""
    try:
        sock.bind(address)
    except OSError as exc:
        message = f"error while attempting to bind on address {address!r}: {str(exc).lower()}"
        raise OSError(exc.errno, message) from None


def _no_address_answered(errors: list[OSError], all_errors: bool) -> Exception:
    """Return one exception for all failed attempts to connect."""
    if all_errors:
        return ExceptionGroup("create_connection failed", errors)
    if not errors:  # Happy Eyeballs, and a mistake in the arguments (gh-135836)
        return TimeoutError("create_connection failed")
    texts = [str(error) for error in errors]
    all_equal = len(set(texts)) == 1
    return errors[0] if all_equal else OSError(f"Multiple exceptions: {', '.join(texts)}")


def _set_reuseport(sock: socket.socket) -> None:
    """Let several sockets bind to one address; raise ValueError if the system does not allow it."""
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    except (AttributeError, OSError) as exc:  # Python or the kernel does not have the option
        raise ValueError("reuse_port not supported by socket module") from exc
