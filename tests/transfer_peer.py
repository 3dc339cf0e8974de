"""The peer process of a transfer; the tests kill it.

`python transfer_peer.py reads|writes [tcp|unix|tls ADDRESS]` reads one piece of data and then stops
reading, or writes without end. It uses the socket that it connects to, or else standard input and
output. On a socket, two received bytes tell it to begin. After its read it writes one byte to
standard output.

It uses blocking calls and no event loop, so its behaviour depends only on the operating system.
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
        # This process will be killed, so it does not need to check certificates.
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
