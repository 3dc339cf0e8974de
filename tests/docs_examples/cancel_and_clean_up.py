"""A cancelled task sees CancelledError where it waits, cleans up, and passes it on.

Prints:
    diver: down
    boat: come up
    diver: must come up
    diver: takes the mask off
    boat: the diver is up; was told: storm
"""

import asyncio


async def dive() -> None:
    print("diver: down")
    try:
        await asyncio.sleep(3600)
    except asyncio.CancelledError:
        print("diver: must come up")
        raise
    finally:
        print("diver: takes the mask off")


async def main() -> None:
    diver = asyncio.create_task(dive())
    await asyncio.sleep(0.01)
    print("boat: come up")
    diver.cancel("storm")
    try:
        await diver
    except asyncio.CancelledError as cancelled:
        print("boat: the diver is up; was told:", *cancelled.args)


if __name__ == "__main__":
    asyncio.run(main())
