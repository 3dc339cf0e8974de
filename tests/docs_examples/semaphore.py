"""A semaphore lets so many in and no more; a bounded one counts those who leave as well.

Prints:
    most at once: 2
    all served: [0, 1, 2, 3, 4]
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
    print("most at once:", pool.most)
    print("all served:", sorted(pool.served))
    bounded = asyncio.BoundedSemaphore(1)
    await bounded.acquire()
    bounded.release()
    try:
        bounded.release()
    except ValueError as error:
        print("bounded:", error)


if __name__ == "__main__":
    asyncio.run(main())
