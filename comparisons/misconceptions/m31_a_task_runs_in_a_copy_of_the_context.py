"""A task runs in a copy of the context, taken when the task is created.

The variable is set to "late" after the task was created, before it starts.
What does the task see, and does main see what the task sets?
a) "late"; main sees the change
b) "early"; main sees the change
c) "early"; main does not see the change
"""

import asyncio
from contextvars import ContextVar

user: ContextVar[str] = ContextVar("user")


async def handle() -> None:
    print("the task sees:", user.get())
    user.set("set by the task")


async def main() -> None:
    user.set("early")
    task = asyncio.create_task(handle())
    user.set("late")
    await task
    print("main sees:", user.get())
    await handle()
    print("main sees:", user.get())


asyncio.run(main())

# Answer: c
# Why: `create_task` copies the context, and every step of the task runs in
#      that copy. An awaited coroutine has no context of its own: variables
#      that it sets are set for the task that awaits it.
# Where: miniloop/tasks.py: Task._start
# Where: miniloop/tasks.py: Task._run
# Prints:
#     the task sees: early
#     main sees: late
#     the task sees: late
#     main sees: set by the task
