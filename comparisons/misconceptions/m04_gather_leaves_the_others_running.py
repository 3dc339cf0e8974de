"""If one child of `gather` fails, the others keep running.

One of two gathered awaitables fails. What happens to the other?
a) it keeps running
b) it is cancelled
c) `gather` waits for it, then raises
"""

import asyncio


async def fail() -> None:
    raise ValueError("broken")


async def work(name: str) -> None:
    try:
        await asyncio.sleep(0.01)
        print(name, "is done")
    except asyncio.CancelledError:
        print(name, "is cancelled")
        raise


async def main() -> None:
    other = asyncio.create_task(work("the other"))
    try:
        await asyncio.gather(fail(), other)
    except ValueError as error:
        print("gather raises:", error)
    await other
    both = asyncio.gather(work("left"), work("right"))
    await asyncio.sleep(0)
    both.cancel()
    try:
        await both
    except asyncio.CancelledError:
        print("gather is cancelled")


asyncio.run(main())

# Answer: a
# Why: `gather` raises the first exception and leaves the other children alone.
#      Cancelling the gather itself cancels every child.
#      If one failure should stop the rest, use a TaskGroup.
# Where: miniloop/combinators.py: _GatheringFuture
# Prints:
#     gather raises: broken
#     the other is done
#     left is cancelled
#     right is cancelled
#     gather is cancelled
