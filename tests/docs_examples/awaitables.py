"""The three things that can be awaited: a coroutine, a task, a future.

Prints:
    a coroutine returns 42
    a task returns 42
    a future returns 42
    a coroutine cannot be awaited twice: cannot reuse already awaited coroutine
"""

import asyncio


async def nested() -> int:
    return 42


async def main() -> None:
    once = nested()
    print("a coroutine returns", await once)
    print("a task returns", await asyncio.create_task(nested()))
    loop = asyncio.get_running_loop()
    future: asyncio.Future[int] = loop.create_future()
    loop.call_soon(future.set_result, 42)
    print("a future returns", await future)
    try:
        await once
    except RuntimeError as error:
        print("a coroutine cannot be awaited twice:", error)


if __name__ == "__main__":
    asyncio.run(main())
