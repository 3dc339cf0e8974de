"""create_server: listening sockets, and a transport and a protocol for each caller.

Purpose: `Server`, and how one comes to be: addresses looked up, sockets bound, callers accepted.
Rules: a socket that is made here is closed if binding fails. A Server is over when it is closed and
its last connection is gone.
This file does not know what the bytes mean. Read connections.py first.
"""

from __future__ import annotations

import errno
import socket
from contextlib import ExitStack, closing
from weakref import WeakSet

from .combinators import gather
from .connections import ConnectionsEventLoop, ProtocolFactory, _bind, _check_choice, _set_reuseport
from .events import Loop, _tell
from .exceptions import CancelledError
from .futures import Future
from .hints import Any, Callable, Final, Iterable, Self
from .locks import Event
from .sslproto import SSL, TLS, _server_tls
from .staggered import AddrInfo
from .tasks import sleep
from .transports import TransportSocket, _closing_on_error

__all__ = ("AbstractServer", "Server")

#: Seconds until a server that has run out of descriptors tries accept() again.
ACCEPT_RETRY_DELAY: Final = 1


class AbstractServer:
    """The base of servers, for `isinstance` and annotations: see unix_events.py."""


class Server(AbstractServer):
    """The listening sockets of `create_server`, and the connections that came in by them."""

    def __init__(self, loop: Loop, sockets: list[socket.socket], factory: ProtocolFactory,
                 backlog: int, tls: TLS | None, after_close: Callable[[], None] | None = None
                 ) -> None:  # fmt: skip
        self._loop = loop
        self._sockets: list[socket.socket] | None = sockets  # None once closed
        self._factory = factory
        self._backlog = backlog
        self._tls = tls
        self._after_close = after_close  # removes what the sockets leave behind
        self._serving = False
        self._serving_forever: Future[None] | None = None  # what serve_forever() waits for
        # Weak, so that a transport which a program has lost can still be found out by its __del__.
        self._clients: WeakSet[Any] = WeakSet()
        self._over = Event()  # closed, and the last connection gone

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
        await sleep(0)  # asyncio gives a turn here, and programs can see it

    def _start_serving(self) -> None:
        if not self._serving:
            self._serving = True
            for sock in self._sockets or ():
                sock.setblocking(False)
                sock.listen(self._backlog)
                self._loop._start_accepting(sock, self)

    async def serve_forever(self) -> None:
        """Accept connections until cancelled; then close, and wait for the connections to end."""
        if self._serving_forever is not None:
            raise RuntimeError(f"server {self!r} is already being awaited on serve_forever()")
        if self._sockets is None:
            raise RuntimeError(f"server {self!r} is closed")
        self._start_serving()
        self._serving_forever = self._loop.create_future()
        try:
            await self._serving_forever
        except CancelledError:
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


class ServersEventLoop(ConnectionsEventLoop):
    """The loop's chapter on TCP servers."""

    async def create_server(
        self, protocol_factory: ProtocolFactory, host: str | Iterable[str] | None = None,
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
            infos = await self._look_up_hosts(host, port, family, flags)
            sockets = self._bind_all(infos, reuse_address, reuse_port, keep_alive)
        server = Server(self, sockets, protocol_factory, backlog, tls)
        return await self._serve(server, start_serving)

    async def _serve(self, server: Server, start_serving: bool) -> Server:
        if start_serving:
            await server.start_serving()
        return server

    async def _look_up_hosts(self, host: Any, port: Any, family: int, flags: int) -> list[AddrInfo]:
        """Every address of every host, each once."""
        lookup = {"family": family, "type": socket.SOCK_STREAM, "flags": flags}
        hosts = [host or None] if isinstance(host, str | bytes | None) else host
        found = await gather(*[self._look_up((host, port), **lookup) for host in hosts])
        return list(dict.fromkeys(info for infos in found for info in infos))

    def _bind_all(self, infos: list[AddrInfo], *options: bool | None) -> list[socket.socket]:
        """A bound socket for each address that this machine has; all of them or an OSError."""
        with ExitStack() as on_error:
            bound = (self._bind_one(info, *options) for info in infos)
            sockets = [on_error.enter_context(closing(sock)) for sock in bound if sock is not None]
            if not sockets:
                tried = [info[4] for info in infos]
                raise OSError(f"could not bind on any address out of {tried!r}")
            on_error.pop_all()
        return sockets

    def _bind_one(self, info: AddrInfo, reuse_address: bool | None, reuse_port: bool | None,
                  keep_alive: bool | None) -> socket.socket | None:  # fmt: skip
        """A bound socket; None where the machine does not have that family of addresses."""
        family, kind, proto, _, address = info
        try:
            sock = socket.socket(family, kind, proto)
        except OSError:
            return None
        try:
            with _closing_on_error(sock):
                if reuse_address is None or reuse_address:
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, True)
                if reuse_port:
                    _set_reuseport(sock)
                if keep_alive:
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, True)
                if family == socket.AF_INET6:
                    # Else it would take IPv4 as well, and the socket for IPv4 find it in use.
                    sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, True)
                _bind(sock, address)
                return sock
        except OSError as exc:
            if exc.errno == errno.EADDRNOTAVAIL:  # the family is switched off (bpo-30945)
                return None
            raise

    def _start_accepting(self, sock: socket.socket, server: Server) -> None:
        if sock.fileno() != -1:  # closed while it waited for descriptors to become free
            self._add_reader(sock.fileno(), self._accept_connections, sock, server)

    def _accept_connections(self, sock: socket.socket, server: Server) -> None:
        """Accept all who wait, not one a turn, for a turn may be long (bpo-27906)."""
        for _ in range(server._backlog):
            try:
                connection, address = sock.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as exc:
                if exc.errno not in (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM):
                    raise
                # Out of descriptors: the socket stays readable, and the loop would spin on it.
                message = "socket.accept() out of system resource"
                _tell(self, message, None, exception=exc, socket=TransportSocket(sock))
                self._remove_reader(sock.fileno())
                self.call_later(ACCEPT_RETRY_DELAY, self._start_accepting, sock, server)
                return
            self.create_task(self._serve_connection(connection, address, server))

    async def _serve_connection(self, sock: socket.socket, address: Any, server: Server) -> None:
        try:
            await self._make_connection(sock, server._factory, server._tls, server, address)
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as exc:
            if sock.fileno() not in self._transports:
                sock.close()  # the factory has raised, and no transport owns it
            if self._debug:
                message = "Error on transport creation for incoming connection"
                _tell(self, message, None, exception=exc)
