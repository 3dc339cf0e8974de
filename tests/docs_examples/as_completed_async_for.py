"""With `async for`, as_completed yields the tasks that it was given.

Since: 3.13

Prints:
    near answered: 1
    far answered: 2
"""

import asyncio


async def ping(delay: float, answer: int) -> int:
    await asyncio.sleep(delay)
    return answer


async def main() -> None:
    far = asyncio.create_task(ping(0.1, 2))
    near = asyncio.create_task(ping(0.01, 1))
    async for task in asyncio.as_completed([far, near]):
        print("near" if task is near else "far", "answered:", await task)


if __name__ == "__main__":
    asyncio.run(main())
