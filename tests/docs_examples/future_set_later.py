"""A future is set by one task and awaited by another.

Prints:
    hello ...
    the answer is on its way
    ... world
"""

import asyncio


async def answer_later(future: asyncio.Future[str]) -> None:
    await asyncio.sleep(0.01)
    print("the answer is on its way")
    future.set_result("... world")


async def main() -> None:
    loop = asyncio.get_running_loop()
    future: asyncio.Future[str] = loop.create_future()
    answering = loop.create_task(answer_later(future))
    print("hello ...")
    print(await future)
    await answering


if __name__ == "__main__":
    asyncio.run(main())
