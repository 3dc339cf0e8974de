"""A client and a server of the library websockets exchange three messages."""

from __future__ import annotations

import asyncio

from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve


async def echo(connection: ServerConnection) -> None:
    async for message in connection:
        await connection.send(f"echo {message!s}")


async def main() -> None:
    async with asyncio.timeout(30), serve(echo, "127.0.0.1", 0) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        async with connect(f"ws://127.0.0.1:{port}") as client:
            for number in range(3):
                await client.send(str(number))
                print(await client.recv())


if __name__ == "__main__":
    asyncio.run(main())
