"""`queue.join()` waits for `task_done()`, not for an empty queue.

The last item has been taken out of the queue.
Does `queue.join()` return now?
a) yes, the queue is empty
b) yes, as soon as the next `get()` waits
c) not before `task_done()` was called for each item
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
# Why: The queue counts what was put and not yet reported as done. An item
#      that was got is only under way. One forgotten `task_done()`, say after
#      an exception, and `join()` waits for ever: use `finally`.
# Where: miniloop/queues.py: Queue.task_done
# Where: miniloop/queues.py: Queue.join
# Prints:
#     got: work
#     empty: True joined: False
#     empty: True joined: True
