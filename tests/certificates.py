"""Certificates, created at run time, and the peer of a TLS connection.

Nothing is written to disk: the keys live as long as the process. `TLSPeer` runs TLS on a plain
socket, so that a test can also send what a well-behaved peer never sends.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from functools import cache, partial
from typing import Any, TypeVar

import trustme

__all__ = ["NAME", "TLSPeer", "client_context", "server_context", "stranger_context"]

T = TypeVar("T")

NAME = "localhost"
"""The host name in the server's certificate."""


@cache
def _authority() -> trustme.CA:
    return trustme.CA()


@cache
def _certificate(name: str) -> trustme.LeafCert:
    return _authority().issue_cert(name)


def server_context() -> ssl.SSLContext:
    """Return a server's context with a certificate for NAME."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    _certificate(NAME).configure_cert(context)
    return context


def client_context() -> ssl.SSLContext:
    """Return a client's context that trusts the issuer of the server's certificate."""
    context = ssl.create_default_context()
    _authority().configure_trust(context)
    return context


def stranger_context() -> ssl.SSLContext:
    """Return a client's context that does not trust that issuer."""
    return ssl.create_default_context(cadata=_stranger().cert_pem.bytes().decode())


@cache
def _stranger() -> trustme.CA:
    return trustme.CA()


class TLSPeer:
    """The peer of a connection: OpenSSL on a non-blocking socket, driven by the test."""

    def __init__(
        self, loop: Any, sock: socket.socket, context: ssl.SSLContext, name: str | None = None
    ) -> None:
        self.loop = loop
        self.sock = sock
        self.incoming = ssl.MemoryBIO()
        self.outgoing = ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, name is None, name)

    async def handshake(self) -> None:
        await self._until_done(self.tls.do_handshake)

    async def send(self, data: bytes) -> None:
        await self._until_done(partial(self.tls.write, data))

    async def receive(self, size: int) -> bytes:
        """Return `size` bytes, or fewer if a close_notify arrives first."""
        received = b""
        while len(received) < size:
            piece = await self._until_done(partial(self.tls.read, size - len(received)))
            if not piece:
                break
            received += piece
        return received

    async def say_goodbye(self) -> None:
        """Send a close_notify, and wait for the other side's."""
        await self._until_done(self.tls.unwrap)

    def encrypted(self, data: bytes) -> bytes:
        """Return the bytes that send() would send."""
        self.tls.write(data)
        return self.outgoing.read()

    async def _until_done(self, step: Callable[[], T]) -> T:
        while True:
            try:
                result = step()
            except ssl.SSLWantReadError:
                await self._flush()
                ciphertext = await self.loop.sock_recv(self.sock, 64 * 1024)
                if ciphertext:
                    self.incoming.write(ciphertext)
                else:
                    self.incoming.write_eof()
            else:
                await self._flush()
                return result

    async def _flush(self) -> None:
        if self.outgoing.pending:
            await self.loop.sock_sendall(self.sock, self.outgoing.read())
