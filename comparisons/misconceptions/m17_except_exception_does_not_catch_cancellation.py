"""`except Exception` does not catch a cancellation.

A waiting task that catches Exception is cancelled.
Does its `except Exception` clause run?
a) no
b) yes, and the task keeps running
c) yes, and the task is cancelled anyway
"""

import asyncio


async def work() -> None:
    try:
        await asyncio.sleep(10)
    except Exception as error:
        print("except Exception:", type(error).__name__)
    except BaseException as error:
        print("except BaseException:", type(error).__name__)
        raise


async def main() -> None:
    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    print("the task is cancelled:", task.cancelled())


asyncio.run(main())

# Answer: a
# Why: CancelledError is a BaseException, like KeyboardInterrupt, so that code
#      which handles ordinary errors can still be cancelled. Code that catches
#      BaseException, or has a bare `except:`, must raise it again.
# Where: miniloop/exceptions.py: CancelledError
# Prints:
#     except BaseException: CancelledError
#     the task is cancelled: True
