"""A deadline on the loop's clock for a block inside another.

Prints:
    the inner block ends first
    the outer one continues
    and ends too
"""

import asyncio


async def main() -> None:
    loop = asyncio.get_running_loop()
    start = loop.time()
    try:
        async with asyncio.timeout_at(start + 0.1):
            try:
                async with asyncio.timeout_at(start + 0.01):
                    await asyncio.sleep(3600)
            except TimeoutError:
                print("the inner block ends first")
            print("the outer one continues")
            await asyncio.sleep(3600)
    except TimeoutError:
        print("and ends too")


if __name__ == "__main__":
    asyncio.run(main())
