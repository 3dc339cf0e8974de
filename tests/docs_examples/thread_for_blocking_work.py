"""A blocking function runs in a thread with the context variables, and the loop continues.

Prints:
    the loop continues
    the thread stops blocking
    its context variable: mole
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
        print("the loop continues")
        gate.set()

    asked, _ = await asyncio.gather(asyncio.to_thread(block, gate), open_the_gate())
    print("its context variable:", asked)


if __name__ == "__main__":
    asyncio.run(main())
