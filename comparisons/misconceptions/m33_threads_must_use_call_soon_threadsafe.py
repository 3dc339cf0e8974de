"""From other threads, use only `call_soon_threadsafe`.

A thread calls `loop.call_soon(...)`, in debug mode. What happens?
a) the same as in the loop's own thread
b) RuntimeError
c) the callback runs in that thread
"""

import asyncio


def in_a_thread(loop: asyncio.AbstractEventLoop) -> None:
    try:
        loop.call_soon(print, "scheduled by call_soon")
    except RuntimeError:
        print("call_soon raises RuntimeError")
    loop.call_soon_threadsafe(print, "scheduled by call_soon_threadsafe")


async def main() -> None:
    loop = asyncio.get_running_loop()
    loop.set_debug(True)
    loop.slow_callback_duration = 10  # seconds: no warnings here
    await asyncio.to_thread(in_a_thread, loop)
    await asyncio.sleep(0)


asyncio.run(main())

# Answer: b
# Why: The loop may be blocked in its selector, and `call_soon` does not wake
#      it; nor is the ready queue protected against other threads. Without
#      debug mode nothing is raised: the callback runs after the next wake-up.
# Where: miniloop/debug.py: _check_thread
# Where: miniloop/threads.py: call_soon_threadsafe
# Prints:
#     call_soon raises RuntimeError
#     scheduled by call_soon_threadsafe
