"""A TCP server and its client as protocols, which are callbacks for a connection.

Prints:
    server: connected
    client: sends 'hello'
    server: received 'hello'
    client: received 'hello'
    client: lost None
    server: lost None
"""

import asyncio


class Life(asyncio.Protocol):
    """Common to server and client: futures for the start and end of a connection."""

    transport: asyncio.Transport

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.made: asyncio.Future[None] = loop.create_future()
        self.lost: asyncio.Future[Exception | None] = loop.create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.made.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost.set_result(exc)


class Echo(Life):
    """Sends all data back."""

    def data_received(self, data: bytes) -> None:
        print(f"server: received {data.decode()!r}")
        self.transport.write(data)


class Greeter(Life):
    """Sends a word, and closes when it has come back."""

    def greet(self, word: str) -> None:
        print(f"client: sends {word!r}")
        self.transport.write(word.encode())

    def data_received(self, data: bytes) -> None:
        print(f"client: received {data.decode()!r}")
        self.transport.close()


async def main() -> None:
    loop = asyncio.get_running_loop()
    echo = Echo()
    async with await loop.create_server(lambda: echo, "127.0.0.1", 0) as server:
        host, port = server.sockets[0].getsockname()
        _, greeter = await loop.create_connection(Greeter, host, port)
        await echo.made
        print("server: connected")
        greeter.greet("hello")
        print("client: lost", await greeter.lost)
        print("server: lost", await echo.lost)


if __name__ == "__main__":
    asyncio.run(main())
