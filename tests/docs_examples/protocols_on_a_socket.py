"""A protocol on a socket that is already open; it closes after the first data.

Prints:
    received 'from the peer'
    lost: None
    closed: True
"""

import asyncio
import socket


class FirstWords(asyncio.Protocol):
    """Closes after the first data."""

    def __init__(self) -> None:
        self.lost: asyncio.Future[Exception | None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        print(f"received {data.decode()!r}")
        self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost.set_result(exc)


async def main() -> None:
    loop = asyncio.get_running_loop()
    ours, other = socket.socketpair()
    with other:
        transport, protocol = await loop.create_connection(FirstWords, sock=ours)
        loop.call_soon(other.send, b"from the peer")
        print("lost:", await protocol.lost)
        print("closed:", transport.is_closing())


if __name__ == "__main__":
    asyncio.run(main())
