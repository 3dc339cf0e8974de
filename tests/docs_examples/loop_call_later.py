"""A callback schedules itself again, up to a given time of the loop's clock.

Prints:
    tick 1
    tick 2
    tick 3
    not too early: True
    the last timer was cancelled: True
"""

import asyncio


def tick(number: int, last: int, loop: asyncio.AbstractEventLoop) -> None:
    print("tick", number)
    if number < last:
        loop.call_later(0.01, tick, number + 1, last, loop)
    else:
        loop.stop()


def main() -> None:
    loop = asyncio.new_event_loop()
    start = loop.time()
    alarm = loop.call_at(start + 3600, print, "never")
    loop.call_soon(tick, 1, 3, loop)
    try:
        loop.run_forever()
        print("not too early:", loop.time() - start >= 0.019)
        alarm.cancel()
        print("the last timer was cancelled:", alarm.cancelled())
    finally:
        loop.close()


if __name__ == "__main__":
    main()
