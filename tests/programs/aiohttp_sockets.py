"""aiohttp serves and fetches pages, a stream of chunks and messages over a WebSocket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import aiohttp
from aiohttp import web


async def square(request: web.Request) -> web.Response:
    number = int(request.match_info["number"])
    return web.json_response({"square": number * number})


async def upload(request: web.Request) -> web.Response:
    sizes = [len(line) async for line in request.content]
    return web.json_response(sizes)


async def echo(request: web.Request) -> web.WebSocketResponse:
    connection = web.WebSocketResponse()
    await connection.prepare(request)
    async for message in connection:
        await connection.send_str(f"echo {message.data}")
    return connection


async def lines() -> AsyncIterator[bytes]:
    for length in (1, 10, 100_000):
        yield b"x" * length + b"\n"
        await asyncio.sleep(0)


async def use(client: aiohttp.ClientSession) -> None:
    async def fetch(number: int) -> int:
        async with client.get(f"/square/{number}") as response:
            answer: int = (await response.json())["square"]
            return answer

    print("answers:", *await asyncio.gather(*(fetch(number) for number in range(20))))
    async with client.post("/upload", data=lines()) as response:
        print("lines of", *await response.json(), "bytes")
    async with client.ws_connect("/echo") as connection:
        for number in range(3):
            await connection.send_str(str(number))
            print(await connection.receive_str())


async def main() -> None:
    app = web.Application()
    app.add_routes([web.get("/square/{number}", square), web.post("/upload", upload)])
    app.add_routes([web.get("/echo", echo)])
    runner = web.AppRunner(app)
    await runner.setup()
    async with asyncio.timeout(30):
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        base = f"http://127.0.0.1:{runner.addresses[0][1]}"
        async with aiohttp.ClientSession(base) as client:
            await use(client)
        await runner.cleanup()


if __name__ == "__main__":
    asyncio.run(main())
