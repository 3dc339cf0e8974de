"""A blocking call stalls every task of the loop; one in a thread does not.

`ticker` counts up each millisecond. How often does it
while another task calls `time.sleep(0.03)`?
a) about 30 times: that is what tasks are for
b) once
c) not at all
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
# Why: All tasks of a loop share one thread, and one turn after the other is
#      run. A task keeps its turn until it awaits something; while it blocks,
#      there is no next turn. `to_thread` blocks another thread instead.
# Where: miniloop/base_events.py: BaseEventLoop._run_ready
# Where: miniloop/threads.py: to_thread
# Prints:
#     ticks while time.sleep blocks: 0
#     ticks while a thread sleeps: some
