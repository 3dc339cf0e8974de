"""A second `cancel()` interrupts the clean-up of the first.

A task is cancelled. While it waits in its `finally`, it is cancelled again.
What becomes of the clean-up?
a) it is finished: a task is cancelled only once
b) it is broken off
c) it begins again from the start
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
# Why: Every `cancel()` throws a CancelledError where the coroutine stands,
#      be it in a `finally`. What has to be finished in any case belongs in
#      a task of its own, with a `shield` around it.
# Where: miniloop/tasks.py: Task.cancel
# Prints:
#     cleaning up
#     cleaned up
#     calls of cancel(): 1
#     cleaning up
#     calls of cancel(): 2
