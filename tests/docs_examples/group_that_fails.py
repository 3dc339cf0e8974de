"""If one task of a group fails, the others are cancelled and all exceptions are raised together.

Prints:
    the slow one is cancelled
    ValueError: no such page
    KeyError: 'bad manners'
"""

import asyncio


async def fail() -> None:
    await asyncio.sleep(0)
    raise ValueError("no such page")


async def wait_patiently() -> None:
    try:
        await asyncio.sleep(3600)
    finally:
        print("the slow one is cancelled")


async def wait_rudely() -> None:
    try:
        await asyncio.sleep(3600)
    except asyncio.CancelledError:
        raise KeyError("bad manners") from None


async def main() -> None:
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(wait_patiently())
            group.create_task(wait_rudely())
            group.create_task(fail())
    except* (ValueError, KeyError) as errors:
        for error in errors.exceptions:
            print(f"{type(error).__name__}: {error}")


if __name__ == "__main__":
    asyncio.run(main())
