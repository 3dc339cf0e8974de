"""A done-callback is never called at once, not even if all is done.

`future.set_result(...)` is called, and a callback waits for that.
When is the callback called?
a) within `set_result`
b) in the next turn of the loop
c) when somebody awaits the future
"""

import asyncio


async def main() -> None:
    future: asyncio.Future[str] = asyncio.Future()
    future.add_done_callback(lambda done: print("first:", done.result()))
    future.set_result("the result")
    print("after set_result")
    future.add_done_callback(lambda done: print("second:", done.result()))
    print("after add_done_callback")
    print("await gives at once:", await future)
    await asyncio.sleep(0)


asyncio.run(main())

# Answer: b
# Why: A future that ends moves its callbacks, and the tasks that await it,
#      to the ready queue: nobody's code runs in the middle of somebody
#      else's. Whoever awaits a future that is done goes on without a turn.
# Where: miniloop/futures.py: Future._wake_waiters
# Where: miniloop/futures.py: Future.add_done_callback
# Prints:
#     after set_result
#     after add_done_callback
#     await gives at once: the result
#     first: the result
#     second: the result
