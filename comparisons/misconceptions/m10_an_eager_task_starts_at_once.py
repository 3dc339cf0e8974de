"""An eager task starts inside `create_task`; any other in the next turn.

The same function makes a task twice, the second time with eager tasks.
Which line comes first, the task's or that of `create_task`?
a) both times the task's
b) both times that of `create_task`
c) first that of `create_task`, with eager tasks the task's
"""

import asyncio


async def work(kind: str) -> None:
    print(f"{kind}: the task runs")


async def create(kind: str) -> None:
    task = asyncio.create_task(work(kind))
    print(f"{kind}: create_task has returned")
    await task


async def main() -> None:
    await create("ordinary")
    loop = asyncio.get_running_loop()
    loop.set_task_factory(asyncio.eager_task_factory)
    await create("eager")


asyncio.run(main())

# Answer: c
# Why: An eager task takes its first step at once, within the step of the one
#      that makes it. That saves a turn where there is nothing to wait for,
#      and changes the order of a program that relied on that turn.
# Where: miniloop/tasks.py: Task._run_eagerly
# Since: 3.12
# Before: it has no eager tasks
# Prints:
#     ordinary: create_task has returned
#     ordinary: the task runs
#     eager: the task runs
#     eager: create_task has returned
