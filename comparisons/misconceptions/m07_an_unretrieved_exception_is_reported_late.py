"""An unretrieved exception is reported when its task is freed.

A task has failed, and its exception is never retrieved.
When is that reported?
a) as soon as the task fails
b) when the last reference to the task is gone
c) only at the end of the program
"""

import asyncio
import gc


async def fail() -> None:
    raise ValueError("not retrieved")


async def main() -> None:
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, report: print(report["message"]))
    task = asyncio.create_task(fail())
    await asyncio.sleep(0.01)
    print("the task is done:", task.done())
    del task
    gc.collect()
    print("the reference is gone")


asyncio.run(main())

# Answer: b
# Why: As long as a reference to the task exists, the exception may still be
#      retrieved. A task kept forever in a list or an attribute fails silently:
#      await your tasks, or check `task.exception()`.
# Where: miniloop/futures.py: Future.__del__
# Prints:
#     the task is done: True
#     Task exception was never retrieved
#     the reference is gone
