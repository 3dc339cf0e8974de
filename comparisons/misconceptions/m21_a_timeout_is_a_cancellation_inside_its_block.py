"""Inside its block, a timeout is a CancelledError; outside, a TimeoutError.

There is an `except TimeoutError` both inside and outside the block.
Which of them catches the timeout?
a) the inner one
b) the outer one
c) first the inner one, then the outer one
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
# Why: An expired timeout cancels the task in its block. `async with` turns the
#      CancelledError into a TimeoutError, but only on exit. Catching the
#      CancelledError inside and not raising it again refuses the timeout.
# Where: miniloop/timeouts.py: Timeout._on_timeout
# Where: miniloop/timeouts.py: Timeout.__aexit__
# Prints:
#     inside: CancelledError
#     outside: TimeoutError
