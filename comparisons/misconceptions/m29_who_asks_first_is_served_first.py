"""Locks and semaphores are fair: who has just released one stands behind.

`greedy` releases the semaphore and asks for it again at once,
while `patient` has been waiting. Who gets it?
a) `greedy`, for it is running, and the semaphore is free
b) `patient`, for it asked first
c) whichever the loop chooses
"""

import asyncio


async def greedy(semaphore: asyncio.Semaphore) -> None:
    for time in (1, 2):
        async with semaphore:
            print("greedy has it, time", time)
            await asyncio.sleep(0)


async def patient(semaphore: asyncio.Semaphore) -> None:
    async with semaphore:
        print("patient has it")


async def main() -> None:
    semaphore = asyncio.Semaphore(1)
    await asyncio.gather(greedy(semaphore), patient(semaphore))


asyncio.run(main())

# Answer: b
# Why: `release()` promises the permit to the one who waits longest, before
#      that one has had its turn. Whoever comes in the meantime, even in the
#      next line, finds none, and stands at the end of the line.
# Where: miniloop/locks.py: Semaphore.release
# Where: miniloop/locks.py: Semaphore.acquire
# Prints:
#     greedy has it, time 1
#     patient has it
#     greedy has it, time 2
