"""A server and a client exchange datagrams: each one arrives as it was sent.

Prints:
    server received b'hello'
    client received b'hello'
    server received b'bye'
    client received b'bye'
    client lost None
"""

import asyncio
from typing import Any


class EchoServer(asyncio.DatagramProtocol):
    """Sends each datagram back."""

    transport: asyncio.DatagramTransport

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        print("server received", data)
        self.transport.sendto(data, addr)


class EchoClient(asyncio.DatagramProtocol):
    """Sends two datagrams, and closes when both have come back."""

    transport: asyncio.DatagramTransport

    def __init__(self) -> None:
        self.lost: asyncio.Future[Exception | None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        transport.sendto(b"hello")

    def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        print("client received", data)
        if data == b"hello":
            self.transport.sendto(b"bye")
        else:
            self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost.set_result(exc)


async def main() -> None:
    loop = asyncio.get_running_loop()
    server, _ = await loop.create_datagram_endpoint(EchoServer, local_addr=("127.0.0.1", 0))
    address = server.get_extra_info("sockname")
    _, client = await loop.create_datagram_endpoint(EchoClient, remote_addr=address)
    print("client lost", await client.lost)
    server.close()


if __name__ == "__main__":
    asyncio.run(main())
