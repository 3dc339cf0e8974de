"""anyio on its asyncio backend: a task group, a process, a thread and a cancel scope."""

from __future__ import annotations

import sys

import anyio
import anyio.to_thread

HELLO = [sys.executable, "-c", "print('hello')"]


async def serve_three_callers() -> list[int]:
    heard = []
    finished = anyio.Event()

    async def answer(stream: anyio.abc.SocketStream) -> None:
        async with stream:
            heard.append(int(await stream.receive()))
            await stream.send(b"ok")
            if len(heard) == 3:
                finished.set()

    async def call(number: int) -> None:
        async with await anyio.connect_tcp("127.0.0.1", port) as stream:
            await stream.send(b"%d" % number)
            assert await stream.receive() == b"ok"

    async with anyio.create_task_group() as group:
        listener = await anyio.create_tcp_listener(local_host="127.0.0.1", local_port=0)
        port = listener.extra(anyio.abc.SocketAttribute.local_port)
        group.start_soon(listener.serve, answer)
        async with anyio.create_task_group() as callers:
            for number in range(3):
                callers.start_soon(call, number)
        await finished.wait()
        group.cancel_scope.cancel()
    return sorted(heard)


async def main() -> None:
    with anyio.fail_after(30):
        print("callers:", *await serve_three_callers())
        done = await anyio.run_process(HELLO)
        print("a process wrote", done.stdout, "and ended with", done.returncode)
        print("in a thread:", await anyio.to_thread.run_sync(int, "42"))
        with anyio.move_on_after(0.01) as scope:
            await anyio.sleep_forever()
        print("cancelled after the deadline:", scope.cancelled_caught)


if __name__ == "__main__":
    anyio.run(main)
