"""Since Python 3.12, `wait_for` never swallows a cancellation.

A task waits in `wait_for`. The result is set; then the task is cancelled,
before it has seen the result. Can `cancel()` return True and have no effect?
a) no: it returns False, or the task ends up cancelled
b) yes, for a few iterations of the loop
c) yes, always: an existing result takes precedence
"""

import asyncio


async def work(answer: asyncio.Future[str]) -> str:
    return await answer


async def cancel_late(iterations: int) -> None:
    answer: asyncio.Future[str] = asyncio.Future()
    task = asyncio.create_task(asyncio.wait_for(work(answer), timeout=10))
    await asyncio.sleep(0.01)
    answer.set_result("result")
    for _ in range(iterations):
        await asyncio.sleep(0)
    accepted = task.cancel()
    await asyncio.wait([task])
    end = "cancelled" if task.cancelled() else task.result()
    print(f"{iterations} iterations: cancel() {accepted}, {end}")


async def main() -> None:
    for iterations in range(4):
        await cancel_late(iterations)


asyncio.run(main())

# Answer: a
# Why: Since 3.12, `wait_for` awaits the work in the calling task, in a
#      `timeout`. Before, it created a second task. A cancellation between the
#      end of that task and the next step of the first was accepted and lost.
# Where: miniloop/timeouts.py: wait_for
# Since: 3.12
# Before: a cancellation could be accepted and then lost
# Prints:
#     0 iterations: cancel() True, cancelled
#     1 iterations: cancel() False, result
#     2 iterations: cancel() False, result
#     3 iterations: cancel() False, result
