"""The loop to use, with the last chapter: signals and Unix sockets.

Purpose: `SelectorEventLoop`, which `new_event_loop()` makes.
Rules: it is last in the reading order, for it stands on everything before it. The interpreter
writes the number of each signal into the loop's wake-up socket, and the loop finds it there in its
own time. So a signal's handler may do all that a callback may, and comes between two callbacks,
never in the middle of one. Only the main thread is told of signals.
This file does not know what signals mean, nor more than its chapters do: base_events (turns),
selector_events (descriptors), mishaps, threads, sslproto, sockets, connections, datagrams,
sendfile, subprocess.
"""

from __future__ import annotations

import errno
import functools
import os
import signal
import socket
import sys
import warnings
from selectors import EVENT_WRITE, BaseSelector

from . import coroutines, datagrams, events, runners, transports
from .connections import AbstractServer, Connection, ProtocolFactory, Server
from .descriptors import _SelectorSocketTransport
from .exceptions import SendfileNotAvailableError
from .format_helpers import logger
from .hints import Any, Callable, TypeAlias
from .sendfile import _send_blocks
from .sslproto import SSL, _client_tls, _server_tls
from .subprocess import BaseSubprocessTransport, SubprocessEventLoop

__all__ = ("EventLoop", "SelectorEventLoop")

Path: TypeAlias = "str | bytes | os.PathLike[Any]"


class SelectorEventLoop(SubprocessEventLoop):
    """The event loop of POSIX systems, over the best selector that the system has."""

    def __init__(self, selector: BaseSelector | None = None) -> None:
        super().__init__(selector)
        self._signal_handlers: dict[int, events.Handle] = {}

    def close(self) -> None:
        """Remove the signal handlers, forget all callbacks and never run again."""
        super().close()
        if self._signal_handlers and sys.is_finalizing():
            what = "on interpreter shutdown stage, skipping signal handlers removal"
            warnings.warn(f"Closing the loop {self!r} {what}", ResourceWarning, source=self)
            self._signal_handlers.clear()
        for sig in list(self._signal_handlers):
            self.remove_signal_handler(sig)

    # -- signals -----------------------------------------------------------------------------------

    def add_signal_handler(self, sig: int, callback: events.Callback, *args: Any) -> None:
        """Call `callback(*args)` in the loop whenever the signal arrives; main thread only.

        It replaces an earlier handler. Raises ValueError or RuntimeError for a signal that does not
        exist or cannot be caught, and RuntimeError in other threads.
        """
        if coroutines.iscoroutine(callback) or coroutines.iscoroutinefunction(callback):
            raise TypeError("coroutines cannot be used with add_signal_handler()")
        self._check_signal(sig)
        self._check_closed()
        try:
            signal.set_wakeup_fd(self._csock.fileno())
        except (ValueError, OSError) as exc:  # this is not the main thread
            raise RuntimeError(str(exc)) from exc
        # Nothing ever comes out of this end. But a loop that watches a descriptor asks the selector
        # in each turn, and so hears of signals, however busy it is.
        self._add_reader(self._csock, self._read_from_self)
        self._signal_handlers[sig] = events.Handle(callback, args, self)
        self._catch(sig, _leave_it_to_the_loop)
        signal.siginterrupt(sig, False)  # system calls go on by themselves, where they can

    def remove_signal_handler(self, sig: int) -> bool:
        """Let the signal do again what it does without a handler; return True if there was one."""
        self._check_signal(sig)
        if sig not in self._signal_handlers:
            return False
        self._catch(sig, signal.default_int_handler if sig == signal.SIGINT else signal.SIG_DFL)
        self._forget_signal(sig)
        return True

    def _check_signal(self, sig: int) -> None:
        if not isinstance(sig, int):
            raise TypeError(f"sig must be an int, not {sig!r}")
        if sig not in signal.valid_signals():
            raise ValueError(f"invalid signal number {sig}")

    def _catch(self, sig: int, handler: Any) -> None:
        try:
            signal.signal(sig, handler)
        except OSError as exc:
            self._forget_signal(sig)
            if exc.errno != errno.EINVAL:
                raise
            raise RuntimeError(f"sig {sig} cannot be caught") from exc

    def _forget_signal(self, sig: int) -> None:
        del self._signal_handlers[sig]
        if not self._signal_handlers:
            self._remove_reader(self._csock)
            try:
                signal.set_wakeup_fd(-1)
            except (ValueError, OSError) as exc:
                logger.info("set_wakeup_fd(-1) failed: %s", exc)

    def _process_self_data(self, data: bytes) -> None:
        for sig in data.strip(b"\0"):  # zeros only wake the loop up
            if sig in self._signal_handlers:  # else it was removed since, or is not ours
                self._ready.append(self._signal_handlers[sig])

    # -- sockets and files -------------------------------------------------------------------------

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
    ) -> Connection:  # fmt: skip
        """Connect to the Unix socket at `path`, or take a connected `sock`; see create_connection.

        Raises OSError if nobody listens there.
        """
        if ssl and server_hostname is None:
            raise ValueError("you have to pass server_hostname when using ssl")
        tls = _client_tls(ssl, server_hostname, ssl_handshake_timeout, ssl_shutdown_timeout)
        sock = _socket_for(path, sock, "no path and sock were specified")
        if path is not None:
            with transports._closing_on_error(sock):
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
        sock = _socket_for(path, sock, "path was not specified, and no sock specified")
        if path is not None:
            with transports._closing_on_error(sock):
                _bind(sock, os.fspath(path))
        clean_up = _remover_of_file(sock.getsockname()) if cleanup_socket else None
        server = Server(self, [sock], protocol_factory, backlog, tls, clean_up)
        return await self._serve(server, start_serving)


def _leave_it_to_the_loop(sig: int, frame: object) -> None:
    """Without some handler the interpreter would not write the signal into the wake-up socket."""


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
    datagrams._remove_stale_socket(path)
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
    return lambda: datagrams._remove_if(path, lambda it: it.st_ino == ours, "clean up listening")


EventLoop = SelectorEventLoop

runners.DefaultEventLoopPolicy._loop_factory = SelectorEventLoop


def _declare(abstract: type, concrete: type, names: str = "") -> None:
    """Give a base class methods of an implementation, for other implementations to fill in.

    asyncio writes these methods out, each with nothing but `raise NotImplementedError`.
    """
    for name in names.split() or dir(concrete):
        method = getattr(concrete, name)
        if callable(method) and not name.startswith("_") and not hasattr(abstract, name):

            @functools.wraps(method)
            def refuse(*args: object, **kwargs: object) -> None:
                raise NotImplementedError

            setattr(abstract, name, refuse)


_declare(events.AbstractEventLoop, SelectorEventLoop)
_declare(runners.AbstractEventLoopPolicy, runners.DefaultEventLoopPolicy)
_declare(AbstractServer, Server)
_declare(transports.BaseTransport, _SelectorSocketTransport,
         "is_closing close set_protocol get_protocol")  # fmt: skip
_declare(transports.ReadTransport, _SelectorSocketTransport,
         "is_reading pause_reading resume_reading")  # fmt: skip
_declare(transports.WriteTransport, _SelectorSocketTransport, "write write_eof can_write_eof abort "
         "get_write_buffer_size get_write_buffer_limits set_write_buffer_limits")  # fmt: skip
_declare(transports.DatagramTransport, datagrams._SelectorDatagramTransport, "sendto abort")
_declare(transports.SubprocessTransport, BaseSubprocessTransport)
