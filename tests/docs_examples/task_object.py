"""What can be read from a task.

Prints:
    running: ['gardener', 'rain']
    me: gardener
    rain is done: False
    callback: rain -> wet
    rain says: wet
    rain is done: True
    too early: Result is not set.
"""

import asyncio


async def rain() -> str:
    await asyncio.sleep(0)
    return "wet"


def tell(task: asyncio.Task[str]) -> None:
    print("callback:", task.get_name(), "->", task.result())


async def main() -> None:
    me = asyncio.current_task()
    assert me is not None
    me.set_name("gardener")
    task = asyncio.create_task(rain(), name="rain")
    task.add_done_callback(tell)
    print("running:", sorted(one.get_name() for one in asyncio.all_tasks()))
    print("me:", me.get_name())
    print("rain is done:", task.done())
    print("rain says:", await task)
    print("rain is done:", task.done())
    early = asyncio.create_task(rain())
    try:
        early.result()
    except asyncio.InvalidStateError as error:
        print("too early:", error)
    await early


if __name__ == "__main__":
    asyncio.run(main())
