"""The loop turns signals into callbacks: a program that exits on SIGTERM.

Prints:
    serving
    got SIGUSR1
    serving
    got SIGTERM
    cleaned up
"""

import asyncio
import functools
import os
import signal


async def serve(asked: asyncio.Queue[signal.Signals]) -> None:
    number = None
    while number is not signal.SIGTERM:
        print("serving")
        number = await asked.get()
        print("got", number.name)


async def main() -> None:
    loop = asyncio.get_running_loop()
    asked: asyncio.Queue[signal.Signals] = asyncio.Queue()
    for number in (signal.SIGUSR1, signal.SIGTERM):
        loop.add_signal_handler(number, functools.partial(asked.put_nowait, number))
    loop.call_later(0.01, os.kill, os.getpid(), signal.SIGUSR1)
    loop.call_later(0.02, os.kill, os.getpid(), signal.SIGTERM)
    await serve(asked)
    for number in (signal.SIGUSR1, signal.SIGTERM):
        loop.remove_signal_handler(number)
    print("cleaned up")


if __name__ == "__main__":
    asyncio.run(main())
