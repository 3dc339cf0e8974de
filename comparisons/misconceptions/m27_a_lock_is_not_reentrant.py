"""A Lock has no owner: a task that acquires it twice waits for itself.

A task holds a lock and acquires it again. What happens?
a) it waits forever
b) it succeeds, because the task already holds the lock
c) RuntimeError
"""

import asyncio


async def main() -> None:
    lock = asyncio.Lock()
    async with lock:
        try:
            async with asyncio.timeout(0.01):
                await lock.acquire()
                print("acquired twice")
        except TimeoutError:
            print("the second acquire timed out")
        loop = asyncio.get_running_loop()
        loop.call_soon(lock.release)  # a callback is not the holder
        await lock.acquire()
        print("other code has released it")


asyncio.run(main())

# Answer: a
# Why: A Lock is a flag and a queue of waiters; it does not store its owner.
#      So its holder waits like any other task, and any code may release it.
#      asyncio has no RLock: split the function instead.
# Where: miniloop/locks.py: Lock.acquire
# Where: miniloop/locks.py: Lock.release
# Prints:
#     the second acquire timed out
#     other code has released it
