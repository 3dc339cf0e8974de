"""A callback runs in the next iteration and stops the loop; there is no coroutine.

Prints:
    hello, world
    stopped, not yet closed: False
    closed: True
"""

import asyncio


def hello(loop: asyncio.AbstractEventLoop) -> None:
    print("hello, world")
    loop.stop()


def main() -> None:
    loop = asyncio.new_event_loop()
    loop.call_soon(hello, loop)
    try:
        loop.run_forever()
        print("stopped, not yet closed:", loop.is_closed())
    finally:
        loop.close()
    print("closed:", loop.is_closed())


if __name__ == "__main__":
    main()
