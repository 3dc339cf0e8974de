"""Awaiting a coroutine does not yield to the loop; awaiting a task does.

A task is created, then a coroutine is awaited. Which line is printed first?
a) "the task", because it was created first
b) "the coroutine", because awaiting it is much like calling a function
c) it depends on what the loop chooses
"""

import asyncio


async def say(what: str) -> None:
    print(what)


async def main() -> None:
    task = asyncio.create_task(say("the task"))
    await say("the coroutine")
    print("main has not yielded to the loop yet")
    await asyncio.create_task(say("the awaited task"))
    print("the first task is done:", task.done())


asyncio.run(main())

# Answer: b
# Why: An awaited coroutine runs at once, inside the task that awaits it.
#      `await` suspends the task only at a future that is not done. A task is
#      a future: awaiting one that is still running suspends the awaiting task.
# Where: miniloop/futures.py: Future.__await__
# Where: miniloop/tasks.py: Task._run
# Prints:
#     the coroutine
#     main has not yielded to the loop yet
#     the task
#     the awaited task
#     the first task is done: True
