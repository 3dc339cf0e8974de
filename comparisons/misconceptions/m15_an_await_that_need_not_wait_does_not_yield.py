"""`await` does not yield to the loop if there is nothing to wait for.

Three items are put into a queue and taken out again with `await`.
When does the watcher run?
a) at the first `await queue.put(...)`
b) at the first `await queue.get()`
c) only when main really has to wait
"""

import asyncio


async def watch() -> None:
    print("the watcher runs")


async def main() -> None:
    watcher = asyncio.create_task(watch())
    queue: asyncio.Queue[int] = asyncio.Queue()
    for number in range(3):
        await queue.put(number)
    print("items in the queue:", queue.qsize())
    while not queue.empty():
        await queue.get()
    print("items in the queue:", queue.qsize())
    await watcher


asyncio.run(main())

# Answer: c
# Why: There is space to put, and there are items to get. So no future is
#      created, and the task is never suspended. A task that always finds
#      everything ready starves the others: add a `sleep(0)`.
# Where: miniloop/queues.py: Queue.put
# Where: miniloop/queues.py: Queue.get
# Prints:
#     items in the queue: 3
#     items in the queue: 0
#     the watcher runs
