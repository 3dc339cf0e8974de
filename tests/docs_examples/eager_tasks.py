"""An eager task starts before create_task returns. If it does not wait, it is done then.

Since: 3.12

Prints:
    in the cache: one
    done immediately: True
    not in the cache: two
    done immediately: False
    fetched: two
    ['one', 'two']
"""

import asyncio

cache = {"one"}


async def look_up(key: str) -> str:
    if key in cache:
        print("in the cache:", key)
        return key
    print("not in the cache:", key)
    await asyncio.sleep(0)
    print("fetched:", key)
    return key


async def main() -> None:
    asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
    tasks = []
    for key in ("one", "two"):
        tasks.append(asyncio.create_task(look_up(key)))
        print("done immediately:", tasks[-1].done())
    print([await task for task in tasks])


if __name__ == "__main__":
    asyncio.run(main())
