"""`await` of something that is ready does not let others run.

Three items go through a queue by `await`. When does the watcher get its turn?
a) at the first `await queue.put(...)`
b) at the first `await queue.get()`
c) not before main really has to wait
"""

import asyncio


async def watch() -> None:
    print("the watcher has its turn")


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
# Why: There is room to put, and there are items to get: nothing to wait for,
#      so no future is made, and nothing reaches the loop. A task that always
#      finds everything ready starves the others: give it a `sleep(0)`.
# Where: miniloop/queues.py: Queue.put
# Where: miniloop/queues.py: Queue.get
# Prints:
#     items in the queue: 3
#     items in the queue: 0
#     the watcher has its turn
