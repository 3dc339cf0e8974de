"""A task gets a copy of the context when it is made, and keeps what it sets.

The variable is set to "late" after the task was made, before it begins.
What does the task see, and does main see what the task sets?
a) "late"; and main sees it
b) "early"; and main sees it
c) "early"; and main does not see it
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
# Why: `create_task` copies the context there and then, and every step of the
#      task runs in the copy. An awaited coroutine has no context of its own:
#      what it sets is set for the task that awaits it.
# Where: miniloop/tasks.py: Task._start
# Where: miniloop/tasks.py: Task._run
# Prints:
#     the task sees: early
#     main sees: late
#     the task sees: late
#     main sees: set by the task
