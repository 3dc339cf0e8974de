"""`return_exceptions` makes no result of your own cancellation.

A task awaits `gather(..., return_exceptions=True)`. First one of the things
that are gathered is cancelled, then the task itself. What comes out?
a) a list with two CancelledErrors
b) a list with one CancelledError and one result
c) CancelledError is raised
"""

import asyncio


async def wait_for_all(*tasks: asyncio.Task[None]) -> None:
    try:
        print(await asyncio.gather(*tasks, return_exceptions=True))
    except asyncio.CancelledError:
        print("CancelledError is raised")
        raise


async def main() -> None:
    for cancel_waiter in (False, True):
        one = asyncio.create_task(asyncio.sleep(0.01))
        two = asyncio.create_task(asyncio.sleep(0.01))
        waiter = asyncio.create_task(wait_for_all(one, two))
        await asyncio.sleep(0)
        one.cancel()
        if cancel_waiter:
            waiter.cancel()
        await asyncio.wait([waiter])
        print("two is cancelled:", two.cancelled())


asyncio.run(main())

# Answer: c
# Why: A child that is cancelled by somebody else counts as one that raised,
#      and goes into the list. But whoever cancels the one that waits wants
#      it to stop: the children are cancelled, and CancelledError is raised.
# Where: miniloop/combinators.py: _GatheringFuture._child_done
# Prints:
#     [CancelledError(''), None]
#     two is cancelled: False
#     CancelledError is raised
#     two is cancelled: True
