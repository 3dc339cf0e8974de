"""The last child of a gather ignores its cancellation, which had a message."""


def program(aio, loop, log, attempt, var, copy_context, work):
    f1 = loop.create_future()

    async def a():
        try:
            log(await aio.gather(b(), return_exceptions=True))
        except BaseException as error:
            log(error)

    async def b():
        try:
            log(await f1)
        except aio.CancelledError:
            pass

    t1 = loop.create_task(a())


if __name__ == "__main__":  # run it on asyncio and on miniloop
    import sys
    from pathlib import Path

    sys.path.insert(0, str(Path(__file__).resolve().parents[3]))
    from tests.fuzz.programs import show_script

    sys.exit(show_script(__file__))
