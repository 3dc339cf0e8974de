"""`shield` protects the inner task, not the task that awaits it.

A task awaits `shield(saving)` and is cancelled. What is cancelled?
a) the awaiting task, but not `saving`
b) neither, as long as `saving` runs
c) both, but `saving` only after it is done
"""

import asyncio


async def save() -> None:
    await asyncio.sleep(0.01)
    print("saved")


async def wait_until_saved(saving: asyncio.Task[None]) -> None:
    try:
        await asyncio.shield(saving)
    except asyncio.CancelledError:
        print("the waiter is cancelled")
        raise


async def main() -> None:
    saving = asyncio.create_task(save())  # keep it: shield does not
    waiter = asyncio.create_task(wait_until_saved(saving))
    await asyncio.sleep(0)
    waiter.cancel()
    await asyncio.wait([waiter])
    print("saving is cancelled:", saving.cancelled())
    await saving


asyncio.run(main())

# Answer: a
# Why: `shield` returns an outer future that follows the inner task. Cancelling
#      the outer future leaves the inner task alone. After that, there may be
#      no other reference to the inner task, so keep one.
# Where: miniloop/combinators.py: shield
# Prints:
#     the waiter is cancelled
#     saving is cancelled: False
#     saved
