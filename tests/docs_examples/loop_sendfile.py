"""Send a file over a connection without reading it into the program.

Prints:
    sent 43008 bytes of the file
    received the header and 43008 bytes
"""

import asyncio
import tempfile

HEADER = b"what follows is a file\n"


async def offer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(HEADER)
    with tempfile.TemporaryFile() as file:
        file.write(b"all work and no play\n" * 2048)
        file.flush()  # the kernel sends only what is in the file
        sent = await asyncio.get_running_loop().sendfile(writer.transport, file)
    print(f"sent {sent} bytes of the file")
    writer.close()
    await writer.wait_closed()


async def main() -> None:
    async with await asyncio.start_server(offer, "127.0.0.1", 0) as server:
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        header = await reader.readline()
        assert header == HEADER
        print(f"received the header and {len(await reader.read())} bytes")
        writer.close()
        await writer.wait_closed()


if __name__ == "__main__":
    asyncio.run(main())
