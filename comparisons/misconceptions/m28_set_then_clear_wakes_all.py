"""`event.set()` wakes all who wait, even if `clear()` follows at once.

Two tasks wait for an event. It is set, and cleared in the next line.
How many of them go on?
a) two
b) one
c) none: when they look, the event is not set
"""

import asyncio


async def wait(name: str, event: asyncio.Event) -> None:
    await event.wait()
    print(name, "goes on; the event is set:", event.is_set())


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
# Why: `set()` ends the future of everyone who waits, and they do not look at
#      the flag again. So the event may be clear again when they go on: what
#      they waited for has happened, but need not be so any more.
# Where: miniloop/locks.py: Event.set
# Where: miniloop/locks.py: Event.wait
# Prints:
#     first goes on; the event is set: False
#     second goes on; the event is set: False
