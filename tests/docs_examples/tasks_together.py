"""Two tasks wait at the same time; the shorter wait ends first.

Prints:
    both started
    toast is ready
    tea is drawn
    both done: 3 minutes 5 minutes
"""

import asyncio


async def announce(delay: float, what: str, took: str) -> str:
    await asyncio.sleep(delay)
    print(what)
    return took


async def main() -> None:
    tea = asyncio.create_task(announce(0.1, "tea is drawn", "5 minutes"))
    toast = asyncio.create_task(announce(0.01, "toast is ready", "3 minutes"))
    print("both started")
    print("both done:", await toast, await tea)


if __name__ == "__main__":
    asyncio.run(main())
