"""Tasks share one thread, and may still get in each other's way.

From a balance of 100, two tasks withdraw 10 and 20 at the same time.
There is no second thread. What is left at the end?
a) 70
b) 80: one of the two is lost
c) it depends on the run
"""

import asyncio

balance = 100


async def withdraw(amount: int) -> None:
    global balance
    seen = balance
    await asyncio.sleep(0)  # ask the bank
    balance = seen - amount


async def withdraw_alone(lock: asyncio.Lock, amount: int) -> None:
    async with lock:
        await withdraw(amount)


async def main() -> None:
    global balance
    await asyncio.gather(withdraw(10), withdraw(20))
    print("without a lock:", balance)
    balance, lock = 100, asyncio.Lock()
    await asyncio.gather(withdraw_alone(lock, 10), withdraw_alone(lock, 20))
    print("with a lock:", balance)


asyncio.run(main())

# Answer: b
# Why: Between two awaits nobody interferes. During one, all others may run:
#      what was read before it may be out of date after it. Do not wait
#      between reading and writing, or hold a lock meanwhile.
# Where: miniloop/locks.py: Lock.acquire
# Where: miniloop/tasks.py: Task._run
# Prints:
#     without a lock: 80
#     with a lock: 70
