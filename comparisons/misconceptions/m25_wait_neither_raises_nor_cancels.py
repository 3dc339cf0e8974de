"""`wait` raises nothing and cancels nothing, not even after its timeout.

One task fails, one is slow, and the timeout is too short for it.
What does `wait` do?
a) it raises TimeoutError and cancels the slow one
b) it raises the exception of the one that fails
c) it returns two sets, and lets the slow one run on
"""

import asyncio


async def fail() -> None:
    raise ValueError("broken")


async def work() -> None:
    await asyncio.sleep(0.05)
    print("the slow one is done")


async def main() -> None:
    failing = asyncio.create_task(fail())
    slow = asyncio.create_task(work())
    done, pending = await asyncio.wait([failing, slow], timeout=0.01)
    print("done:", len(done), "pending:", len(pending))
    print("the exception waits in its task:", failing.exception())
    await slow


asyncio.run(main())

# Answer: c
# Why: `wait` looks on, and tells who has ended. To ask the tasks for their
#      results, to cancel those that are late: all that is left to you.
#      `wait_for`, in spite of its name, does another thing.
# Where: miniloop/combinators.py: wait
# Prints:
#     done: 1 pending: 1
#     the exception waits in its task: broken
#     the slow one is done
