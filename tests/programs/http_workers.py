"""httpx sends 20 requests to a Starlette application that two processes of uvicorn serve."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route


async def square(request: Request) -> JSONResponse:
    number = request.path_params["number"]
    file = sys.modules[type(asyncio.get_running_loop()).__module__].__file__
    return JSONResponse({"square": number * number, "process": os.getpid(), "loop": file})


app = Starlette(routes=[Route("/square/{number:int}", square)])


async def fetch_all(port: int) -> list[dict[str, Any]]:
    async with (
        asyncio.timeout(50),
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=50) as client,
    ):
        responses = await asyncio.gather(*(client.get(f"/square/{n}") for n in range(20)))
    return [response.raise_for_status().json() for response in responses]


def main() -> None:
    # The system keeps the connections until the workers accept them, so nothing waits for a start.
    listening = socket.create_server(("127.0.0.1", 0), backlog=100)
    command = [sys.executable, "-m", "uvicorn", f"{Path(__file__).stem}:app", "--workers", "2"]
    command += ["--app-dir", str(Path(__file__).parent), "--fd", str(listening.fileno())]
    command += ["--loop", "asyncio", "--log-level", "warning"]
    with listening, subprocess.Popen(command, pass_fds=[listening.fileno()]) as server:
        try:
            answers = asyncio.run(fetch_all(listening.getsockname()[1]))
        finally:
            server.send_signal(signal.SIGTERM)
    print(len(answers), "answers:", *[answer["square"] for answer in answers])
    others = {answer["process"] for answer in answers}.isdisjoint({os.getpid(), server.pid})
    print("from worker processes:", others)
    here = sys.modules[asyncio.SelectorEventLoop.__module__].__file__
    print("with the same loop as here:", {answer["loop"] for answer in answers} == {here})


if __name__ == "__main__":
    main()
