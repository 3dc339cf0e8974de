"""`await` of a coroutine does not let others run; `await` of a task does.

A task is made, then a coroutine is awaited. What is printed first?
a) "the task", which was there before
b) "the coroutine", for awaiting it is much like calling a function
c) it depends on what the loop chooses
"""

import asyncio


async def say(what: str) -> None:
    print(what)


async def main() -> None:
    task = asyncio.create_task(say("the task"))
    await say("the coroutine")
    print("main has not given its turn away yet")
    await asyncio.create_task(say("the task that is awaited"))
    print("the first task is done:", task.done())


asyncio.run(main())

# Answer: b
# Why: An awaited coroutine runs within the task that awaits it, at once.
#      Only a future that is not done stops an `await`: it goes down to the
#      task, which lets the loop go on. And a running task is such a future.
# Where: miniloop/futures.py: Future.__await__
# Where: miniloop/tasks.py: Task._run
# Prints:
#     the coroutine
#     main has not given its turn away yet
#     the task
#     the task that is awaited
#     the first task is done: True
