"""The two ends of a pipe: a stream reads from one, a transport writes to the other.

Prints:
    read 'first line'
    read 'second line'
    then eof: b''
    the writer was closed with: None
"""

import asyncio
import os


class Writer(asyncio.Protocol):
    """Waits for the end."""

    def __init__(self) -> None:
        self.lost: asyncio.Future[Exception | None] = asyncio.get_running_loop().create_future()

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost.set_result(exc)


async def main() -> None:
    loop = asyncio.get_running_loop()
    reading, writing = os.pipe()
    reader = asyncio.StreamReader()
    source, _ = await loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(reading, "rb", buffering=0)
    )
    target, writer = await loop.connect_write_pipe(Writer, os.fdopen(writing, "wb", buffering=0))
    target.write(b"first line\nsecond line\n")
    target.close()
    async for line in reader:
        print(f"read {line.decode().strip()!r}")
    print("then eof:", await reader.read())
    print("the writer was closed with:", await writer.lost)
    source.close()


if __name__ == "__main__":
    asyncio.run(main())
