"""A coroutine can be awaited once, a task as often as you like.

The same coroutine object is awaited twice. What does the second time do?
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
# Why: A coroutine is a function under way: at its end it is used up, and its
#      result has gone to the one that awaited it. A task is a Future, which
#      keeps the result of its coroutine for all who ask.
# Where: miniloop/tasks.py: Task._run
# Where: miniloop/futures.py: Future.result
# Prints:
#     computing
#     42
#     RuntimeError: cannot reuse already awaited coroutine
#     computing
#     42 42
