"""A second `cancel()` interrupts the cleanup after the first.

A task is cancelled. While it awaits in its `finally`, it is cancelled again.
What happens to the cleanup?
a) it finishes: a task is cancelled only once
b) it is interrupted
c) it starts again from the beginning
"""

import asyncio


async def work() -> None:
    try:
        await asyncio.sleep(10)
    finally:
        print("cleaning up")
        await asyncio.sleep(0.01)
        print("cleaned up")


async def cancel(times: int) -> None:
    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    for _ in range(times):
        task.cancel()
        await asyncio.sleep(0)
    await asyncio.wait([task])
    print("calls of cancel():", task.cancelling())


async def main() -> None:
    await cancel(1)
    await cancel(2)


asyncio.run(main())

# Answer: b
# Why: Every `cancel()` raises CancelledError at the current `await`, even
#      inside `finally`. If the cleanup must finish in any case, run it in a
#      task of its own and await it with `shield`.
# Where: miniloop/tasks.py: Task.cancel
# Prints:
#     cleaning up
#     cleaned up
#     calls of cancel(): 1
#     cleaning up
#     calls of cancel(): 2
