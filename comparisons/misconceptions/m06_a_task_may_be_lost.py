"""A task that nobody holds may be lost; one that sleeps is held by its timer.

Neither task is kept in a variable, and the garbage collector runs.
Which of them can be lost?
a) neither: the loop holds its tasks until they are done
b) both: a task is garbage as soon as nobody refers to it
c) the one that waits for a future nobody else holds
"""

import asyncio
import gc


async def wait_for_nobody() -> None:
    await asyncio.Future[None]()


async def sleep() -> None:
    await asyncio.sleep(0.01)
    print("the sleeper wakes up")


async def main() -> None:
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, report: print(report["message"]))
    asyncio.create_task(wait_for_nobody())
    asyncio.create_task(sleep())
    await asyncio.sleep(0)
    gc.collect()
    print("the garbage is collected")
    await asyncio.sleep(0.02)


asyncio.run(main())

# Answer: c
# Why: The loop holds what is ready or has a timer, and no more. A task that
#      waits is held by the future it awaits. If only the task holds that
#      future, the two are garbage. So keep your tasks, or use a TaskGroup.
# Where: miniloop/tasks.py: Task.__del__
# Where: miniloop/base_events.py: BaseEventLoop._call_at
# Prints:
#     Task was destroyed but it is pending!
#     the garbage is collected
#     the sleeper wakes up
