"""On the loop's own thread, waiting for what the loop shall do is a deadlock.

`run_coroutine_threadsafe(work(), loop).result()` is called in a coroutine
of that same loop. What happens?
a) it waits for ever
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
        print(future.result(timeout=0.01))  # without it: for ever
    except TimeoutError:
        print("on the loop's thread: in vain")

    def in_a_thread() -> str:
        return asyncio.run_coroutine_threadsafe(work(), loop).result()

    print("in another thread:", await asyncio.to_thread(in_a_thread))


asyncio.run(main())

# Answer: a
# Why: This `result()` blocks its thread. If that is the loop's, the loop has
#      no turn in which to run the coroutine, and so there is no result. In a
#      coroutine, use `await work()`; the function is for other threads.
# Where: miniloop/threads.py: run_coroutine_threadsafe
# Prints:
#     on the loop's thread: in vain
#     in another thread: the result
