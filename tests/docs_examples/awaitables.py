"""The three things that can be awaited: a coroutine, a task, a future.

Prints:
    a coroutine gives 42
    a task gives 42
    a future gives 42
    a coroutine cannot be awaited twice: cannot reuse already awaited coroutine
"""

import asyncio


async def nested() -> int:
    return 42


async def main() -> None:
    once = nested()
    print("a coroutine gives", await once)
    print("a task gives", await asyncio.create_task(nested()))
    loop = asyncio.get_running_loop()
    future: asyncio.Future[int] = loop.create_future()
    loop.call_soon(future.set_result, 42)
    print("a future gives", await future)
    try:
        await once
    except RuntimeError as error:
        print("a coroutine cannot be awaited twice:", error)


if __name__ == "__main__":
    asyncio.run(main())
