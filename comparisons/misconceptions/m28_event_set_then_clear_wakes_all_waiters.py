"""`event.set()` wakes all waiters, even if `clear()` follows at once.

Two tasks wait for an event. It is set, and cleared in the next line.
How many of them continue?
a) two
b) one
c) none: by the time they check, the event is not set
"""

import asyncio


async def wait(name: str, event: asyncio.Event) -> None:
    await event.wait()
    print(name, "continues; the event is set:", event.is_set())


async def main() -> None:
    event = asyncio.Event()
    first = asyncio.create_task(wait("first", event))
    second = asyncio.create_task(wait("second", event))
    await asyncio.sleep(0)
    event.set()
    event.clear()
    await asyncio.gather(first, second)


asyncio.run(main())

# Answer: a
# Why: `set()` completes the future of every waiter, and waiters do not check
#      the flag again. So the flag may be clear when they continue: the event
#      has happened, but may no longer be set.
# Where: miniloop/locks.py: Event.set
# Where: miniloop/locks.py: Event.wait
# Prints:
#     first continues; the event is set: False
#     second continues; the event is set: False
