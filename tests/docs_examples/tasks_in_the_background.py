"""Tasks that nothing awaits are kept in a set; a callback removes them when they are done.

Prints:
    sent 5
    0 1 2 3 4
    remaining: 0
"""

import asyncio

delivered: list[int] = []


async def deliver(letter: int) -> None:
    await asyncio.sleep(0)
    delivered.append(letter)


async def main() -> None:
    on_the_way: set[asyncio.Task[None]] = set()
    for letter in range(5):
        task = asyncio.create_task(deliver(letter))
        on_the_way.add(task)
        task.add_done_callback(on_the_way.discard)
    print("sent", len(on_the_way))
    while on_the_way:
        await asyncio.sleep(0)
    print(*delivered)
    print("remaining:", len(on_the_way))


if __name__ == "__main__":
    asyncio.run(main())
