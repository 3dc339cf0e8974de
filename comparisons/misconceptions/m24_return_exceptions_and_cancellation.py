"""`return_exceptions` does not turn your own cancellation into a result.

A task awaits `gather(..., return_exceptions=True)`. One of the gathered
tasks is cancelled, then the task itself. What happens?
a) gather returns a list with two CancelledErrors
b) gather returns a list with one CancelledError and one result
c) gather raises CancelledError
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
# Why: A child that was cancelled on its own counts as failed: its exception
#      goes into the list. But if the awaiting task is cancelled, it should
#      stop: all children are cancelled, and CancelledError is raised.
# Where: miniloop/combinators.py: _GatheringFuture._child_done
# Prints:
#     [CancelledError(''), None]
#     two is cancelled: False
#     CancelledError is raised
#     two is cancelled: True
