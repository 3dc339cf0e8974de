"""An async generator that is left early is closed later, by another task.

`break` ends the `async for`. When does the generator's `finally` run?
a) at once, at the `break`
b) some turns later, in another task
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
# Why: To close it takes an `await`, and `break` has none. So nothing happens
#      until the generator is garbage; then Python asks the loop, which makes
#      a task for it. `aclosing` closes it where you leave.
# Where: miniloop/mishaps.py: MishapsEventLoop._asyncgen_is_dropped
# Prints:
#     after the loop
#     closed by its task: False
#     closed by its task: True
#     after the block
