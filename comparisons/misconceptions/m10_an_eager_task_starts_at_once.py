"""An eager task starts inside `create_task`; others start an iteration later.

The same function creates a task twice, the second time with eager tasks.
Which line comes first, the task's or the one after `create_task`?
a) the task's, both times
b) the one after `create_task`, both times
c) the one after `create_task`; with eager tasks, the task's
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
# Why: An eager task takes its first step inside the step of the task that
#      creates it. That saves a loop iteration if it never has to wait, and
#      changes the order in programs that relied on that iteration.
# Where: miniloop/tasks.py: Task._run_eagerly
# Since: 3.12
# Before: there were no eager tasks
# Prints:
#     ordinary: create_task has returned
#     ordinary: the task runs
#     eager: the task runs
#     eager: create_task has returned
