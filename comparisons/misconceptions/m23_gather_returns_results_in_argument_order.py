"""`gather` returns results in the order of its arguments.

"slow" is passed before "fast" and finishes after it. What is returned?
a) ['slow', 'fast']
b) ['fast', 'slow']
c) a set, which has no order
"""

import asyncio


async def work(name: str, delay: float) -> str:
    await asyncio.sleep(delay)
    print(name, "is done")
    return name


async def main() -> None:
    print(await asyncio.gather(work("slow", 0.03), work("fast", 0.01)))


asyncio.run(main())

# Answer: a
# Why: `gather` waits for all children, then collects their results in the
#      order of its arguments. To get results in the order in which they
#      finish, use `as_completed`.
# Where: miniloop/combinators.py: _GatheringFuture._child_done
# Prints:
#     fast is done
#     slow is done
#     ['slow', 'fast']
