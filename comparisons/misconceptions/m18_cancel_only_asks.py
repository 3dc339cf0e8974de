"""`cancel()` only asks: the task may clean up first, or refuse.

`task.cancel()` returns True. Is the task cancelled then?
a) yes, at once
b) not yet, but it will be in the next turn
c) not yet, and perhaps never
"""

import asyncio


async def stubborn() -> str:
    try:
        await asyncio.sleep(10)
    except asyncio.CancelledError:
        print("asked to stop, but there is something to finish")
    return "finished"


async def main() -> None:
    task = asyncio.create_task(stubborn())
    await asyncio.sleep(0)
    print("cancel() says", task.cancel())
    print("cancelled:", task.cancelled())
    print(await task)
    print("cancelled:", task.cancelled())


asyncio.run(main())

# Answer: c
# Why: `cancel()` throws a CancelledError into the coroutine at the `await`
#      where it stands, in the next turn. What the coroutine makes of it is
#      its affair; the task is cancelled if the CancelledError comes out.
# Where: miniloop/tasks.py: Task.cancel
# Where: miniloop/tasks.py: Task._end_with_exception
# Prints:
#     cancel() says True
#     cancelled: False
#     asked to stop, but there is something to finish
#     finished
#     cancelled: False
