"""A TaskGroup that is cancelled while an error is handled has that error as its context."""


def program(aio, loop, log, attempt, var, copy_context, work):
    barrier1 = aio.Barrier(3)
    queue1 = aio.Queue(1)

    async def b():
        try:
            try:
                log(await barrier1.wait())
            finally:
                async with aio.TaskGroup() as group1:
                    group1.create_task(c())
        except BaseException as error:
            log(error)

    async def c():
        log(await queue1.get())

    t2 = loop.create_task(b())


if __name__ == "__main__":  # run it on asyncio and on miniloop
    import sys
    from pathlib import Path

    sys.path.insert(0, str(Path(__file__).resolve().parents[3]))
    from tests.fuzz.programs import show_script

    sys.exit(show_script(__file__))
