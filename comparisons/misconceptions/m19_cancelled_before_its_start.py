"""Of a task that is cancelled before its first step, nothing runs.

The task opens a file in the first line and closes it in `finally`.
It is cancelled right after `create_task`. What does it print?
a) opened, closed
b) closed
c) nothing
"""

import asyncio


async def work() -> None:
    print("opened")
    try:
        await asyncio.sleep(10)
    finally:
        print("closed")


async def main() -> None:
    task = asyncio.create_task(work())
    task.cancel()
    await asyncio.wait([task])
    print("cancelled at once:", task.cancelled())

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    print("cancelled after its first step:", task.cancelled())


asyncio.run(main())

# Answer: c
# Why: The first step of the task throws CancelledError where the coroutine
#      stands: before its first line, so no `try` has begun. What main has
#      opened for a task must not be left to the task alone to close.
# Where: miniloop/tasks.py: Task._run
# Where: miniloop/tasks.py: Task._bad_news
# Prints:
#     cancelled at once: True
#     opened
#     closed
#     cancelled after its first step: True
