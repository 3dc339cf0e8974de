"""Three kinds of queue with different orders, and what a full and an empty queue do.

Prints:
    Queue [3, 1, 2]
    PriorityQueue [1, 2, 3]
    LifoQueue [2, 1, 3]
    full after one: QueueFull
    waits for room: 1 then 2
    empty: QueueEmpty
"""

import asyncio


async def drained(queue: asyncio.Queue[int]) -> list[int]:
    for number in (3, 1, 2):
        await queue.put(number)
    return [await queue.get() for _ in range(3)]


async def main() -> None:
    kinds: list[asyncio.Queue[int]] = [
        asyncio.Queue(),
        asyncio.PriorityQueue(),
        asyncio.LifoQueue(),
    ]
    for queue in kinds:
        print(type(queue).__name__, await drained(queue))

    narrow: asyncio.Queue[int] = asyncio.Queue(maxsize=1)
    await narrow.put(1)
    try:
        narrow.put_nowait(2)
    except asyncio.QueueFull as full:
        print("full after one:", type(full).__name__)
    putting = asyncio.create_task(narrow.put(2))
    print("waits for room:", await narrow.get(), "then", await narrow.get())
    await putting
    try:
        narrow.get_nowait()
    except asyncio.QueueEmpty as empty:
        print("empty:", type(empty).__name__)


if __name__ == "__main__":
    asyncio.run(main())
