"""httpx sends 20 requests, five at a time, to a Starlette application that uvicorn serves."""

from __future__ import annotations

import asyncio

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route


async def square(request: Request) -> JSONResponse:
    number = request.path_params["number"]
    return JSONResponse({"square": number * number})


async def main() -> None:
    app = Starlette(routes=[Route("/square/{number:int}", square)])
    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning", lifespan="on")
    server = uvicorn.Server(config)
    async with asyncio.timeout(30), asyncio.TaskGroup() as group:
        group.create_task(server.serve())
        while not server.started:
            await asyncio.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        limit = asyncio.Semaphore(5)

        async def fetch(client: httpx.AsyncClient, number: int) -> int:
            async with limit:
                response = await client.get(f"/square/{number}")
            answer: int = response.raise_for_status().json()["square"]
            return answer

        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
            answers = await asyncio.gather(*(fetch(client, number) for number in range(20)))
        print(len(answers), "answers:", *answers)
        server.should_exit = True


if __name__ == "__main__":
    asyncio.run(main())
