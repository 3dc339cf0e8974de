"""`wait_for` never swallows a cancellation, since Python 3.12.

The result is there, but the task has not seen it yet; then it is cancelled.
The task waits in `wait_for`. Can `cancel()` return True and be forgotten?
a) no: it is refused, or the task ends as cancelled
b) yes, for a few turns of the loop
c) yes, always: a result that is there wins
"""

import asyncio


async def work(answer: asyncio.Future[str]) -> str:
    return await answer


async def cancel_late(turns: int) -> None:
    answer: asyncio.Future[str] = asyncio.Future()
    task = asyncio.create_task(asyncio.wait_for(work(answer), timeout=10))
    await asyncio.sleep(0.01)
    answer.set_result("the result")
    for _ in range(turns):
        await asyncio.sleep(0)
    accepted = task.cancel()
    await asyncio.wait([task])
    end = "cancelled" if task.cancelled() else task.result()
    print(f"{turns} turns: cancel() {accepted}, {end}")


async def main() -> None:
    for turns in range(4):
        await cancel_late(turns)


asyncio.run(main())

# Answer: a
# Why: Since 3.12 `wait_for` awaits the work within the task that calls it,
#      in a `timeout`. Before, it made a second task; between the end of that
#      and the next step of the first, a cancellation was taken and lost.
# Where: miniloop/timeouts.py: wait_for
# Since: 3.12
# Before: it takes a cancellation and forgets it
# Prints:
#     0 turns: cancel() True, cancelled
#     1 turns: cancel() False, the result
#     2 turns: cancel() False, the result
#     3 turns: cancel() False, the result
