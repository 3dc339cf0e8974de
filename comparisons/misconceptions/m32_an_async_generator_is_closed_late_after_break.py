"""After `break`, an async generator is closed later, by another task.

`break` leaves the `async for`. When does the generator's `finally` run?
a) immediately, at the `break`
b) a few loop iterations later, in another task
c) at the end of the program
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing


async def rows() -> AsyncGenerator[int, None]:
    owner = asyncio.current_task()
    try:
        yield 1
        yield 2
    finally:
        print("closed by its task:", asyncio.current_task() is owner)


async def main() -> None:
    async for _ in rows():
        break
    print("after the loop")
    await asyncio.sleep(0.01)
    async with aclosing(rows()) as generator:
        async for _ in generator:
            break
    print("after the block")


asyncio.run(main())

# Answer: b
# Why: Closing an async generator takes an `await`, and `break` has none. When
#      the generator is freed, Python calls the loop's hook, which creates a
#      task to close it. `aclosing` closes it at the end of its block.
# Where: miniloop/asyncgens.py: _asyncgen_finalizer_hook
# Prints:
#     after the loop
#     closed by its task: False
#     closed by its task: True
#     after the block
