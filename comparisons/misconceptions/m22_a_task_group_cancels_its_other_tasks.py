"""If one task of a TaskGroup fails, the others are cancelled and awaited.

One of the two tasks in a group fails. What happens to the other?
a) it is cancelled, and the block waits for its cleanup
b) it is cancelled, and the block exits at once
c) it keeps running
"""

import asyncio


async def fail() -> None:
    raise ValueError("broken")


async def work() -> None:
    try:
        await asyncio.sleep(10)
    finally:
        await asyncio.sleep(0.01)
        print("the other has cleaned up")


async def main() -> None:
    try:
        async with asyncio.TaskGroup() as group:
            other = group.create_task(work())
            group.create_task(fail())
    except* ValueError as errors:
        print(errors.exceptions)
    print("the other is cancelled:", other.cancelled())


asyncio.run(main())

# Answer: a
# Why: No task of a group outlives its block. So when one fails, the others are
#      cancelled, and the block exits when all are done. All failures are
#      raised together, hence the ExceptionGroup and `except*`.
# Where: miniloop/taskgroups.py: TaskGroup._child_done
# Where: miniloop/taskgroups.py: TaskGroup._abort
# Prints:
#     the other has cleaned up
#     (ValueError('broken'),)
#     the other is cancelled: True
