"""`run` cancels the tasks that are left when main returns.

main starts a task in the background and returns. What becomes of the task?
a) `run` cancels it
b) `run` waits until it is done
c) it goes on in the background
"""

import asyncio


async def background() -> None:
    print("the task begins")
    try:
        await asyncio.sleep(10)
        print("the task is done")
    finally:
        print("the task cleans up")


async def main() -> str:
    task = asyncio.create_task(background())
    await asyncio.sleep(0)
    return f"main returns, the task is done: {task.done()}"


print(asyncio.run(main()))

# Answer: a
# Why: `run` is about main. When that has returned, the tasks that are left
#      are cancelled, and `run` waits for their clean-up before it returns.
#      Work that has to be finished must be awaited in main: in a TaskGroup.
# Where: miniloop/runners.py: Runner.close
# Where: miniloop/runners.py: _cancel_all_tasks
# Prints:
#     the task begins
#     the task cleans up
#     main returns, the task is done: False
