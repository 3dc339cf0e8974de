"""Event loops cannot be nested: in a coroutine, `run` raises RuntimeError.

A plain function needs a coroutine's result and calls `asyncio.run`.
The function is called from a coroutine. What happens?
a) the inner loop runs while the outer one waits
b) both loops run concurrently
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
# Why: The function is called by the outer loop, which could run none of its
#      tasks until the call returns. So there is one running loop per thread.
#      Make the function a coroutine, or call it in another thread.
# Where: miniloop/runners.py: run
# Where: miniloop/kernel.py: Kernel._check_may_run
# Prints:
#     RuntimeError
#     RuntimeError
#     the result
