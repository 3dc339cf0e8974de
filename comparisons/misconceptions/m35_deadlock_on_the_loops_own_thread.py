"""Blocking the loop's thread on work for the same loop is a deadlock.

`run_coroutine_threadsafe(work(), loop).result()` is called in a coroutine
of that same loop. What happens?
a) it waits forever
b) it returns the result
c) it raises RuntimeError
"""

import asyncio


async def work() -> str:
    return "the result"


async def main() -> None:
    loop = asyncio.get_running_loop()
    future = asyncio.run_coroutine_threadsafe(work(), loop)
    try:
        print(future.result(timeout=0.01))  # without a timeout: forever
    except TimeoutError:
        print("on the loop's thread: timed out")

    def in_a_thread() -> str:
        return asyncio.run_coroutine_threadsafe(work(), loop).result()

    print("in another thread:", await asyncio.to_thread(in_a_thread))


asyncio.run(main())

# Answer: a
# Why: `result()` blocks its thread. If that is the loop's thread, the loop
#      cannot run the coroutine, so there is never a result. In a coroutine,
#      use `await work()`; this function is for other threads.
# Where: miniloop/threads.py: run_coroutine_threadsafe
# Prints:
#     on the loop's thread: timed out
#     in another thread: the result
