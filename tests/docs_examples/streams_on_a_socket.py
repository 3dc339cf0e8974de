"""Streams on a socket that is already open: one end of a pair, the other is written to by hand.

Prints:
    waiting
    received: 'from the other end'
    at the end: True
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
        print("at the end:", reader.at_eof())
        writer.close()
        await writer.wait_closed()


if __name__ == "__main__":
    asyncio.run(main())
