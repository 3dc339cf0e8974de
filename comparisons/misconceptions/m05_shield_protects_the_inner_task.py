"""`shield` protects the task inside, not the one that waits for it.

A task awaits `shield(saving)`, and is cancelled. Which of them is cancelled?
a) the one that waits, and not `saving`
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
# Why: `shield` returns a second future, which follows the first. Cancelling
#      cancels the second only, and with it the one that awaits it. Then
#      nobody may hold the task inside any more, so keep a reference to it.
# Where: miniloop/combinators.py: shield
# Prints:
#     the waiter is cancelled
#     saving is cancelled: False
#     saved
