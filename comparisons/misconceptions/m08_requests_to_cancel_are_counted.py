"""A timeout takes back its own request to cancel, and leaves those of others.

Two timeouts, one inside the other, and the outer one is the shorter.
Who raises TimeoutError?
a) the outer one, and only that
b) the inner one, for it is the first that the CancelledError comes to
c) both, one after the other
"""

import asyncio


def requests() -> int:
    task = asyncio.current_task()
    return task.cancelling() if task else 0


async def main() -> None:
    try:
        async with asyncio.timeout(0.01):
            try:
                async with asyncio.timeout(10):
                    await asyncio.sleep(20)
            except TimeoutError:
                print("the inner timeout")
            finally:
                print("in the middle, requests to cancel:", requests())
    except TimeoutError:
        print("the outer timeout")
    print("at the end, requests to cancel:", requests())


asyncio.run(main())

# Answer: a
# Why: Every `cancel()` adds one to `cancelling()`. A timeout that has struck
#      takes its own away with `uncancel()`, and raises TimeoutError if no
#      request is left that was not there before. The inner one has not struck.
# Where: miniloop/timeouts.py: Timeout.__aexit__
# Where: miniloop/tasks.py: Task.uncancel
# Prints:
#     in the middle, requests to cancel: 1
#     the outer timeout
#     at the end, requests to cancel: 0
