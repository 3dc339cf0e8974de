"""A clock that ticks a few times and sleeps between the ticks.

Prints:
    tick 1
    tick 2
    tick 3
    it took at least as long as it slept: True
"""

import asyncio


async def main() -> None:
    loop = asyncio.get_running_loop()
    start = loop.time()
    for tick in range(1, 4):
        print("tick", tick)
        await asyncio.sleep(0.01)
    # The clock may fire a timer early by its own resolution.
    print("it took at least as long as it slept:", loop.time() - start >= 0.029)


if __name__ == "__main__":
    asyncio.run(main())
