"""A task group waits for all its tasks at the end of its block.

Prints:
    both started
    toast is ready
    tea is drawn
    breakfast: tea and toast
"""

import asyncio


async def prepare(delay: float, dish: str, end: str) -> str:
    await asyncio.sleep(delay)
    print(dish, end)
    return dish


async def main() -> None:
    async with asyncio.TaskGroup() as kitchen:
        tea = kitchen.create_task(prepare(0.1, "tea", "is drawn"))
        toast = kitchen.create_task(prepare(0.01, "toast", "is ready"))
        print("both started")
    print("breakfast:", tea.result(), "and", toast.result())


if __name__ == "__main__":
    asyncio.run(main())
