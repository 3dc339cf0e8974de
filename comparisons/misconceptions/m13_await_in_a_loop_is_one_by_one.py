"""`await` in a `for` loop does one thing after the other.

Two pages are fetched with `for page in (1, 2): await fetch(page)`.
When is page 2 asked for?
a) at once after page 1, while that is on its way
b) when page 1 is there
c) in an order that may differ from run to run
"""

import asyncio


async def fetch(page: int) -> None:
    print("ask for page", page)
    await asyncio.sleep(0.01)
    print("page", page, "is there")


async def main() -> None:
    for page in (1, 2):
        await fetch(page)
    print("and now together:")
    await asyncio.gather(fetch(1), fetch(2))


asyncio.run(main())

# Answer: b
# Why: `await` means: not on to the next line before this is done. Other
#      tasks have the time in between, but `for` makes none. Things go on
#      at the same time when each is a task: `gather` makes them, or a group.
# Where: miniloop/tasks.py: Task._wait_for
# Where: miniloop/combinators.py: gather
# Prints:
#     ask for page 1
#     page 1 is there
#     ask for page 2
#     page 2 is there
#     and now together:
#     ask for page 1
#     ask for page 2
#     page 1 is there
#     page 2 is there
