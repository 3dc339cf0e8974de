"""Another thread runs coroutines on the loop and waits for them, with and without a timeout.

Prints:
    result: 3
    too long, cancelled: True
    failed: division by zero
"""

import asyncio
import concurrent.futures


async def divide(left: int, right: int) -> float:
    await asyncio.sleep(0)
    return left / right


def elsewhere(loop: asyncio.AbstractEventLoop) -> list[str]:
    steps = []
    quick = asyncio.run_coroutine_threadsafe(asyncio.sleep(0.001, 3), loop)
    steps.append(f"result: {quick.result(timeout=3600)}")
    slow = asyncio.run_coroutine_threadsafe(asyncio.sleep(3600), loop)
    try:
        slow.result(timeout=0.01)
    except concurrent.futures.TimeoutError:
        slow.cancel()
        steps.append(f"too long, cancelled: {slow.cancelled()}")
    wrong = asyncio.run_coroutine_threadsafe(divide(1, 0), loop)
    steps.append(f"failed: {wrong.exception(timeout=3600)}")
    return steps


async def main() -> None:
    for step in await asyncio.to_thread(elsewhere, asyncio.get_running_loop()):
        print(step)


if __name__ == "__main__":
    asyncio.run(main())
