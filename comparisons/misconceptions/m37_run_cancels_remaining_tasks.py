"""`run` cancels the remaining tasks when main returns.

main starts a background task and returns. What happens to the task?
a) `run` cancels it
b) `run` waits until it is done
c) it continues in the background
"""

import asyncio


async def background() -> None:
    print("the task starts")
    try:
        await asyncio.sleep(10)
        print("the task is done")
    finally:
        print("the task cleans up")


async def main() -> str:
    task = asyncio.create_task(background())
    await asyncio.sleep(0)
    return f"main has returned; was the task done? {task.done()}"


print(asyncio.run(main()))

# Answer: a
# Why: When main has returned, `run` cancels the remaining tasks and waits for
#      their cleanup. Work that must finish has to be awaited in main, for
#      example with a TaskGroup.
# Where: miniloop/runners.py: Runner.close
# Where: miniloop/runners.py: _cancel_all_tasks
# Prints:
#     the task starts
#     the task cleans up
#     main has returned; was the task done? False
