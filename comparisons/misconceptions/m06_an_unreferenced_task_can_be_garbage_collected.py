"""A task without references can be lost; a sleeping one is kept by its timer.

Neither task is stored in a variable, and the garbage collector runs.
Which of them can be lost?
a) neither: the loop keeps references to its tasks until they are done
b) both: a task without references is garbage
c) the one that waits for a future that nothing else refers to
"""

import asyncio
import gc


async def wait_forever() -> None:
    await asyncio.Future[None]()


async def sleep() -> None:
    await asyncio.sleep(0.01)
    print("the sleeper wakes up")


async def main() -> None:
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, report: print(report["message"]))
    asyncio.create_task(wait_forever())
    asyncio.create_task(sleep())
    await asyncio.sleep(0)
    gc.collect()
    print("the collector has run")
    await asyncio.sleep(0.02)


asyncio.run(main())

# Answer: c
# Why: The loop refers only to ready entries and to timers. A waiting task is
#      referenced by the future it awaits. If only the task refers to that
#      future, both are garbage. So keep your tasks, or use a TaskGroup.
# Where: miniloop/tasks.py: Task.__del__
# Where: miniloop/kernel.py: Kernel._call_at
# Prints:
#     Task was destroyed but it is pending!
#     the collector has run
#     the sleeper wakes up
