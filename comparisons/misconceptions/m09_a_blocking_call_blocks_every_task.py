"""A blocking call stops every task of the loop; in a thread, it does not.

`ticker` adds one to `ticks` every millisecond. How much does it add
while another task calls `time.sleep(0.03)`?
a) about 30: that is what tasks are for
b) one
c) nothing
"""

import asyncio
import time

ticks = 0


async def ticker() -> None:
    global ticks
    while True:
        await asyncio.sleep(0.001)
        ticks += 1


async def main() -> None:
    task = asyncio.create_task(ticker())
    await asyncio.sleep(0)
    before = ticks
    time.sleep(0.03)
    print("ticks while time.sleep blocks:", ticks - before)
    await asyncio.to_thread(time.sleep, 0.03)
    print("ticks while a thread sleeps:", "some" if ticks else "none")
    task.cancel()


asyncio.run(main())

# Answer: c
# Why: All tasks of a loop share one thread. A task runs until it awaits
#      something that is not ready; if it blocks, no other task runs.
#      `to_thread` moves the blocking call to another thread.
# Where: miniloop/kernel.py: _run_ready
# Where: miniloop/threads.py: to_thread
# Prints:
#     ticks while time.sleep blocks: 0
#     ticks while a thread sleeps: some
