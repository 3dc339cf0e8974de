"""`for ... in as_completed(tasks)` does not yield your tasks.

You want to know which of your tasks has just finished.
Does a plain `for` over `as_completed` yield that task?
a) yes, the task that finished next
b) no, another awaitable, which returns the next result
c) no, the result itself
"""

import asyncio


async def work(name: str, delay: float) -> str:
    await asyncio.sleep(delay)
    return name


async def main() -> None:
    slow = asyncio.create_task(work("slow", 0.03))
    fast = asyncio.create_task(work("fast", 0.01))
    for awaitable in asyncio.as_completed([slow, fast]):
        print("one of the tasks:", awaitable in (slow, fast))
        print("the next result:", await awaitable)


asyncio.run(main())

# Answer: b
# Why: It yields each awaitable before it is known which task finishes next.
#      Since Python 3.13, `async for` yields the tasks themselves. Before that,
#      use `wait` with FIRST_COMPLETED.
# Where: miniloop/combinators.py: _AsCompleted
# Prints:
#     one of the tasks: False
#     the next result: fast
#     one of the tasks: False
#     the next result: slow
