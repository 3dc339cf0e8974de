"""TLS: a transport on top of another transport.

Purpose: SSLProtocol is the protocol of the transport below, which delivers ciphertext, and the
transport of the program's protocol, which gets plaintext. In between is OpenSSL, which converts
bytes in memory to other bytes: it never sees the socket.
Invariants: the program's protocol is not called before the handshake has succeeded. Decrypted data
is delivered before an error or the end is reported. Flow control works in both directions: while
the transport below is full, nothing is encrypted; while the protocol above is paused, the transport
below does not read. A connection goes through these states, and never back:

    HANDSHAKING   → OPEN           the handshake has succeeded
    HANDSHAKING   → CLOSED         it has failed or timed out; end of file; close() or abort()
    OPEN          → SHUTTING_DOWN  close(); or a close_notify from the other side
    OPEN          → CLOSED         an error; an end of file without close_notify; abort()
    SHUTTING_DOWN → CLOSED         both sides have sent a close_notify; or as above, or timed out

From each state connection_lost() leads to CLOSED.
This file does not depend on sockets: the transport below may be another SSLProtocol. Read
transports.py first.
"""

from __future__ import annotations

import warnings
from collections import deque
from contextlib import suppress
from functools import partial

from .abstract import SSL
from .descriptors import LOG_THRESHOLD_FOR_CONNLOST_WRITES
from .events import Loop
from .format_helpers import logger
from .futures import Future, _set_result_unless_cancelled
from .hints import Any, Callable, Final, TypeAlias
from .protocols import BaseProtocol, Protocol
from .transports import _BYTES_LIKE, Buffer, _FlowControlMixin, _kept, _opened

# The states; the table is above. In SHUTTING_DOWN our close_notify is sent, and that of the peer is
# awaited. In CLOSED the transport below is closing or lost.
HANDSHAKING, OPEN = "HANDSHAKING", "OPEN"
SHUTTING_DOWN, CLOSED = "SHUTTING_DOWN", "CLOSED"

#: The most plaintext bytes in a TLS record, and so the most that one read() can return.
_RECORD: Final = 16 * 1024
#: Bytes to encrypt at a time. With more, the ciphertext no longer fits the processor's cache.
_CHUNK: Final = 256 * 1024


class SSLProtocol(_FlowControlMixin, Protocol):
    """The protocol of the transport below, and the transport of the program's protocol."""

    _start_tls_compatible = True
    _high_water, _low_water = 512 * 1024, 128 * 1024
    _state = CLOSED  # __del__ reads it, even if __init__ has failed

    def __init__(self, loop: Loop, app_protocol: BaseProtocol, sslcontext: Any,
                 waiter: Future[None] | None, server_side: bool = False,
                 server_hostname: str | None = None, call_connection_made: bool = True,
                 ssl_handshake_timeout: float | None = None,
                 ssl_shutdown_timeout: float | None = None) -> None:  # fmt: skip
        """`waiter` is completed by the handshake; start_tls() sets `call_connection_made` to False.

        Timeouts are in seconds; None means 60 for the handshake and 30 for the shutdown.
        """
        ssl = _load_ssl()
        #: Raised by OpenSSL when it needs more bytes from the other side.
        self._wants_more = (ssl.SSLWantReadError, ssl.SSLSyscallError)
        sslcontext = sslcontext or _default_context(server_side, server_hostname)
        super().__init__({"sslcontext": sslcontext}, loop)
        # In seconds; the other states have none.
        self._timeouts = {HANDSHAKING: _positive("handshake", ssl_handshake_timeout, 60.0)}
        self._timeouts[SHUTTING_DOWN] = _positive("shutdown", ssl_shutdown_timeout, 30.0)
        self._timer: Any = None  # for the timeout of the state, if it has one
        self._incoming = ssl.MemoryBIO()  # ciphertext that has arrived
        self._outgoing = ssl.MemoryBIO()  # ciphertext to send; every step empties it
        name = None if server_side else server_hostname or None
        if sslcontext.check_hostname and not (server_side or name):
            # Python 3.15 checks this in wrap_bio(). Before, any server was accepted (gh-156793).
            raise ValueError("check_hostname requires server_hostname")
        self._sslobj = sslcontext.wrap_bio(self._incoming, self._outgoing, server_side, name)
        self._transport: Any = None  # below; None before connection_made and after connection_lost
        self._waiter = waiter
        self._connected = not call_connection_made  # the protocol's connection_made() was called
        self._eof_reported = False  # the protocol's eof_received() was called
        self._paused = False  # pause_reading() was called, and resume_reading() was not
        self._writing_paused = False  # the transport below has called our pause_writing()
        self._backlog: deque[memoryview] = deque()  # plaintext that is not encrypted yet
        self._dropped = 0  # writes since close()
        self.set_protocol(app_protocol)
        self._state = HANDSHAKING

    @property
    def _app_transport(self) -> SSLProtocol:
        """The transport that the program sees: asyncio has a second object for it."""
        return self

    # -- the transport of the program's protocol ---------------------------------------------------

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Return the fact called `name` ('peercert', 'cipher', …), or ask the transport below."""
        if name in self._extra:
            return self._extra[name]
        return default if self._transport is None else self._transport.get_extra_info(name, default)

    def is_closing(self) -> bool:
        return self._state not in (HANDSHAKING, OPEN)

    def close(self) -> None:
        """Send the buffer, exchange close_notify with the peer, then close the transport below."""
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
        """Deliver what has arrived already; then let the transport below read on.

        The order matters. The rest of a message may have arrived already, and if the other side
        sends no more, the transport below never calls this object again.
        """
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
        """Take ciphertext in, and decrypt it."""
        self._incoming.write(data)
        self._attempt(self._advance)

    def eof_received(self) -> None:
        """End the connection. Many peers close theirs without a close_notify: that is no error."""
        if self._state is HANDSHAKING:
            self._fatal_error(ConnectionResetError())
        elif self._state is not CLOSED:
            self._attempt(self._flush)
            self._end()

    def connection_lost(self, exc: Exception | None) -> None:
        """Call the protocol's connection_lost(); fail the waiter if the handshake has not ended."""
        self._enter(CLOSED)
        self._backlog.clear()
        self._buffer_size = 0
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(exc or ConnectionAbortedError("SSL handshake was aborted"))
        protocol = self._protocol
        self._transport = self._protocol = self._waiter = None  # break the reference cycles
        if self._connected:
            protocol.connection_lost(exc)

    def pause_writing(self) -> None:
        """Stop encrypting: the transport below is full."""
        self._writing_paused = True

    def resume_writing(self) -> None:
        """Go on encrypting: the transport below has drained."""
        self._writing_paused = False
        if self._state is OPEN:
            self._attempt(self._encrypt)
        self._maybe_resume_protocol()

    # -- the states --------------------------------------------------------------------------------

    def _enter(self, state: str) -> None:
        """Change the state, here and nowhere else; stop its timer and start that of the new one."""
        if self._timer is not None:
            self._timer.cancel()
        seconds = self._timeouts.get(state)
        self._timer = None if seconds is None else self._loop.call_later(seconds, self._time_out)
        self._state = state

    def _time_out(self) -> None:
        if self._state is HANDSHAKING:
            message = f"SSL handshake is taking longer than {self._timeouts[HANDSHAKING]} seconds"
            self._fatal_error(ConnectionAbortedError(f"{message}: aborting the connection"))
        else:
            self._fatal_error(TimeoutError("SSL shutdown timed out"))

    def _attempt(self, step: Callable[[], None]) -> None:
        """Call `step`, and send the ciphertext that it has made. An exception ends the connection.

        That includes exceptions of the program's protocol. KeyboardInterrupt and SystemExit pass:
        the transport below raises them again.
        """
        try:
            step()
        except BaseException as exc:
            self._fatal_error(exc)
        else:
            self._send_outgoing()

    def _advance(self) -> None:
        """Process what has arrived, by the state."""
        if self._state is HANDSHAKING:
            self._shake_hands()
        if self._state is OPEN:
            self._decrypt()
            self._encrypt()  # what was written before the handshake, or while OpenSSL needed bytes
        elif self._state is SHUTTING_DOWN:
            self._shut_down()

    def _shake_hands(self) -> None:
        try:
            self._sslobj.do_handshake()
        except self._wants_more:
            return
        self._enter(OPEN)
        tls = self._sslobj
        self._extra.update(peercert=tls.getpeercert(), cipher=tls.cipher(),
                           compression=tls.compression(), ssl_object=tls)  # fmt: skip
        if not self._connected:
            self._connected = True
            self._protocol.connection_made(self)
        if self._waiter is not None:
            _set_result_unless_cancelled(self._waiter, None)

    def _decrypt(self) -> None:
        """Deliver record by record: after each the protocol may pause, close or be replaced."""
        # To ask for pending bytes is cheaper than an SSLWantReadError at the end of each message.
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
        """Encrypt and send until the transport below is full."""
        backlog = self._backlog
        while backlog and not self._writing_paused:
            try:
                written = self._sslobj.write(backlog[0][:_CHUNK])
            except self._wants_more:
                return
            self._buffer_size -= written
            if rest := backlog.popleft()[written:]:
                backlog.appendleft(rest)
            self._send_outgoing()

    def _send_outgoing(self) -> None:
        if self._outgoing.pending:
            self._transport.write(self._outgoing.read())

    def _flush(self) -> None:
        """Encrypt and send everything, even if the transport below is over its high-water mark."""
        self._writing_paused = False
        self._encrypt()

    def _start_shutdown(self) -> None:
        self._flush()  # nothing can be encrypted after the close_notify
        with suppress(*self._wants_more):
            while self._sslobj.read(_RECORD):
                pass  # drop data that was not read before close(): unwrap() would fail on it
        self._enter(SHUTTING_DOWN)
        self._transport.resume_reading()  # else the other side's close_notify would not be read
        self._shut_down()

    def _shut_down(self) -> None:
        try:
            self._sslobj.unwrap()
        except self._wants_more:
            return
        self._end()

    def _end(self) -> None:
        """Enter CLOSED after an orderly end, and close the transport below."""
        timer, self._timer = self._timer, None
        self._enter(CLOSED)
        # The transport below sends its buffer first. A peer that does not read could delay that for
        # ever, so the time for the shutdown runs on until connection_lost() (gh-160520).
        self._timer = timer or self._loop.call_later(self._timeouts[SHUTTING_DOWN], self._time_out)
        self._tell_eof()
        self._loop.call_soon(self._transport.close)

    def _tell_eof(self) -> None:
        if not self._eof_reported:
            self._eof_reported = True
            if self._protocol.eof_received():
                logger.warning("returning true from eof_received() has no effect when using ssl")

    def _fatal_error(self, exc: BaseException, message: str = "") -> None:
        """Enter CLOSED because of `exc`; the transport below closes, and reports a bug."""
        self._send_outgoing()  # OpenSSL's alert tells the other side the reason
        self._transport._fatal_error(exc, message or "Fatal error on SSL protocol")
        self._enter(CLOSED)


def _load_ssl() -> Any:
    """Return the module `ssl`. Imported late: most programs do not use TLS."""
    try:
        import ssl
    except ImportError:  # Python can be built without it
        raise RuntimeError("stdlib ssl module not available") from None
    return ssl


def _default_context(server_side: bool, server_hostname: str | None) -> Any:
    """Return a context that verifies certificates, and host names if one is given."""
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


def _server_tls(ssl: SSL, handshake_timeout: float | None,
                shutdown_timeout: float | None) -> TLS | None:  # fmt: skip
    """Return the factory for a server. `ssl` must be a context: a server needs a certificate."""
    if isinstance(ssl, bool):
        raise TypeError("ssl argument must be an SSLContext or None")
    return _tls(ssl, None, handshake_timeout, shutdown_timeout, server_side=True)


def _tls(ssl: SSL, server_hostname: str | None, handshake_timeout: float | None,
         shutdown_timeout: float | None, server_side: bool = False) -> TLS | None:  # fmt: skip
    """Return a factory of SSLProtocols, or None if `ssl` asks for no TLS.

    A server must prove that it is `server_hostname`; "" accepts any server, if the context allows
    that. Raises ValueError for another argument of TLS without `ssl`.
    """
    given: dict[str, Any] = {"server_hostname": server_hostname,
                             "ssl_handshake_timeout": handshake_timeout,
                             "ssl_shutdown_timeout": shutdown_timeout}  # fmt: skip
    if ssl:
        context = None if ssl is True else ssl
        return partial(SSLProtocol, sslcontext=context, server_side=server_side, **given)
    for name, value in given.items():
        if value is not None:
            raise ValueError(f"{name} is only meaningful with ssl")
    return None


async def start_tls(loop: Loop, transport: Any, protocol: BaseProtocol, sslcontext: Any, *,
                    server_side: bool = False, server_hostname: str | None = None,
                    ssl_handshake_timeout: float | None = None,
                    ssl_shutdown_timeout: float | None = None) -> SSLProtocol:  # fmt: skip
    """Go on over TLS: return the transport that `protocol` has to use in place of `transport`.

    Raises ssl.SSLError or OSError if the handshake fails; then `transport` is closed.
    """
    if not isinstance(sslcontext, _load_ssl().SSLContext):
        what = "sslcontext is expected to be an instance of ssl.SSLContext"
        raise TypeError(f"{what}, got {sslcontext!r}")
    if not getattr(transport, "_start_tls_compatible", False):
        raise TypeError(f"transport {transport!r} is not supported by start_tls()")
    if transport.is_closing():  # it may be lost already, and then nothing ends the handshake
        raise ConnectionResetError("Connection lost")
    tls = SSLProtocol(loop, protocol, sslcontext, loop.create_future(), server_side,
                      server_hostname, False, ssl_handshake_timeout,
                      ssl_shutdown_timeout)  # fmt: skip
    # The reader has to pause the new transport, and data can arrive before start_tls() returns.
    if (reader := getattr(protocol, "_stream_reader", None)) is not None:
        reader._transport = tls
    if server_side and reader is not None:  # it may have got the client's first bytes (gh-142352)
        tls._incoming.write(reader._buffer)
        reader._buffer.clear()
    transport.set_protocol(tls)
    tls.connection_made(transport)
    transport.resume_reading()
    await _opened(transport, tls, tls._waiter)
    return tls


#: A factory of SSLProtocols. Arguments: the loop, the program's protocol, and `waiter=`.
TLS: TypeAlias = partial[SSLProtocol]
