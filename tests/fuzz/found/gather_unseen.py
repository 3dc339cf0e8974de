"""A gather with return_exceptions retrieves no exception until all of its children are done."""


def program(aio, loop, log, attempt, var, copy_context, work):
    f2 = loop.create_future()
    barrier1 = aio.Barrier(3)
    queue2 = aio.Queue(1)

    async def a():
        mine1 = aio.create_task(b())

    async def b():
        try:
            try:
                log(await f2)
            except aio.CancelledError as error:
                pass
            log(await queue2.put(10))
        except aio.CancelledError as error:
            log(await aio.gather(aio.gather(t3), barrier1.wait(), return_exceptions=True))

    async def c():
        log(aio.current_task().cancel())

    t1 = loop.create_task(a())
    t2 = loop.create_task(b())
    t3 = loop.create_task(c())


if __name__ == "__main__":  # run it on asyncio and on miniloop
    import sys
    from pathlib import Path

    sys.path.insert(0, str(Path(__file__).resolve().parents[3]))
    from tests.fuzz.programs import show_script

    sys.exit(show_script(__file__))
