"""A TCP server that sends all data back, and a client, both with streams.

Prints:
    client sends 'good morning'
    server got 'good morning'
    client got 'good morning'
    server closed the connection
    then eof: b''
"""

import asyncio


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    data = await reader.read(100)
    print(f"server got {data.decode()!r}")
    writer.write(data)
    await writer.drain()
    writer.close()
    await writer.wait_closed()


async def talk(port: int, words: str) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    print(f"client sends {words!r}")
    writer.write(words.encode())
    await writer.drain()
    data = await reader.readexactly(len(words))
    print(f"client got {data.decode()!r}")
    rest = await reader.read()
    print("server closed the connection")
    print("then eof:", rest)
    writer.close()
    await writer.wait_closed()


async def main() -> None:
    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    async with server:
        await talk(server.sockets[0].getsockname()[1], "good morning")


if __name__ == "__main__":
    asyncio.run(main())
