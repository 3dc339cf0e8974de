"""A condition: wait with its lock until another task changes something and notifies.

Prints:
    a waits for bread
    b waits for bread
    a loaf comes out of the oven
    a eats
    a loaf comes out of the oven
    a loaf comes out of the oven
    b eats
    left: 0
"""

import asyncio


class Bakery:
    """Loaves on a shelf. One task eats one loaf, the other always two."""

    def __init__(self) -> None:
        self.loaves = 0
        self.shelf = asyncio.Condition()

    async def eat(self, name: str, loaves: int) -> None:
        async with self.shelf:
            print(name, "waits for bread")
            await self.shelf.wait_for(lambda: self.loaves >= loaves)
            self.loaves -= loaves
            print(name, "eats")

    async def bake(self) -> None:
        async with self.shelf:
            self.loaves += 1
            print("a loaf comes out of the oven")
            self.shelf.notify_all()


async def main() -> None:
    bakery = Bakery()
    guests = [asyncio.create_task(bakery.eat("a", 1)), asyncio.create_task(bakery.eat("b", 2))]
    for _ in range(3):
        await asyncio.sleep(0.01)
        await bakery.bake()
    await asyncio.wait(guests)
    print("left:", bakery.loaves)


if __name__ == "__main__":
    asyncio.run(main())
