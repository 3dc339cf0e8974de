"""`wait` raises nothing and cancels nothing, not even when it times out.

One task fails, and another takes longer than the timeout.
What does `wait` do?
a) it raises TimeoutError and cancels the slow task
b) it raises the exception of the failed task
c) it returns two sets and lets the slow task run
"""

import asyncio


async def fail() -> None:
    raise ValueError("broken")


async def work() -> None:
    await asyncio.sleep(0.05)
    print("the slow task is done")


async def main() -> None:
    failing = asyncio.create_task(fail())
    slow = asyncio.create_task(work())
    done, pending = await asyncio.wait([failing, slow], timeout=0.01)
    print("done:", len(done), "pending:", len(pending))
    print("the exception of the failed task:", failing.exception())
    await slow


asyncio.run(main())

# Answer: c
# Why: `wait` only observes, and returns which tasks are done. The caller has
#      to retrieve the results and to cancel late tasks. `wait_for`, despite
#      its similar name, does something different.
# Where: miniloop/combinators.py: wait
# Prints:
#     done: 1 pending: 1
#     the exception of the failed task: broken
#     the slow task is done
