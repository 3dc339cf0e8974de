"""Cancelling `to_thread` does not stop the thread, and `run` waits for it.

The task that awaits `to_thread(work)` is cancelled, and main returns.
What happens to `work` in its thread?
a) it runs to the end, and the program waits for it
b) CancelledError is raised in it
c) it is stopped together with its thread
"""

import asyncio
import threading

started, go_on = threading.Event(), threading.Event()


def work() -> None:
    started.set()
    go_on.wait()
    print("work is done")


async def main() -> None:
    task = asyncio.create_task(asyncio.to_thread(work))
    await asyncio.sleep(0)
    started.wait()  # blocks, but only for a moment
    task.cancel()
    await asyncio.wait([task])
    print("the task is cancelled:", task.cancelled())
    go_on.set()


asyncio.run(main())
print("run has returned")

# Answer: a
# Why: A thread cannot be stopped from outside; only the wait for it is
#      cancelled. Before `run` returns, it joins the threads of the default
#      executor, so a call that never returns keeps the program running.
# Where: miniloop/threads.py: shutdown_default_executor
# Where: miniloop/threads.py: to_thread
# Prints:
#     the task is cancelled: True
#     work is done
#     run has returned
