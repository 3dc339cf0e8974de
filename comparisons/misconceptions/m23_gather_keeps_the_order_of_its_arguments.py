"""`gather` returns results in the order of its arguments.

"slow" is gathered before "fast", and ends after it. What is returned?
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
# Why: `gather` waits until the last has ended, and then asks each for its
#      result, in the order in which they were given. Who wants them as they
#      end takes `as_completed`.
# Where: miniloop/combinators.py: _GatheringFuture._child_done
# Prints:
#     fast is done
#     slow is done
#     ['slow', 'fast']
