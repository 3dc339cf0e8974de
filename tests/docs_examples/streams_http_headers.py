"""The head of an HTTP response, line by line, from a server in the same program.

Prints:
    request: HEAD /tea HTTP/1.0
    HTTP/1.0 200 OK
    Content-Type: text/plain
    X-Pot: round
    (end of the head)
"""

import asyncio

HEAD = b"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\nX-Pot: round\r\n\r\n"


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    request = await reader.readuntil(b"\r\n\r\n")
    print("request:", request.splitlines()[0].decode())
    writer.writelines([HEAD, b"not asked for"])
    await writer.drain()
    writer.close()
    await writer.wait_closed()


async def print_head(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"HEAD /tea HTTP/1.0\r\nHost: localhost\r\n\r\n")
    while line := (await reader.readline()).decode("latin1").rstrip():
        print(line)
    print("(end of the head)")
    await reader.read()
    writer.close()
    await writer.wait_closed()


async def main() -> None:
    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        await print_head(server.sockets[0].getsockname()[1])


if __name__ == "__main__":
    asyncio.run(main())
