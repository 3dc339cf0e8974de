"""Calling a coroutine function runs nothing of it.

`save()` is called, and not awaited. What happens?
a) it runs up to its first `await`
b) it runs in the background
c) nothing, but for a warning
"""

import asyncio


async def save() -> None:
    print("saved")


async def main() -> None:
    thing = save()
    print("save() returned a", type(thing).__name__)
    del thing
    print("main ends")


asyncio.run(main())

# Answer: c
# Why: The call makes a coroutine object, which stands before its first line.
#      It runs when somebody calls its `send`. A task does, and through its
#      coroutine for all that it awaits. The warning is Python's, not a loop's.
# Where: miniloop/tasks.py: Task._run
# Prints:
#     save() returned a coroutine
#     main ends
# Warns:
#     m12_calling_runs_nothing.py:19: RuntimeWarning: coroutine 'save' was never awaited
#       del thing
#     RuntimeWarning: Enable tracemalloc to get the object allocation traceback
