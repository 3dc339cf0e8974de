"""Inside the block a timeout is a CancelledError, outside a TimeoutError.

Both inside and outside of the block there is an `except TimeoutError`.
Which of them sees it when the time is up?
a) the one inside
b) the one outside
c) first the one inside, then the one outside
"""

import asyncio


async def main() -> None:
    try:
        async with asyncio.timeout(0.01):
            try:
                await asyncio.sleep(10)
            except TimeoutError:
                print("inside: TimeoutError")
            except asyncio.CancelledError:
                print("inside: CancelledError")
                raise
    except TimeoutError:
        print("outside: TimeoutError")


asyncio.run(main())

# Answer: b
# Why: When the time is up, the timeout cancels the task in its block. Only
#      `async with`, on the way out, makes a TimeoutError of that. To catch
#      the CancelledError inside, and not raise it, is to refuse the timeout.
# Where: miniloop/timeouts.py: Timeout._on_timeout
# Where: miniloop/timeouts.py: Timeout.__aexit__
# Prints:
#     inside: CancelledError
#     outside: TimeoutError
