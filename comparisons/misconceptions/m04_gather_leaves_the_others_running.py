"""`gather` lets the others run on when one fails; cancelling it cancels all.

One of the two things that are gathered fails. What becomes of the other?
a) it runs on
b) it is cancelled
c) it has to end first; then `gather` raises
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
# Why: `gather` ends with the first exception, and touches no other child.
#      Cancelling the gather itself is passed on to every child.
#      If one that fails shall stop the others, take a TaskGroup.
# Where: miniloop/combinators.py: _GatheringFuture
# Prints:
#     gather raises: broken
#     the other is done
#     left is cancelled
#     right is cancelled
#     gather is cancelled
