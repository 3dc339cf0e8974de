"""`cancel()` is only a request: the task may clean up first, or refuse.

`task.cancel()` returns True. Is the task cancelled now?
a) yes, immediately
b) not yet, but in the next iteration of the loop
c) not yet, and perhaps never
"""

import asyncio


async def stubborn() -> str:
    try:
        await asyncio.sleep(10)
    except asyncio.CancelledError:
        print("asked to stop, but not finished yet")
    return "finished"


async def main() -> None:
    task = asyncio.create_task(stubborn())
    await asyncio.sleep(0)
    print("cancel() returns", task.cancel())
    print("cancelled:", task.cancelled())
    print(await task)
    print("cancelled:", task.cancelled())


asyncio.run(main())

# Answer: c
# Why: `cancel()` makes the next step of the task raise CancelledError at its
#      current `await`. The coroutine may catch it. The task is cancelled only
#      if the CancelledError leaves the coroutine.
# Where: miniloop/tasks.py: Task.cancel
# Where: miniloop/tasks.py: Task._end_with_exception
# Prints:
#     cancel() returns True
#     cancelled: False
#     asked to stop, but not finished yet
#     finished
#     cancelled: False
