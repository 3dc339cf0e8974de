"""A lost exception is reported when the last reference to its task goes.

A task has failed, and nobody has awaited it. When is that reported?
a) as soon as the task fails
b) when the last reference to the task is gone
c) at the end of the program, and not before
"""

import asyncio
import gc


async def fail() -> None:
    raise ValueError("nobody asks")


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
# Why: As long as somebody holds the task, somebody may still ask for its
#      exception. A task kept in a list for good, or in an attribute, fails
#      in silence: await your tasks, or look at `task.exception()`.
# Where: miniloop/futures.py: _Failure.__del__
# Prints:
#     the task is done: True
#     Task exception was never retrieved
#     the reference is gone
