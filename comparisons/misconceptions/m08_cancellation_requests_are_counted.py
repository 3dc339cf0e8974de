"""A timeout takes back its own cancellation request and leaves the others.

Two timeouts are nested, and the outer one is shorter.
Which of them raises TimeoutError?
a) only the outer one
b) only the inner one, because the CancelledError reaches it first
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
                print("between the two, requests to cancel:", requests())
    except TimeoutError:
        print("the outer timeout")
    print("at the end, requests to cancel:", requests())


asyncio.run(main())

# Answer: a
# Why: Every `cancel()` increments `cancelling()`. An expired timeout calls
#      `uncancel()` for its own request. It raises TimeoutError if no request
#      is left that was not there on entry. The inner one has not expired.
# Where: miniloop/timeouts.py: Timeout.__aexit__
# Where: miniloop/tasks.py: Task.uncancel
# Prints:
#     between the two, requests to cancel: 1
#     the outer timeout
#     at the end, requests to cancel: 0
