"""Connections and servers: how a transport and a protocol come together.

Purpose: `create_connection` looks up the addresses of a host and tries them until one answers;
`create_server` listens, and accepts callers; both put a transport, a protocol and, where it is
asked for, TLS upon the socket.
Rules: a socket that is made here is closed if connecting or binding fails or is cancelled; once it
has a transport, that owns it. A Server is over when it is closed and its last connection is gone.
This file does not know what the bytes mean. Read descriptors.py and sockets.py first.
"""

from __future__ import annotations

import errno
import socket
from contextlib import ExitStack, closing, suppress
from functools import partial
from weakref import WeakSet

from . import combinators, exceptions, futures, locks, tasks
from .abstract import AbstractServer
from .descriptors import _SelectorSocketTransport
from .events import Callback, Loop, _report
from .hints import Any, Callable, Final, Iterable, Self, TypeAlias
from .sockets import _check_ssl_socket
from .sslproto import SSL, TLS, _client_tls, _server_tls, _tls
from .staggered import AddrInfo, _interleave, staggered_race
from .transports import TransportSocket, _closing_on_error

__all__ = ("Server",)

ProtocolFactory: TypeAlias = Callable[[], Any]
#: A transport and its protocol.
Connection: TypeAlias = tuple[Any, Any]

#: Seconds until a server that has run out of descriptors tries accept() again.
ACCEPT_RETRY_DELAY: Final = 1


class Server(AbstractServer):
    """The listening sockets of `create_server`, and the connections that came in by them."""

    def __init__(self, loop: Loop, sockets: list[socket.socket], factory: ProtocolFactory,
                 backlog: int, tls: TLS | None, after_close: Callback | None = None
                 ) -> None:  # fmt: skip
        self._loop = loop
        self._sockets: list[socket.socket] | None = sockets  # None once closed
        self._factory = factory
        self._backlog = backlog
        self._tls = tls
        self._after_close = after_close  # removes what the sockets leave behind
        self._serving = False
        self._serving_forever: futures.Future[None] | None = None  # what serve_forever() waits for
        # Weak, so that a transport which a program has lost can still be found out by its __del__.
        self._clients: WeakSet[Any] = WeakSet()
        self._over = locks.Event()  # closed, and the last connection gone

    @property
    def sockets(self) -> tuple[TransportSocket, ...]:
        """The listening sockets; none once the server is closed."""
        return tuple(TransportSocket(sock) for sock in self._sockets or ())

    def get_loop(self) -> Loop:
        """Return the loop that the server belongs to."""
        return self._loop

    def is_serving(self) -> bool:
        """Return True while new connections are accepted."""
        return self._serving

    async def start_serving(self) -> None:
        """Accept connections from now on, after `create_server(start_serving=False)`."""
        self._start_serving()
        await tasks.sleep(0)  # asyncio gives a turn here, and programs can see it

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
        """Accept connections until cancelled; then close, and wait for the connections to end."""
        if self._serving_forever is not None:
            raise RuntimeError(f"server {self!r} is already being awaited on serve_forever()")
        self._start_serving()
        self._serving_forever = self._loop.create_future()
        try:
            await self._serving_forever
        except exceptions.CancelledError:
            self.close()
            await self.wait_closed()
            raise
        finally:
            self._serving_forever = None

    def close(self) -> None:
        """Stop listening. Connections that stand go on; see close_clients() and abort_clients()."""
        sockets, self._sockets = self._sockets, None
        if sockets is None:
            return
        for sock in sockets:
            self._loop._remove_reader(sock.fileno())
            sock.close()
        if self._after_close is not None:
            self._after_close()
        self._serving = False
        if self._serving_forever is not None and self._serving_forever.cancel():
            self._serving_forever = None
        self._wake_up_if_over()

    def close_clients(self) -> None:
        """Close all connections, each after what it has buffered is sent."""
        for transport in self._clients.copy():
            transport.close()

    def abort_clients(self) -> None:
        """Close all connections at once."""
        for transport in self._clients.copy():
            transport.abort()

    async def wait_closed(self) -> None:
        """Wait until the server is closed and its last connection is gone (gh-79033)."""
        await self._over.wait()

    def _attach(self, transport: Any) -> None:
        self._clients.add(transport)

    def _detach(self, transport: Any) -> None:
        self._clients.discard(transport)
        self._wake_up_if_over()

    def _wake_up_if_over(self) -> None:
        if self._sockets is None and not self._clients:
            self._over.set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        self.close()
        await self.wait_closed()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} sockets={self.sockets!r}>"


# -- clients ---------------------------------------------------------------------------------------


async def create_connection(
    loop: Loop, protocol_factory: ProtocolFactory, host: str | bytes | None = None,
    port: str | int | None = None, *, ssl: SSL = None, family: int = 0, proto: int = 0,
    flags: int = 0, sock: socket.socket | None = None,
    local_addr: tuple[str, int] | None = None, server_hostname: str | None = None,
    ssl_handshake_timeout: float | None = None, ssl_shutdown_timeout: float | None = None,
    happy_eyeballs_delay: float | None = None, interleave: int | None = None,
    all_errors: bool = False,
) -> Connection:  # fmt: skip
    """Connect to `host` and `port`, or take a connected `sock`; return transport and protocol.

    A host may have several addresses. They are tried one after the other; with
    `happy_eyeballs_delay`, in seconds, the next is begun when the one before has not answered
    in that time, and the first to answer is taken (RFC 8305). `interleave` mixes IPv6 and IPv4.
    Raises OSError if none answers; with `all_errors` an ExceptionGroup of all that went wrong.
    `ssl`, True or an SSLContext, makes it a TLS connection: see TLS in sslproto.py.
    """
    tls = _client_tls(ssl, server_hostname, ssl_handshake_timeout, ssl_shutdown_timeout, host)
    _check_choice(host, port, sock, "host and port was not specified and no sock specified")
    if sock is None:
        lookup = {"family": family, "type": socket.SOCK_STREAM, "proto": proto, "flags": flags}
        infos = await _look_up(loop, (host, port), **lookup)
        local = None if local_addr is None else await _look_up(loop, local_addr, **lookup)
        if interleave or (interleave is None and happy_eyeballs_delay is not None):
            infos = _interleave(infos, interleave or 1)
        sock = await _connect_first(loop, infos, local, happy_eyeballs_delay, all_errors)
    return await _make_connection(loop, sock, protocol_factory, tls)


async def _look_up(loop: Loop, address: tuple[Any, Any], **hints: int) -> list[AddrInfo]:
    if infos := await loop._ensure_resolved(address, **hints):
        return infos  # type: ignore[no-any-return]
    raise OSError("getaddrinfo() returned empty list")


async def _connect_first(loop: Loop, infos: list[AddrInfo], local: list[AddrInfo] | None,
                         delay: float | None, all_errors: bool) -> socket.socket:  # fmt: skip
    """A socket connected to the first address that answers."""
    errors: list[OSError] = []
    attempts = [partial(_connect_one, loop, info, local, errors) for info in infos]
    if delay is None:
        for attempt in attempts:
            with suppress(OSError):
                return await attempt()
    else:
        sock, _, exceptions = await staggered_race(attempts, delay)
        if sock is not None:
            return sock
        for exc in exceptions:
            if exc is not None and not isinstance(exc, OSError):
                raise exc  # no matter of this address or that
    raise _no_address_answered(errors, all_errors)


async def _connect_one(loop: Loop, info: AddrInfo, local: list[AddrInfo] | None,
                       errors: list[OSError]) -> socket.socket:  # fmt: skip
    """A socket connected to one address; else an OSError, which goes to `errors` as well."""
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
        errors.append(exc.with_traceback(None))  # whose frames hold `errors`: a cycle
        raise


async def connect_accepted_socket(
    loop: Loop, protocol_factory: ProtocolFactory, sock: socket.socket, *, ssl: SSL = None,
    ssl_handshake_timeout: float | None = None, ssl_shutdown_timeout: float | None = None,
) -> Connection:  # fmt: skip
    """Make a transport and a protocol for a socket that the program has accepted itself."""
    _check_choice(None, None, sock)
    tls = _tls(ssl, None, ssl_handshake_timeout, ssl_shutdown_timeout, server_side=True)
    return await _make_connection(loop, sock, protocol_factory, tls)


async def _make_connection(
    loop: Loop, sock: socket.socket, factory: ProtocolFactory, tls: TLS | None,
    server: Any = None, peername: Any = None,
) -> Connection:  # fmt: skip
    """Put a transport upon `sock`, and where it is asked for one over TLS upon that."""
    sock.setblocking(False)
    loop._ensure_fd_no_transport(sock)
    extra = None if server is None else {"peername": peername}
    kind = _SelectorSocketTransport if tls is None else partial(_over_tls, tls)
    return await _join(loop, kind, sock, factory, extra=extra, server=server)


async def _join(loop: Loop, kind: Callable[..., Any], file: Any, factory: ProtocolFactory,
                **options: Any) -> Connection:  # fmt: skip
    """Put a transport of that kind upon `file` and wait until its protocol has been told."""
    protocol = factory()
    waiter = loop.create_future()
    transport = kind(loop, file, protocol, waiter=waiter, **options)
    with _closing_on_error(transport):
        await waiter
    return transport, protocol


# -- servers ---------------------------------------------------------------------------------------


async def create_server(
    loop: Loop, protocol_factory: ProtocolFactory, host: str | Iterable[str] | None = None,
    port: str | int | None = None, *, family: int = socket.AF_UNSPEC,
    flags: int = socket.AI_PASSIVE, sock: socket.socket | None = None, backlog: int = 100,
    ssl: SSL = None, reuse_address: bool | None = None, reuse_port: bool | None = None,
    keep_alive: bool | None = None, ssl_handshake_timeout: float | None = None,
    ssl_shutdown_timeout: float | None = None, start_serving: bool = True,
) -> Server:  # fmt: skip
    """Listen on `host` and `port`, or on `sock`, and return the Server.

    `host` may be several hosts, or have several addresses: all are listened on. None or "" is
    every interface; port 0 is any that is free: see `Server.sockets`. Raises OSError if the
    port is taken.
    """
    tls = _server_tls(ssl, ssl_handshake_timeout, ssl_shutdown_timeout)
    _check_choice(host, port, sock, "Neither host/port nor sock were specified")
    if sock is not None:
        sockets = [sock]
    else:
        infos = await _look_up_hosts(loop, host, port, family, flags)
        sockets = _bind_all(infos, reuse_address, reuse_port, keep_alive)
    server = Server(loop, sockets, protocol_factory, backlog, tls)
    return await _serve(server, start_serving)


async def _serve(server: Server, start_serving: bool) -> Server:
    if start_serving:
        await server.start_serving()
    return server


async def _look_up_hosts(
    loop: Loop, host: Any, port: Any, family: int, flags: int
) -> list[AddrInfo]:
    """Every address of every host, each once."""
    lookup = {"family": family, "type": socket.SOCK_STREAM, "flags": flags}
    hosts = [host or None] if isinstance(host, str | bytes | None) else host
    found = await combinators.gather(*[_look_up(loop, (host, port), **lookup) for host in hosts])
    return list(dict.fromkeys(info for infos in found for info in infos))


def _bind_all(infos: list[AddrInfo], reuse_address: bool | None, reuse_port: bool | None,
              keep_alive: bool | None) -> list[socket.socket]:  # fmt: skip
    """A bound socket for each address that this machine has; all of them or an OSError."""
    sockets = []
    with ExitStack() as on_error:
        for family, kind, proto, _, address in infos:
            try:
                sock = on_error.enter_context(closing(socket.socket(family, kind, proto)))
            except OSError:
                continue  # the machine does not have that family of addresses
            if reuse_address is None or reuse_address:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, True)
            if reuse_port:
                _set_reuseport(sock)
            if keep_alive:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, True)
            if family == socket.AF_INET6:
                # Else it would take IPv4 as well, and the socket for IPv4 find it in use.
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, True)
            try:
                _bind(sock, address)
                sockets.append(sock)
            except OSError as exc:
                if exc.errno != errno.EADDRNOTAVAIL:
                    raise
                sock.close()  # the family is switched off (bpo-30945)
        if not sockets:
            tried = [info[4] for info in infos]
            raise OSError(f"could not bind on any address out of {tried!r}")
        on_error.pop_all()
    return sockets


def _start_accepting(loop: Loop, sock: socket.socket, server: Server) -> None:
    if sock.fileno() != -1:  # closed while it waited for descriptors to become free
        loop._add_reader(sock.fileno(), _accept_connections, loop, sock, server)


def _accept_connections(loop: Loop, sock: socket.socket, server: Server) -> None:
    """Accept all who wait, not one a turn, for a turn may be long (bpo-27906)."""
    for _ in range(server._backlog):
        if server._sockets is None:
            return  # closed by the first step of an eager task
        try:
            connection, address = sock.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            return
        except OSError as exc:
            if exc.errno not in (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM):
                raise
            # Out of descriptors: the socket stays readable, and the loop would spin on it.
            message = "socket.accept() out of system resource"
            _report(loop, message, None, exception=exc, socket=TransportSocket(sock))
            loop._remove_reader(sock.fileno())
            loop.call_later(ACCEPT_RETRY_DELAY, _start_accepting, loop, sock, server)
            return
        loop.create_task(_serve_connection(loop, connection, address, server))


async def _serve_connection(loop: Loop, sock: socket.socket, address: Any, server: Server) -> None:
    if server._sockets is None:
        sock.close()  # closed since it has accepted: nobody would ever close this connection
        return
    try:
        await _make_connection(loop, sock, server._factory, server._tls, server, address)
    except (SystemExit, KeyboardInterrupt):
        raise
    except BaseException as exc:
        if sock.fileno() not in loop._transports:
            sock.close()  # the factory has raised, and no transport owns it
        if loop._debug:
            message = "Error on transport creation for incoming connection"
            _report(loop, message, None, exception=exc)


def _over_tls(tls: TLS, loop: Loop, sock: socket.socket, protocol: Any, waiter: Any,
              **options: Any) -> Any:  # fmt: skip
    transport = tls(loop, protocol, waiter=waiter)
    _SelectorSocketTransport(loop, sock, transport, **options)
    return transport


def _check_choice(host: Any, port: Any, sock: socket.socket | None, if_neither: str = "") -> None:
    """It has to be one of them: an address, or a socket for a stream."""
    if sock is not None:
        _check_ssl_socket(sock)
    if host is not None or port is not None:
        if sock is not None:
            raise ValueError("host/port and sock can not be specified at the same time")
    elif sock is None:
        raise ValueError(if_neither)
    elif sock.type != socket.SOCK_STREAM:
        raise ValueError(f"A Stream Socket was expected, got {sock!r}")


def _bind_to_first(sock: socket.socket, local: list[AddrInfo], errors: list[OSError]) -> None:
    """Bind `sock` to the first local address that can be had."""
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
    try:
        sock.bind(address)
    except OSError as exc:
        reason = str(exc).lower()
        message = f"error while attempting to bind on address {address!r}: {reason}"
        raise OSError(exc.errno, message) from None


def _no_address_answered(errors: list[OSError], all_errors: bool) -> Exception:
    """One exception for all attempts to connect."""
    # `errors` is emptied, else the caller's frame, in the traceback, would hold the exception.
    failures, errors[:] = errors[:], []
    if all_errors:
        return ExceptionGroup("create_connection failed", failures)
    texts = [str(failure) for failure in failures]
    one_for_all = len(set(texts)) == 1
    return failures[0] if one_for_all else OSError(f"Multiple exceptions: {', '.join(texts)}")


def _set_reuseport(sock: socket.socket) -> None:
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    except (AttributeError, OSError) as exc:  # Python does not know of it, or the system
        raise ValueError("reuse_port not supported by socket module") from exc
