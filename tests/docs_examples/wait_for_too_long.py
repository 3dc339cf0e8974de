"""wait_for cancels what takes too long, and returns what does not.

Prints:
    cleaning up
    too long
    in time: 3
    no timeout: 4
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
    print("in time:", await asyncio.wait_for(asyncio.sleep(0, 3), timeout=3600))
    print("no timeout:", await asyncio.wait_for(asyncio.sleep(0, 4), timeout=None))


if __name__ == "__main__":
    asyncio.run(main())
