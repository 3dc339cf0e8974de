"""Awaiting coroutines runs them one after the other.

Prints:
    kettle on
    water boils
    tea is drawn
"""

import asyncio


async def announce(delay: float, what: str) -> None:
    await asyncio.sleep(delay)
    print(what)


async def main() -> None:
    print("kettle on")
    await announce(0.02, "water boils")
    await announce(0.01, "tea is drawn")


if __name__ == "__main__":
    asyncio.run(main())
