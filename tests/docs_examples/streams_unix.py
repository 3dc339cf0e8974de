"""A server on a Unix socket: its address is a file, and only this machine can connect.

Prints:
    server got 'good morning'
    client got 'gninrom doog'
    then eof: b''
"""

import asyncio
import tempfile
from pathlib import Path


async def reverse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    words = (await reader.read()).decode()  # until the client sends eof
    print(f"server got {words!r}")
    writer.write(words[::-1].encode())
    await writer.drain()
    writer.close()
    await writer.wait_closed()


async def talk(path: Path, words: str) -> None:
    reader, writer = await asyncio.open_unix_connection(path)
    writer.write(words.encode())
    writer.write_eof()
    answer = await reader.readexactly(len(words))
    print(f"client got {answer.decode()!r}")
    print("then eof:", await reader.read())
    writer.close()
    await writer.wait_closed()


async def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "socket")
        async with await asyncio.start_unix_server(reverse, path):
            await talk(path, "good morning")


if __name__ == "__main__":
    asyncio.run(main())
