"""From another thread, only `call_soon_threadsafe` may be called.

A thread calls `loop.call_soon(...)`, in debug mode. What happens?
a) the same as in the loop's own thread
b) RuntimeError
c) the callback runs in that thread
"""

import asyncio


def in_a_thread(loop: asyncio.AbstractEventLoop) -> None:
    try:
        loop.call_soon(print, "call_soon: printed")
    except RuntimeError:
        print("call_soon: RuntimeError")
    loop.call_soon_threadsafe(print, "call_soon_threadsafe: printed")


async def main() -> None:
    loop = asyncio.get_running_loop()
    loop.set_debug(True)
    loop.slow_callback_duration = 10  # seconds: not the point here
    await asyncio.to_thread(in_a_thread, loop)
    await asyncio.sleep(0)


asyncio.run(main())

# Answer: b
# Why: The loop may be asleep, waiting for sockets and timers: nothing that
#      `call_soon` does wakes it up, and what it changes is not protected.
#      Without debug mode nothing is raised: the call waits for a wake-up.
# Where: miniloop/mishaps.py: MishapsEventLoop._check_thread
# Where: miniloop/base_events.py: BaseEventLoop.call_soon_threadsafe
# Prints:
#     call_soon: RuntimeError
#     call_soon_threadsafe: printed
