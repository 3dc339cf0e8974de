"""A done callback is never called immediately, even if the future is done.

A future has a done callback, and `future.set_result(...)` is called.
When is the callback called?
a) inside `set_result`
b) in the next iteration of the loop
c) when the future is awaited
"""

import asyncio


async def main() -> None:
    future: asyncio.Future[str] = asyncio.Future()
    future.add_done_callback(lambda done: print("first:", done.result()))
    future.set_result("the result")
    print("after set_result")
    future.add_done_callback(lambda done: print("second:", done.result()))
    print("after add_done_callback")
    print("await returns immediately:", await future)
    await asyncio.sleep(0)


asyncio.run(main())

# Answer: b
# Why: A completed future moves its callbacks and waiting tasks to the ready
#      queue, so no foreign code runs inside `set_result`. Awaiting a future
#      that is already done does not suspend the task.
# Where: miniloop/futures.py: Future._schedule_waiters
# Where: miniloop/futures.py: Future.add_done_callback
# Prints:
#     after set_result
#     after add_done_callback
#     await returns immediately: the result
#     first: the result
#     second: the result
