"""`create_task` appends the task to the ready queue: first in, first out.

Two tasks and a callback are created, in this order. What is printed?
a) first 1, first 2, second 1, second 2, callback
b) first 1, second 1, callback, first 2, second 2
c) callback, first 1, second 1, first 2, second 2
"""

import asyncio


async def work(name: str) -> None:
    for step in (1, 2):
        print(name, step)
        await asyncio.sleep(0)


async def main() -> None:
    first = asyncio.create_task(work("first"))
    second = asyncio.create_task(work("second"))
    asyncio.get_running_loop().call_soon(print, "callback")
    print("nothing has run yet")
    await first
    await second


asyncio.run(main())

# Answer: b
# Why: Tasks and callbacks share one ready queue, first in, first out. An
#      iteration runs the entries that are ready when it begins. `sleep(0)`
#      puts the task at the end of the queue, for the next iteration.
# Where: miniloop/kernel.py: _run_ready
# Where: miniloop/tasks.py: sleep
# Prints:
#     nothing has run yet
#     first 1
#     second 1
#     callback
#     first 2
#     second 2
