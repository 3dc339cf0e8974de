"""A deadline that is not known when the block begins is set, and moved, later on.

Prints:
    no deadline yet: None
    in an hour: True
    moved to now
    timed out: True
    given back in time: False
"""

import asyncio


async def main() -> None:
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(None) as limit:
            print("no deadline yet:", limit.when())
            hour = loop.time() + 3600
            limit.reschedule(hour)
            print("in an hour:", limit.when() == hour)
            limit.reschedule(loop.time())
            print("moved to now")
            await asyncio.sleep(3600)
    except TimeoutError:
        print("timed out:", limit.expired())
    async with asyncio.timeout(3600) as limit:
        limit.reschedule(None)
    print("given back in time:", limit.expired())


if __name__ == "__main__":
    asyncio.run(main())
