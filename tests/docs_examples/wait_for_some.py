"""wait returns done and pending tasks: after the first, the first failure, or a timeout.

Prints:
    first done: ['hare'] pending: ['snail', 'tortoise']
    first failure: ['hare', 'tortoise'] pending: ['snail']
    after a timeout: ['hare', 'tortoise'] pending: ['snail']
    all done: ['hare', 'snail', 'tortoise'] pending: []
    tortoise failed: lost its way
"""

import asyncio

Runners = set[asyncio.Task[None]]


async def run(go: asyncio.Event) -> None:
    await go.wait()


async def get_lost(go: asyncio.Event) -> None:
    await go.wait()
    raise LookupError("lost its way")


def report(what: str, sets: tuple[Runners, Runners]) -> None:
    done, pending = (sorted(task.get_name() for task in tasks) for tasks in sets)
    print(f"{what}: {done} pending: {pending}")


async def main() -> None:
    flags = {name: asyncio.Event() for name in ("hare", "tortoise", "snail")}
    runners = {
        asyncio.create_task((get_lost if name == "tortoise" else run)(flag), name=name)
        for name, flag in flags.items()
    }
    flags["hare"].set()
    report("first done", await asyncio.wait(runners, return_when=asyncio.FIRST_COMPLETED))
    flags["tortoise"].set()
    report("first failure", await asyncio.wait(runners, return_when=asyncio.FIRST_EXCEPTION))
    report("after a timeout", await asyncio.wait(runners, timeout=0.01))
    flags["snail"].set()
    done, pending = await asyncio.wait(runners)
    report("all done", (done, pending))
    for task in done:
        if task.exception() is not None:
            print(task.get_name(), "failed:", task.exception())


if __name__ == "__main__":
    asyncio.run(main())
