"""A semaphore admits a limited number of tasks; a bounded one also limits the releases.

Prints:
    most at the same time: 2
    all done: [0, 1, 2, 3, 4]
    bounded: BoundedSemaphore released too many times
"""

import asyncio


class Pool:
    """A pool with two lanes."""

    def __init__(self) -> None:
        self.lanes = asyncio.Semaphore(2)
        self.inside = self.most = 0
        self.served: list[int] = []

    async def swim(self, swimmer: int) -> None:
        async with self.lanes:
            self.inside += 1
            self.most = max(self.most, self.inside)
            await asyncio.sleep(0.001)
            self.inside -= 1
            self.served.append(swimmer)


async def main() -> None:
    pool = Pool()
    await asyncio.gather(*(pool.swim(swimmer) for swimmer in range(5)))
    print("most at the same time:", pool.most)
    print("all done:", sorted(pool.served))
    bounded = asyncio.BoundedSemaphore(1)
    await bounded.acquire()
    bounded.release()
    try:
        bounded.release()
    except ValueError as error:
        print("bounded:", error)


if __name__ == "__main__":
    asyncio.run(main())
