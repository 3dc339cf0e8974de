"""A loop does not run within a loop: in a coroutine, `run` is refused.

A plain function needs a coroutine's result and calls `asyncio.run`.
It is called from a coroutine. What happens?
a) the inner loop runs while the outer one waits
b) both loops run side by side
c) RuntimeError
"""

import asyncio
from typing import Any


async def work() -> str:
    return "the result"


def plain_function(run: Any) -> None:
    coroutine = work()
    try:
        print(run(coroutine))
    except RuntimeError:
        coroutine.close()
        print("RuntimeError")


async def main() -> None:
    plain_function(asyncio.run)
    plain_function(asyncio.get_running_loop().run_until_complete)
    await asyncio.to_thread(plain_function, asyncio.run)


asyncio.run(main())

# Answer: c
# Why: The function is called in a turn of the outer loop, which would stand
#      still until it returns, with all its tasks. So there is one loop to a
#      thread; make the function a coroutine, or give it a thread of its own.
# Where: miniloop/runners.py: run
# Where: miniloop/base_events.py: BaseEventLoop._check_may_run
# Prints:
#     RuntimeError
#     RuntimeError
#     the result
