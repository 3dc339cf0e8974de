"""A coroutine can be awaited once, a task any number of times.

The same coroutine object is awaited twice. What does the second `await` do?
a) it returns the same result again
b) it runs the function again
c) it raises RuntimeError
"""

import asyncio


async def compute() -> int:
    print("computing")
    return 42


async def main() -> None:
    coroutine = compute()
    print(await coroutine)
    try:
        print(await coroutine)
    except RuntimeError as error:
        print("RuntimeError:", error)
    task = asyncio.create_task(compute())
    print(await task, await task)


asyncio.run(main())

# Answer: c
# Why: A coroutine object is one execution of a function: once finished, it
#      cannot run again, and its result went to whatever awaited it. A task is
#      a future, and keeps the result for everyone who asks.
# Where: miniloop/tasks.py: Task._run
# Where: miniloop/futures.py: Future.result
# Prints:
#     computing
#     42
#     RuntimeError: cannot reuse already awaited coroutine
#     computing
#     42 42
