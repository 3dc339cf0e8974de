"""A lock is held by one task at a time, and is granted in the order of the requests.

Prints:
    a takes the key
    a gives it back
    b takes the key
    b gives it back
    c takes the key
    c gives it back
    locked: False
"""

import asyncio


async def use(name: str, key: asyncio.Lock) -> None:
    async with key:
        print(name, "takes the key")
        await asyncio.sleep(0.001)
        print(name, "gives it back")


async def main() -> None:
    key = asyncio.Lock()
    await asyncio.gather(*(use(name, key) for name in "abc"))
    print("locked:", key.locked())


if __name__ == "__main__":
    asyncio.run(main())
