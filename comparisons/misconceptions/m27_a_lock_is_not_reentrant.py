"""A Lock does not know who holds it: taken twice, it waits for itself.

A task holds a lock, and asks for it once more. What happens?
a) it waits for ever
b) it gets it: it is its own
c) RuntimeError
"""

import asyncio


async def main() -> None:
    lock = asyncio.Lock()
    async with lock:
        try:
            async with asyncio.timeout(0.01):
                await lock.acquire()
                print("taken twice")
        except TimeoutError:
            print("waited in vain")
        loop = asyncio.get_running_loop()
        loop.call_soon(lock.release)  # a callback, which does not hold it
        await lock.acquire()
        print("somebody else has released it")


asyncio.run(main())

# Answer: a
# Why: A Lock is a flag and a line of those who wait; nobody's name is kept.
#      So the holder waits for itself as for anybody, and anyone may release
#      it. There is no RLock in asyncio: split the function instead.
# Where: miniloop/locks.py: Lock.acquire
# Where: miniloop/locks.py: Lock.release
# Prints:
#     waited in vain
#     somebody else has released it
