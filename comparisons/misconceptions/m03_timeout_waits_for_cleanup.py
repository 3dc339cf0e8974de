"""A timeout waits for the clean-up of what it cancels, and can be refused.

`cleaning` needs longer to clean up than it is given at all.
When is it over with `wait_for`?
a) when its time is up; the clean-up goes on in the background
b) when its time is up; the clean-up is cut off
c) when the clean-up is done, however long that takes
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
# Why: A timeout does not cut: when the time is up it cancels the task, and
#      the CancelledError makes its way out, through all clean-up.
#      If none comes out, for the code has caught it, there is no timeout.
# Where: miniloop/timeouts.py: Timeout.__aexit__
# Where: miniloop/timeouts.py: wait_for
# Prints:
#     cleaned up
#     TimeoutError
#     not cancelled, but finished
