"""`for ... in as_completed(tasks)` does not give you your tasks.

You want to know which of your tasks has just ended.
Is what `as_completed` gives in a plain `for` one of them?
a) yes, the next one that has ended
b) no, it is something else, to be awaited for the next result
c) no, it is the result itself
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
# Why: It gives an awaitable before any task has ended, and cannot know yet
#      which will be next. Since Python 3.13, `async for` gives you the tasks
#      themselves; before, take `wait` with FIRST_COMPLETED.
# Where: miniloop/combinators.py: _AsCompleted
# Prints:
#     one of the tasks: False
#     the next result: fast
#     one of the tasks: False
#     the next result: slow
