"""Exceptions that nothing awaits are reported to the exception handler, and the loop continues.

Prints:
    reported: ZeroDivisionError in a callback
    reported: Future exception was never retrieved: LookupError
    the loop continues
"""

import asyncio
import gc
from typing import Any


def report(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    name = type(context["exception"]).__name__
    if "handle" in context:
        print("reported:", name, "in a callback")
    else:
        print(f"reported: {context['message']}: {name}")


def divide(left: int, right: int) -> float:
    return left / right


async def main() -> None:
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(report)
    loop.call_soon(divide, 1, 0)
    await asyncio.sleep(0)
    loop.create_future().set_exception(LookupError())
    gc.collect()
    await asyncio.sleep(0)
    print("the loop continues")


if __name__ == "__main__":
    asyncio.run(main())
