"""If a task is cancelled before its first step, none of its code runs.

The task opens a file in its first line and closes it in `finally`.
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
    print("cancelled before its first step:", task.cancelled())

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    print("cancelled after its first step:", task.cancelled())


asyncio.run(main())

# Answer: c
# Why: The first step raises CancelledError at the start of the coroutine,
#      before its first line, so no `try` block has been entered. If main opens
#      something for a task, main must make sure that it is closed.
# Where: miniloop/tasks.py: Task._run
# Where: miniloop/tasks.py: Task._exception_to_throw
# Prints:
#     cancelled before its first step: True
#     opened
#     closed
#     cancelled after its first step: True
