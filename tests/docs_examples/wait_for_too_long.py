"""wait_for cancels what takes too long, and hands back what does not.

Prints:
    cleaning up
    too long
    soon enough: 3
    no limit: 4
"""

import asyncio


async def long_story() -> None:
    try:
        await asyncio.sleep(3600)
    finally:
        print("cleaning up")


async def main() -> None:
    try:
        await asyncio.wait_for(long_story(), timeout=0.01)
    except asyncio.TimeoutError:
        print("too long")
    print("soon enough:", await asyncio.wait_for(asyncio.sleep(0, 3), timeout=3600))
    print("no limit:", await asyncio.wait_for(asyncio.sleep(0, 4), timeout=None))


if __name__ == "__main__":
    asyncio.run(main())
