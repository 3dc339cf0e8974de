"""The process at the other end of a transfer, which is there to be killed.

`python transfer_peer.py reads|writes [tcp|unix|tls ADDRESS]` takes a first piece of what it is sent
and then no more, or writes without end: over the socket that it connects to, else by its standard
input and output. A socket tells it with two bytes when to begin; that it has read it tells by a
byte on standard output.

It blocks, and knows nothing of event loops: what it does is the operating system's doing alone.
"""

from __future__ import annotations

import signal
import socket
import ssl
import sys
from collections.abc import Callable

PIECE = 64 * 1024


def connect(kind: str, address: str) -> socket.socket:
    if kind == "unix":
        sock = socket.socket(socket.AF_UNIX)
        sock.connect(address)
        return sock
    sock = socket.create_connection(("127.0.0.1", int(address)))
    if kind == "tls":
        # Whom it trusts does not matter to one who is to be killed.
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        sock = context.wrap_socket(sock)
    return sock


def main(role: str, *where: str) -> None:
    read: Callable[[int], bytes] = sys.stdin.buffer.read
    write: Callable[[bytes], object] = sys.stdout.buffer.write
    if where:
        sock = connect(*where)
        read, write = sock.recv, sock.sendall
        assert read(2) == b"go"
    if role == "writes":
        while True:
            write(bytes(PIECE))
    read(PIECE)
    sys.stdout.buffer.write(b"!")
    sys.stdout.buffer.flush()
    signal.pause()


if __name__ == "__main__":
    main(*sys.argv[1:])
