"""A task that only raises ends a group early; its exception is caught outside.

Prints:
    job 1 started
    job 2 started
    job 1 finished
    closing time
    job 2 interrupted
    home
"""

import asyncio


class ClosingTime(Exception):
    """Raised to end the group."""


async def close_shop(signal: asyncio.Event) -> None:
    await signal.wait()
    print("closing time")
    raise ClosingTime


async def job(number: int, steps: int, finished: asyncio.Event) -> None:
    print(f"job {number} started")
    try:
        for _ in range(steps):
            await asyncio.sleep(0)
    except asyncio.CancelledError:
        print(f"job {number} interrupted")
        raise
    print(f"job {number} finished")
    finished.set()


async def main() -> None:
    signal = asyncio.Event()
    try:
        async with asyncio.TaskGroup() as shop:
            shop.create_task(job(1, 3, signal))
            shop.create_task(job(2, 1_000_000, signal))
            shop.create_task(close_shop(signal))
    except* ClosingTime:
        print("home")


if __name__ == "__main__":
    asyncio.run(main())
