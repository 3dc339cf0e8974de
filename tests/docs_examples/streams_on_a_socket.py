"""Streams on a socket that is already open; the other end of the pair is a plain socket.

Prints:
    waiting
    received: 'from the other end'
    at eof: True
"""

import asyncio
import socket


async def main() -> None:
    ours, other = socket.socketpair()
    with other:
        reader, writer = await asyncio.open_connection(sock=ours)
        asyncio.get_running_loop().call_later(0.01, other.send, b"from the other end\n")
        print("waiting")
        print(f"received: {(await reader.readline()).decode().strip()!r}")
        other.shutdown(socket.SHUT_WR)
        await reader.read()
        print("at eof:", reader.at_eof())
        writer.close()
        await writer.wait_closed()


if __name__ == "__main__":
    asyncio.run(main())
