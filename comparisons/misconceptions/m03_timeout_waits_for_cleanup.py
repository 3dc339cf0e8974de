"""A timeout waits for the cleanup of the code it cancels, and can be refused.

The cleanup of `cleaning` takes longer than the timeout.
When does `wait_for` raise TimeoutError?
a) when the timeout expires; the cleanup continues in the background
b) when the timeout expires; the cleanup is interrupted
c) when the cleanup has finished, however long that takes
"""

import asyncio


async def cleaning() -> None:
    try:
        await asyncio.sleep(10)
    finally:
        await asyncio.sleep(0.05)
        print("cleaned up")


async def refusing() -> str:
    try:
        await asyncio.sleep(10)
    except asyncio.CancelledError:
        return "not cancelled, but finished"
    return "slept"


async def main() -> None:
    try:
        await asyncio.wait_for(cleaning(), timeout=0.01)
    except TimeoutError:
        print("TimeoutError")
    print(await asyncio.wait_for(refusing(), timeout=0.01))


asyncio.run(main())

# Answer: c
# Why: When a timeout expires, it only cancels the task. CancelledError then
#      propagates through all cleanup code. If the code catches it and does
#      not raise it again, there is no TimeoutError.
# Where: miniloop/timeouts.py: Timeout.__aexit__
# Where: miniloop/timeouts.py: wait_for
# Prints:
#     cleaned up
#     TimeoutError
#     not cancelled, but finished
