"""One runner runs several coroutines on one loop and in one context.

Prints:
    set to 1
    still 1
    same loop: True
    made by the factory: True
    closed: True
"""

import asyncio
import contextvars

count: contextvars.ContextVar[int] = contextvars.ContextVar("count", default=0)


async def set_count(value: int) -> None:
    count.set(value)
    print("set to", count.get())


async def get_loop() -> asyncio.AbstractEventLoop:
    print("still", count.get())
    return asyncio.get_running_loop()


def main() -> None:
    made: list[asyncio.AbstractEventLoop] = []

    def factory() -> asyncio.AbstractEventLoop:
        made.append(asyncio.SelectorEventLoop())
        return made[-1]

    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(set_count(1))
        loop = runner.run(get_loop())
        print("same loop:", loop is runner.get_loop())
    print("made by the factory:", made == [loop])
    print("closed:", loop.is_closed())


if __name__ == "__main__":
    main()
