"""Accept, connect, send and receive with the loop's methods for plain sockets.

Prints:
    server got b'ping'
    client got b'ping pong'
    no more: b''
"""

import asyncio
import socket


async def serve_one(listener: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    connection, _ = await loop.sock_accept(listener)
    with connection:
        data = await loop.sock_recv(connection, 100)
        print("server got", data)
        await loop.sock_sendall(connection, data + b" pong")


async def main() -> None:
    loop = asyncio.get_running_loop()
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.socket() as client:
        listener.setblocking(False)
        client.setblocking(False)
        serving = asyncio.create_task(serve_one(listener))
        await loop.sock_connect(client, listener.getsockname())
        await loop.sock_sendall(client, b"ping")
        await serving
        room = bytearray(100)
        size = await loop.sock_recv_into(client, room)
        print("client got", bytes(room[:size]))
        print("no more:", await loop.sock_recv(client, 100))


if __name__ == "__main__":
    asyncio.run(main())
