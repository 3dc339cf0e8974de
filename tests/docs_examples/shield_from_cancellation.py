"""shield protects the awaitable from cancellation, not the waiter.

Prints:
    saving
    the waiter is cancelled
    saved
    the inner task is done, not cancelled: disk
"""

import asyncio


async def save(go_on: asyncio.Event) -> str:
    print("saving")
    await go_on.wait()
    print("saved")
    return "disk"


async def wait_for_it(saving: asyncio.Task[str]) -> None:
    try:
        await asyncio.shield(saving)
    except asyncio.CancelledError:
        print("the waiter is cancelled")
        raise


async def main() -> None:
    go_on = asyncio.Event()
    saving = asyncio.create_task(save(go_on))
    waiter = asyncio.create_task(wait_for_it(saving))
    await asyncio.sleep(0.01)
    waiter.cancel()
    await asyncio.wait([waiter])
    go_on.set()
    where = await saving
    print("the inner task is done, not cancelled:", where)


if __name__ == "__main__":
    asyncio.run(main())
