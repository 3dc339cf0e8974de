"""`await` in a `for` loop runs one operation after the other.

Two pages are fetched with `for page in (1, 2): await fetch(page)`.
When is page 2 requested?
a) right after page 1 is requested
b) when page 1 has arrived
c) the order may differ from run to run
"""

import asyncio


async def fetch(page: int) -> None:
    print("request page", page)
    await asyncio.sleep(0.01)
    print("received page", page)


async def main() -> None:
    for page in (1, 2):
        await fetch(page)
    print("now concurrently:")
    await asyncio.gather(fetch(1), fetch(2))


asyncio.run(main())

# Answer: b
# Why: `await` means: do not continue before this is done. Other tasks can run
#      in the meantime, but the `for` loop creates none. To run operations
#      concurrently, make each one a task: use `gather` or a TaskGroup.
# Where: miniloop/tasks.py: Task._start_waiting
# Where: miniloop/combinators.py: gather
# Prints:
#     request page 1
#     received page 1
#     request page 2
#     received page 2
#     now concurrently:
#     request page 1
#     request page 2
#     received page 1
#     received page 2
