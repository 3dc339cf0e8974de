"""Locks and semaphores are fair: after a release, the oldest waiter is next.

`greedy` releases the semaphore and acquires it again at once,
while `patient` has been waiting. Which task gets it?
a) `greedy`, because it is running and the semaphore is free
b) `patient`, because it asked first
c) the loop chooses one of them
"""

import asyncio


async def greedy(semaphore: asyncio.Semaphore) -> None:
    for attempt in (1, 2):
        async with semaphore:
            print("greedy has it, attempt", attempt)
            await asyncio.sleep(0)


async def patient(semaphore: asyncio.Semaphore) -> None:
    async with semaphore:
        print("patient has it")


async def main() -> None:
    semaphore = asyncio.Semaphore(1)
    await asyncio.gather(greedy(semaphore), patient(semaphore))


asyncio.run(main())

# Answer: b
# Why: `release()` reserves the permit for the task that has waited longest,
#      even before that task runs. Any other task that calls `acquire` in the
#      meantime goes to the back of the queue.
# Where: miniloop/locks.py: Semaphore.release
# Where: miniloop/locks.py: Semaphore.acquire
# Prints:
#     greedy has it, attempt 1
#     patient has it
#     greedy has it, attempt 2
