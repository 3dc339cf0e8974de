"""A deadline that is not known at the start of the block is set, and moved, later.

Prints:
    no deadline yet: None
    in an hour: True
    moved to now
    timed out: True
    finished in time: False
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
    print("finished in time:", limit.expired())


if __name__ == "__main__":
    asyncio.run(main())
