"""An event wakes all its waiters, and lets later ones pass until it is cleared.

Prints:
    a waits
    b waits
    the whistle blows
    a runs
    b runs
    set: True
    set after clear: False
"""

import asyncio


async def run(name: str, whistle: asyncio.Event) -> None:
    print(name, "waits")
    await whistle.wait()
    print(name, "runs")


async def main() -> None:
    whistle = asyncio.Event()
    runners = [asyncio.create_task(run(name, whistle)) for name in "ab"]
    await asyncio.sleep(0.01)
    print("the whistle blows")
    whistle.set()
    await asyncio.wait(runners)
    print("set:", whistle.is_set())
    whistle.clear()
    print("set after clear:", whistle.is_set())


if __name__ == "__main__":
    asyncio.run(main())
