"""create_connection: how a client's transport and protocol come together.

Purpose: to look up the addresses of a host, to try them until one answers, and to put a transport,
a protocol and, where it is asked for, TLS upon the socket.
Rules: a socket that is made here is closed if connecting fails or is cancelled; once it has a
transport, that owns it.
This file does not know what the bytes mean. Read descriptors.py and sockets.py first.
"""

from __future__ import annotations

import contextlib
import socket
from functools import partial

from .descriptors import _SelectorSocketTransport
from .hints import Any, Callable, TypeAlias
from .sockets import SocketsEventLoop, _check_ssl_socket
from .sslproto import SSL, TLS, _client_tls, _tls
from .staggered import AddrInfo, _interleave, staggered_race
from .transports import _closing_on_error

__all__ = ()

ProtocolFactory: TypeAlias = Callable[[], Any]
#: A transport and its protocol.
Connection: TypeAlias = tuple[Any, Any]


class ConnectionsEventLoop(SocketsEventLoop):
    """The loop's chapter on TCP clients, and on sockets that are connected already."""

    async def create_connection(
        self, protocol_factory: ProtocolFactory, host: str | bytes | None = None,
        port: str | int | None = None, *, ssl: SSL = None, family: int = 0, proto: int = 0,
        flags: int = 0, sock: socket.socket | None = None,
        local_addr: tuple[str, int] | None = None, server_hostname: str | None = None,
        ssl_handshake_timeout: float | None = None, ssl_shutdown_timeout: float | None = None,
        happy_eyeballs_delay: float | None = None, interleave: int | None = None,
        all_errors: bool = False,
    ) -> tuple[Any, Any]:  # fmt: skip
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
            infos = await self._look_up((host, port), **lookup)
            local = None if local_addr is None else await self._look_up(local_addr, **lookup)
            if interleave or (interleave is None and happy_eyeballs_delay is not None):
                infos = _interleave(infos, interleave or 1)
            sock = await self._connect_first(infos, local, happy_eyeballs_delay, all_errors)
        return await self._make_connection(sock, protocol_factory, tls)

    async def _look_up(self, address: tuple[Any, Any], **hints: int) -> list[AddrInfo]:
        if infos := await self._ensure_resolved(address, **hints):
            return infos
        raise OSError("getaddrinfo() returned empty list")

    async def _connect_first(self, infos: list[AddrInfo], local: list[AddrInfo] | None,
                             delay: float | None, all_errors: bool) -> socket.socket:  # fmt: skip
        """A socket connected to the first address that answers."""
        errors: list[OSError] = []
        attempts = [partial(self._connect_one, info, local, errors) for info in infos]
        if delay is None:
            for attempt in attempts:
                with contextlib.suppress(OSError):
                    return await attempt()
        elif sock := (await staggered_race(attempts, delay))[0]:
            return sock
        raise _no_address_answered(errors, all_errors)

    async def _connect_one(self, info: AddrInfo, local: list[AddrInfo] | None,
                           errors: list[OSError]) -> socket.socket:  # fmt: skip
        """A socket connected to one address; else an OSError, which goes to `errors` as well."""
        family, kind, proto, _, address = info
        try:
            sock = socket.socket(family=family, type=kind, proto=proto)
            with _closing_on_error(sock):
                sock.setblocking(False)
                if local is not None:
                    _bind_to_first(sock, local, errors)
                await self.sock_connect(sock, address)
            return sock
        except OSError as exc:
            errors.append(exc.with_traceback(None))  # whose frames hold `errors`: a cycle
            raise

    async def connect_accepted_socket(
        self, protocol_factory: ProtocolFactory, sock: socket.socket, *, ssl: SSL = None,
        ssl_handshake_timeout: float | None = None, ssl_shutdown_timeout: float | None = None,
    ) -> tuple[Any, Any]:  # fmt: skip
        """Make a transport and a protocol for a socket that the program has accepted itself."""
        _check_choice(None, None, sock)
        tls = _tls(ssl, None, ssl_handshake_timeout, ssl_shutdown_timeout, server_side=True)
        return await self._make_connection(sock, protocol_factory, tls)

    async def _make_connection(self, sock: socket.socket, factory: ProtocolFactory,
                               tls: TLS | None, server: Any = None, peername: Any = None
                               ) -> tuple[Any, Any]:  # fmt: skip
        """Give `sock` to a new transport and wait until its protocol has been told."""
        sock.setblocking(False)
        protocol = factory()
        self._ensure_fd_no_transport(sock)
        waiter = self.create_future()
        extra = None if server is None else {"peername": peername}
        if tls is None:
            transport: Any = _SelectorSocketTransport(self, sock, protocol, waiter, extra, server)
        else:
            transport = tls(self, protocol, waiter=waiter)
            _SelectorSocketTransport(self, sock, transport, None, extra, server)
        with _closing_on_error(transport):
            await waiter
        return transport, protocol

    async def _join(self, kind: Callable[..., Any], file: Any, factory: ProtocolFactory,
                    **options: Any) -> Connection:  # fmt: skip
        """Put a transport of that kind upon `file` and wait until its protocol has been told."""
        protocol, waiter = factory(), self.create_future()
        transport = kind(self, file, protocol, waiter=waiter, **options)
        with _closing_on_error(transport):
            await waiter
        return transport, protocol


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
    failures = errors.copy()
    errors.clear()  # else the caller's frame, in the traceback, would hold the exception
    if all_errors:
        return ExceptionGroup("create_connection failed", failures)
    texts = [str(failure) for failure in failures]
    one_for_all = len(set(texts)) == 1
    return failures[0] if one_for_all else OSError(f"Multiple exceptions: {', '.join(texts)}")


def _set_reuseport(sock: socket.socket) -> None:
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    except (AttributeError, OSError) as exc:
        unknown = isinstance(exc, AttributeError)
        why = "" if unknown else ", SO_REUSEPORT defined but not implemented."
        raise ValueError(f"reuse_port not supported by socket module{why}") from exc
