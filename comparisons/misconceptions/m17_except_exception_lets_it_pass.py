"""`except Exception` does not catch a cancellation.

A task that catches every Exception is cancelled while it waits.
Does its `except Exception` see that?
a) no
b) yes, and the task runs on
c) yes, and the task ends all the same
"""

import asyncio


async def work() -> None:
    try:
        await asyncio.sleep(10)
    except Exception as error:
        print("except Exception sees", type(error).__name__)
    except BaseException as error:
        print("except BaseException sees", type(error).__name__)
        raise


async def main() -> None:
    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    print("the task is cancelled:", task.cancelled())


asyncio.run(main())

# Answer: a
# Why: CancelledError is a BaseException, as KeyboardInterrupt is, so
#      that code which is only careful about errors can be cancelled. Who
#      catches BaseException, or uses a bare `except:`, has to raise it again.
# Where: miniloop/exceptions.py: CancelledError
# Prints:
#     except BaseException sees CancelledError
#     the task is cancelled: True
