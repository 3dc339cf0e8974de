"""Tasks share one thread, but race conditions are still possible.

From a balance of 100, two tasks withdraw 10 and 20 at the same time.
There is no second thread. What is the balance at the end?
a) 70
b) 80: one withdrawal is lost
c) it depends on the run
"""

import asyncio

balance = 100


async def withdraw(amount: int) -> None:
    global balance
    seen = balance
    await asyncio.sleep(0)  # ask the bank
    balance = seen - amount


async def safe_withdraw(lock: asyncio.Lock, amount: int) -> None:
    async with lock:
        await withdraw(amount)


async def main() -> None:
    global balance
    await asyncio.gather(withdraw(10), withdraw(20))
    print("without a lock:", balance)
    balance, lock = 100, asyncio.Lock()
    await asyncio.gather(safe_withdraw(lock, 10), safe_withdraw(lock, 20))
    print("with a lock:", balance)


asyncio.run(main())

# Answer: b
# Why: Between two awaits, no other task runs. During an await, any of them
#      may: a value read before it may be out of date after it. Do not await
#      between the read and the write, or hold a lock around both.
# Where: miniloop/locks.py: Lock.acquire
# Where: miniloop/tasks.py: Task._run
# Prints:
#     without a lock: 80
#     with a lock: 70
