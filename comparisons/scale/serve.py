"""An echo server for lines, in its own process.

`python -m comparisons.scale.serve MODEL` prints its port and serves until it is killed. Each
connection is served by its own task, thread or process.
"""

import os
import socket
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any, Final

BACKLOG: Final = 1024
ADDRESS: Final = ("127.0.0.1", 0)


def allow_many_files() -> int:
    """Raise the soft limit on open descriptors to the hard limit; return the limit."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        except (OSError, ValueError):
            return soft  # macOS reports an unlimited hard limit but rejects it
    return hard


def on_a_loop(module: str, factory: str = "") -> None:
    aio: Any = import_module(module)
    where, _, name = factory.rpartition(".")
    loop_factory = getattr(import_module(where), name) if factory else None

    async def answer(reader: Any, writer: Any) -> None:
        while line := await reader.readline():
            writer.write(line)
        writer.close()

    async def main() -> None:
        server = await aio.start_server(answer, *ADDRESS, backlog=BACKLOG)
        print(server.sockets[0].getsockname()[1], flush=True)
        await server.serve_forever()

    with aio.Runner(loop_factory=loop_factory) as runner:
        runner.run(main())


def answer(connection: socket.socket) -> None:
    """Serve one connection with blocking calls."""
    with connection:
        while line := connection.recv(4096):
            connection.sendall(line)


def in_threads() -> None:
    import threading

    with socket.create_server(ADDRESS, backlog=BACKLOG) as server:
        print(server.getsockname()[1], flush=True)
        while True:
            connection, _ = server.accept()
            threading.Thread(target=answer, args=(connection,), daemon=True).start()


def in_processes() -> None:
    with socket.create_server(ADDRESS, backlog=BACKLOG) as server:
        print(server.getsockname()[1], flush=True)
        while True:
            connection, _ = server.accept()
            if os.fork() == 0:
                server.close()
                answer(connection)
                os._exit(0)
            connection.close()


MODELS: Final[dict[str, Callable[[], None]]] = {
    "asyncio": lambda: on_a_loop("asyncio"),
    "miniloop": lambda: on_a_loop("miniloop"),
    "uvloop": lambda: on_a_loop("asyncio", "uvloop.new_event_loop"),
    "threads": in_threads,
    "processes": in_processes,
}

if __name__ == "__main__":
    allow_many_files()
    MODELS[sys.argv[1]]()
