"""A blocking function runs in a thread, and the loop goes on; context variables go with it.

Prints:
    the loop goes on
    the thread stops blocking
    it knows who asked: mole
"""

import asyncio
import contextvars
import threading

who: contextvars.ContextVar[str] = contextvars.ContextVar("who")


def block(gate: threading.Event) -> str:
    gate.wait()
    print("the thread stops blocking")
    return who.get()


async def main() -> None:
    who.set("mole")
    gate = threading.Event()

    async def open_the_gate() -> None:
        print("the loop goes on")
        gate.set()

    asked, _ = await asyncio.gather(asyncio.to_thread(block, gate), open_the_gate())
    print("it knows who asked:", asked)


if __name__ == "__main__":
    asyncio.run(main())
