"""TLS: a transport upon a transport.

Purpose: SSLProtocol is the protocol of the transport below, from which it gets ciphertext, and the
transport of the program's protocol, to which it gives plaintext. Between the two stands OpenSSL,
which only turns bytes in memory into other bytes: it never sees the socket.
Rules: the program's protocol hears nothing before the handshake has succeeded. What has been
decrypted is handed over before an error or the end is told. Flow control goes through in both
directions: when the transport below is full, nothing more is encrypted; when the protocol above has
paused, the transport below reads nothing.
This file does not know sockets: the transport below may be another SSLProtocol. Read transports.py
first.
"""

from __future__ import annotations

import warnings
from collections import deque
from functools import partial

from .descriptors import LOG_THRESHOLD_FOR_CONNLOST_WRITES
from .events import Loop
from .format_helpers import logger
from .futures import Future, _set_result_unless_cancelled
from .hints import Any, Callable, Final, TypeAlias
from .protocols import BaseProtocol, Protocol
from .transports import _BYTES_LIKE, Buffer, _closing_on_error, _FlowControlMixin, _kept

#: Makes the SSLProtocol of one connection: called with loop, program's protocol and `waiter=`.
TLS: TypeAlias = "partial[SSLProtocol]"
#: What programs pass as `ssl`: an SSLContext; True for the default one; None or False for no TLS.
SSL: TypeAlias = Any

# The states, in their order. A connection may lose some of them, but never goes back.
HANDSHAKING: Final = "HANDSHAKING"
OPEN: Final = "OPEN"
SHUTTING_DOWN: Final = "SHUTTING_DOWN"  # our close_notify is sent, that of the other side awaited
CLOSED: Final = "CLOSED"  # the transport below is closing, or lost

#: The most plaintext bytes in a TLS record, so the most that one read() can return.
_RECORD: Final = 16 * 1024
#: Bytes to encrypt at a time: with more, the ciphertext falls out of the processor's cache.
_CHUNK: Final = 256 * 1024


class SSLProtocol(_FlowControlMixin, Protocol):
    """The protocol of the transport below, and the transport of the program's protocol."""

    _start_tls_compatible = True
    _high_water, _low_water = 512 * 1024, 128 * 1024
    _state = CLOSED  # for __del__, where __init__ has failed

    def __init__(
        self, loop: Loop, app_protocol: BaseProtocol, sslcontext: Any, waiter: Future[None] | None,
        server_side: bool = False, server_hostname: str | None = None,
        call_connection_made: bool = True, ssl_handshake_timeout: float | None = None,
        ssl_shutdown_timeout: float | None = None,
    ) -> None:  # fmt: skip
        """`waiter` is done when the handshake is; `call_connection_made` is False for start_tls."""
        ssl = _load_ssl()
        #: OpenSSL has used up what has come, and waits for more.
        self._wants_more = (ssl.SSLWantReadError, ssl.SSLSyscallError)
        sslcontext = sslcontext or _default_context(server_side, server_hostname)
        super().__init__({"sslcontext": sslcontext}, loop)
        self._timeouts = {  # in seconds; a state that is not here may last for ever
            HANDSHAKING: _positive("handshake", ssl_handshake_timeout, 60.0),
            SHUTTING_DOWN: _positive("shutdown", ssl_shutdown_timeout, 30.0),
        }
        self._timer: Any = None  # of the state, if it has one
        self._incoming = ssl.MemoryBIO()  # ciphertext that has come
        self._outgoing = ssl.MemoryBIO()  # ciphertext that is to go; no step leaves any here
        name = None if server_side else server_hostname or None
        self._sslobj = sslcontext.wrap_bio(self._incoming, self._outgoing, server_side, name)
        self._transport: Any = None  # below; None before connection_made and after connection_lost
        self._waiter = waiter
        self._connected = not call_connection_made  # connection_made was called
        self._eof = False  # eof_received was called
        self._paused = False  # pause_reading() was called
        self._writable = True  # the transport below has not asked us to pause
        self._backlog: deque[memoryview] = deque()  # plaintext that waits to be encrypted
        self._dropped = 0  # writes since the end
        self.set_protocol(app_protocol)
        self._state = HANDSHAKING

    @property
    def _app_transport(self) -> SSLProtocol:
        """What asyncio calls the half of it that programs see."""
        return self

    # -- the program's transport -------------------------------------------------------------------

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Return what is known here or below as `name`: 'peercert', 'cipher', 'peername'…"""
        if name in self._extra:
            return self._extra[name]
        return default if self._transport is None else self._transport.get_extra_info(name, default)

    def is_closing(self) -> bool:
        return self._state not in (HANDSHAKING, OPEN)

    def close(self) -> None:
        """Send what is buffered, take leave of the other side, then close the transport below."""
        if self._state is HANDSHAKING:
            self.abort()
        elif self._state is OPEN:
            self._attempt(self._start_shutdown)

    def abort(self) -> None:
        self._enter(CLOSED)
        if self._transport is not None:
            self._transport.abort()

    def is_reading(self) -> bool:
        return self._state is OPEN and not self._paused

    def pause_reading(self) -> None:
        if self.is_reading():
            self._paused = True
            self._transport.pause_reading()

    def resume_reading(self) -> None:
        if self._paused:
            self._paused = False
            self._loop.call_soon(self._resume_reading)

    def _resume_reading(self) -> None:
        """First what has come already: the transport below may have nothing more to say."""
        self._attempt(self._advance)
        if self.is_reading():
            self._transport.resume_reading()

    def write(self, data: Buffer) -> None:
        if not isinstance(data, _BYTES_LIKE):
            raise TypeError(f"data: expecting a bytes-like instance, got {type(data).__name__}")
        if not data:
            return
        if self.is_closing():
            if self._dropped >= LOG_THRESHOLD_FOR_CONNLOST_WRITES:
                logger.warning("SSL connection is closed")
            self._dropped += 1
            return
        piece = _kept(data)
        self._backlog.append(piece)
        self._buffer_size += len(piece)
        if self._state is OPEN:
            self._attempt(self._encrypt)
        self._maybe_pause_protocol()

    def can_write_eof(self) -> bool:
        """Return False: TLS cannot be closed in one direction."""
        return False

    def __del__(self) -> None:
        if not self.is_closing():
            warnings.warn(f"unclosed transport {self!r}", ResourceWarning, source=self)

    # -- the protocol of the transport below -------------------------------------------------------

    def connection_made(self, transport: Any) -> None:
        """Begin the handshake."""
        self._transport = transport
        self._enter(HANDSHAKING)
        self._attempt(self._advance)

    def data_received(self, data: bytes) -> None:
        """Some ciphertext has come."""
        self._incoming.write(data)
        self._attempt(self._advance)

    def eof_received(self) -> None:
        """The other side has ended, and often without a close_notify, as if that were nothing."""
        if self._state is HANDSHAKING:
            self._fatal_error(ConnectionResetError())
        elif self._state is not CLOSED:
            self._attempt(self._flush)
            self._end()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the protocol; or, before the end of the handshake, who waits for that."""
        self._enter(CLOSED)
        self._backlog.clear()
        self._buffer_size = 0
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(exc or ConnectionAbortedError("SSL handshake was aborted"))
        protocol = self._protocol
        self._transport = self._protocol = self._waiter = None  # what holds us, too
        if self._connected:
            protocol.connection_lost(exc)

    def pause_writing(self) -> None:
        """The transport below is full."""
        self._writable = False

    def resume_writing(self) -> None:
        """The transport below has drained."""
        self._writable = True
        if self._state is OPEN:
            self._attempt(self._encrypt)
        self._maybe_resume_protocol()

    # -- the life of a connection ------------------------------------------------------------------

    def _enter(self, state: str) -> None:
        """The only change of state: the clock of the old one stops, that of the new one starts."""
        if self._timer is not None:
            self._timer.cancel()
        seconds = self._timeouts.get(state)
        self._timer = None if seconds is None else self._loop.call_later(seconds, self._time_out)
        self._state = state

    def _time_out(self) -> None:
        seconds = self._timeouts[self._state]
        if self._state is HANDSHAKING:
            message = f"SSL handshake is taking longer than {seconds} seconds"
            self._fatal_error(ConnectionAbortedError(f"{message}: aborting the connection"))
        else:
            self._fatal_error(TimeoutError("SSL shutdown timed out"))

    def _attempt(self, step: Callable[[], None]) -> None:
        """Take a step, and send what that has made OpenSSL say; an exception ends the connection.

        Whatever the program's protocol raises is among these; the transport below lets Ctrl-C pass.
        """
        try:
            step()
        except BaseException as exc:
            self._fatal_error(exc)
        else:
            self._send_outgoing()

    def _advance(self) -> None:
        """Go on with what has come."""
        if self._state is HANDSHAKING:
            self._shake_hands()
        if self._state is OPEN:
            self._decrypt()
            self._encrypt()  # what had to wait for the handshake
        elif self._state is SHUTTING_DOWN:
            self._shut_down()

    def _shake_hands(self) -> None:
        try:
            self._sslobj.do_handshake()
        except self._wants_more:
            return
        self._enter(OPEN)
        self._extra.update(
            peercert=self._sslobj.getpeercert(), cipher=self._sslobj.cipher(),
            compression=self._sslobj.compression(), ssl_object=self._sslobj,
        )  # fmt: skip
        if not self._connected:
            self._connected = True
            self._protocol.connection_made(self)
        if self._waiter is not None:
            _set_result_unless_cancelled(self._waiter, None)

    def _decrypt(self) -> None:
        """Hand over record by record: each may make the protocol pause, close or be replaced."""
        # Asking about is cheaper than SSLWantReadError, which would end each message.
        while self.is_reading() and (self._incoming.pending or self._sslobj.pending()):
            buffer = self._protocol.get_buffer(-1) if self._buffered else None
            if buffer is not None and not len(buffer):
                raise RuntimeError("get_buffer() returned an empty buffer")
            try:
                received = self._sslobj.read(_RECORD if buffer is None else len(buffer), buffer)
            except self._wants_more:
                return
            if not received:  # a close_notify
                self._tell_eof()
                self.close()
            elif buffer is None:
                self._protocol.data_received(received)
            else:
                self._protocol.buffer_updated(received)

    def _encrypt(self) -> None:
        """Hand down as much as the transport below will take."""
        backlog = self._backlog
        while backlog and self._writable:
            try:
                written = self._sslobj.write(backlog[0][:_CHUNK])
            except self._wants_more:
                return
            self._buffer_size -= written
            rest = backlog.popleft()[written:]
            if rest:
                backlog.appendleft(rest)
            self._send_outgoing()

    def _send_outgoing(self) -> None:
        if self._outgoing.pending:
            self._transport.write(self._outgoing.read())

    def _flush(self) -> None:
        """Hand down all that waits, be the transport below as full as it may."""
        self._writable = True
        self._encrypt()

    def _start_shutdown(self) -> None:
        self._flush()  # nothing can be encrypted after the close_notify
        try:
            while self._sslobj.read(_RECORD):
                pass  # what came before close() and was not read would be an error for unwrap()
        except self._wants_more:
            pass
        self._enter(SHUTTING_DOWN)
        self._transport.resume_reading()  # else the other side's close_notify would never come
        self._shut_down()

    def _shut_down(self) -> None:
        try:
            self._sslobj.unwrap()
        except self._wants_more:
            return
        self._end()

    def _end(self) -> None:
        """Nothing more will be said in TLS."""
        self._enter(CLOSED)
        self._tell_eof()
        self._loop.call_soon(self._transport.close)

    def _tell_eof(self) -> None:
        if not self._eof:
            self._eof = True
            if self._protocol.eof_received():
                logger.warning("returning true from eof_received() has no effect when using ssl")

    def _fatal_error(self, exc: BaseException, message: str = "") -> None:
        """Let the transport below end because of `exc`, and report that if it is a bug."""
        self._send_outgoing()  # OpenSSL's alert, which tells the other side why
        self._transport._fatal_error(exc, message or "Fatal error on SSL protocol")
        self._enter(CLOSED)


def _load_ssl() -> Any:
    """The standard library's `ssl`; not at the top, for most programs speak no TLS."""
    try:
        import ssl
    except ImportError:  # a Python can be built without
        raise RuntimeError("stdlib ssl module not available") from None
    return ssl


def _default_context(server_side: bool, server_hostname: str | None) -> Any:
    """Certificates are verified; names only where a name is given."""
    if server_side:
        raise ValueError("Server side SSL needs a valid SSLContext")
    context = _load_ssl().create_default_context()
    if not server_hostname:
        context.check_hostname = False
    return context


def _positive(what: str, seconds: float | None, default: float) -> float:
    if seconds is not None and seconds <= 0:
        raise ValueError(f"ssl_{what}_timeout should be a positive number, got {seconds}")
    return default if seconds is None else seconds


def _client_tls(
    ssl: SSL, server_hostname: str | None, handshake_timeout: float | None,
    shutdown_timeout: float | None, host: Any = None,
) -> TLS | None:  # fmt: skip
    """The server has to prove that it is `server_hostname`, by default `host`; "": anyone will do.

    Returns None where `ssl` asks for no TLS; ValueError if another argument says it does.
    """
    if ssl and server_hostname is None:
        if not host:
            raise ValueError("You must set server_hostname when using ssl without a host")
        server_hostname = host
    return _tls(ssl, server_hostname, handshake_timeout, shutdown_timeout)


def _server_tls(
    ssl: SSL, handshake_timeout: float | None, shutdown_timeout: float | None
) -> TLS | None:
    """There is no default context here: a server needs a certificate."""
    if isinstance(ssl, bool):
        raise TypeError("ssl argument must be an SSLContext or None")
    return _tls(ssl, None, handshake_timeout, shutdown_timeout, server_side=True)


def _tls(
    ssl: SSL, server_hostname: str | None, handshake_timeout: float | None,
    shutdown_timeout: float | None, server_side: bool = False,
) -> TLS | None:  # fmt: skip
    given: dict[str, Any] = {
        "server_hostname": server_hostname, "ssl_handshake_timeout": handshake_timeout,
        "ssl_shutdown_timeout": shutdown_timeout,
    }  # fmt: skip
    if ssl:
        context = None if ssl is True else ssl
        return partial(SSLProtocol, sslcontext=context, server_side=server_side, **given)
    for name, value in given.items():
        if value is not None:
            raise ValueError(f"{name} is only meaningful with ssl")
    return None


async def start_tls(
    loop: Loop, transport: Any, protocol: BaseProtocol, sslcontext: Any, *,
    server_side: bool = False, server_hostname: str | None = None,
    ssl_handshake_timeout: float | None = None,
    ssl_shutdown_timeout: float | None = None,
) -> SSLProtocol:  # fmt: skip
    """Go on over TLS: return the transport that `protocol` has to use in place of `transport`.

    Raises ssl.SSLError or OSError if the handshake fails; then `transport` is closed.
    """
    if not isinstance(sslcontext, _load_ssl().SSLContext):
        raise TypeError(
            f"sslcontext is expected to be an instance of ssl.SSLContext, got {sslcontext!r}"
        )
    if not getattr(transport, "_start_tls_compatible", False):
        raise TypeError(f"transport {transport!r} is not supported by start_tls()")
    if transport.is_closing():  # who would ever tell us that it is lost?
        raise ConnectionResetError("Connection lost")
    waiter = loop.create_future()
    tls = SSLProtocol(
        loop, protocol, sslcontext, waiter, server_side, server_hostname, False,
        ssl_handshake_timeout, ssl_shutdown_timeout,
    )  # fmt: skip
    transport.set_protocol(tls)
    tls.connection_made(transport)
    transport.resume_reading()
    with _closing_on_error(transport):
        await waiter
    return tls
