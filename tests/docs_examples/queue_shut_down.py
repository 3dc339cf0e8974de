"""A queue that is shut down accepts no items; its readers get an exception once it is empty.

Since: 3.13

Prints:
    read bread
    read milk
    writer: no more
    reader: no more
"""

import asyncio


async def read(queue: asyncio.Queue[str]) -> None:
    try:
        while True:
            item = await queue.get()
            print("read", item)
            queue.task_done()
    except asyncio.QueueShutDown:
        print("reader: no more")


async def main() -> None:
    queue: asyncio.Queue[str] = asyncio.Queue()
    reader = asyncio.create_task(read(queue))
    await queue.put("bread")
    await queue.put("milk")
    await queue.join()
    queue.shutdown()
    try:
        await queue.put("honey")
    except asyncio.QueueShutDown:
        print("writer: no more")
    await reader


if __name__ == "__main__":
    asyncio.run(main())
