"""A cancelled task gets CancelledError where it waits, cleans up, and raises it again.

Prints:
    diver: down
    boat: come up
    diver: has to come up
    diver: takes the mask off
    boat: the diver is up; the message was: storm
"""

import asyncio


async def dive() -> None:
    print("diver: down")
    try:
        await asyncio.sleep(3600)
    except asyncio.CancelledError:
        print("diver: has to come up")
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
        print("boat: the diver is up; the message was:", *cancelled.args)


if __name__ == "__main__":
    asyncio.run(main())
