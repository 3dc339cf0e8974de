"""Blocking functions in the default thread pool, in another pool, and in a new default pool.

Prints:
    default threads: 10
    own pool: 20 in a thread called own
    new default: 30 in a thread called new
"""

import asyncio
import concurrent.futures
import threading


def multiply(left: int, right: int) -> tuple[int, str]:
    return left * right, threading.current_thread().name.split("_")[0]


async def main() -> None:
    loop = asyncio.get_running_loop()
    product, _ = await loop.run_in_executor(None, multiply, 2, 5)
    print("default threads:", product)
    with concurrent.futures.ThreadPoolExecutor(1, thread_name_prefix="own") as pool:
        product, thread = await loop.run_in_executor(pool, multiply, 4, 5)
        print(f"own pool: {product} in a thread called {thread}")
    loop.set_default_executor(concurrent.futures.ThreadPoolExecutor(1, thread_name_prefix="new"))
    product, thread = await loop.run_in_executor(None, multiply, 6, 5)
    print(f"new default: {product} in a thread called {thread}")


def run() -> None:
    asyncio.run(main())


if __name__ == "__main__":
    run()
