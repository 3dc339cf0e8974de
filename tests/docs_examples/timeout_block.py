"""A timeout cancels its block, and raises TimeoutError outside the block.

Prints:
    inside: cancelled
    outside: timed out
    the program continues
    in time: 7
"""

import asyncio


async def forever() -> None:
    try:
        await asyncio.sleep(3600)
    except asyncio.CancelledError:
        print("inside: cancelled")
        raise


async def main() -> None:
    try:
        async with asyncio.timeout(0.01):
            await forever()
    except TimeoutError:
        print("outside: timed out")
    print("the program continues")
    async with asyncio.timeout(3600):
        print("in time:", await asyncio.sleep(0, 7))


if __name__ == "__main__":
    asyncio.run(main())
