"""`queue.join()` waits for `task_done()`, not for an empty queue.

The last item has been taken out of the queue.
Does `queue.join()` return now?
a) yes, the queue is empty
b) yes, as soon as the next `get()` waits
c) no, only when `task_done()` has been called for each item
"""

import asyncio


async def main() -> None:
    queue: asyncio.Queue[str] = asyncio.Queue()
    queue.put_nowait("work")
    joining = asyncio.create_task(queue.join())
    print("got:", await queue.get())
    await asyncio.sleep(0.01)
    print("empty:", queue.empty(), "joined:", joining.done())
    queue.task_done()
    await asyncio.sleep(0.01)
    print("empty:", queue.empty(), "joined:", joining.done())


asyncio.run(main())

# Answer: c
# Why: The queue counts the items that were put but not reported as done. An
#      item returned by `get()` is still in progress. If one `task_done()` is
#      missed, say after an exception, `join()` waits forever: use `finally`.
# Where: miniloop/queues.py: Queue.task_done
# Where: miniloop/queues.py: Queue.join
# Prints:
#     got: work
#     empty: True joined: False
#     empty: True joined: True
