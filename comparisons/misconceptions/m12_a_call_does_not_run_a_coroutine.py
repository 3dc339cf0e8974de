"""Calling a coroutine function does not run its code.

`save()` is called but not awaited. What happens?
a) it runs up to its first `await`
b) it runs in the background
c) nothing, except for a warning
"""

import asyncio


async def save() -> None:
    print("saved")


async def main() -> None:
    returned = save()
    print("save() returned a", type(returned).__name__)
    del returned
    print("main ends")


asyncio.run(main())

# Answer: c
# Why: The call returns a coroutine object that has not started. Its code runs
#      when something calls its `send` method. A task does that, and drives
#      every coroutine that is awaited in it. The warning comes from Python.
# Where: miniloop/tasks.py: Task._run
# Prints:
#     save() returned a coroutine
#     main ends
# Warns:
#     m12_a_call_does_not_run_a_coroutine.py:19: RuntimeWarning: coroutine 'save' was never awaited
#       del returned
#     RuntimeWarning: Enable tracemalloc to get the object allocation traceback
