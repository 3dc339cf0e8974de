"""wait() removes its timer immediately; otherwise the order of equal timers would differ."""


def program(aio, loop, log, attempt, var, copy_context, work):
    f1 = loop.create_future()
    f2 = loop.create_future()
    event1 = aio.Event()
    semaphore1 = aio.BoundedSemaphore(1)

    def on2(*args):
        log(t1)

    async def a():
        log(await b())

    async def b():
        log(await aio.wait([f1], timeout=0.2))
        loop.call_later(0.1, on2, 6)

    t1 = loop.create_task(a())
    t2 = loop.create_task(b())
    loop.call_later(0.1, f1.set_result, 11)
    loop.call_later(0.2, f2.set_result, 12)
    loop.call_later(0.1, event1.set)
    loop.call_later(0.2, semaphore1.release)


if __name__ == "__main__":  # run it on asyncio and on miniloop
    import sys
    from pathlib import Path

    sys.path.insert(0, str(Path(__file__).resolve().parents[3]))
    from tests.fuzz.programs import show_script

    sys.exit(show_script(__file__))
