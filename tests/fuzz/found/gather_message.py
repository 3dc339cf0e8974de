"""A cancelled gather has the cancel message of its last argument."""


def program(aio, loop, log, attempt, var, copy_context, work):
    f1 = loop.create_future()

    async def b():
        try:
            log(await aio.gather(aio.sleep(0), f1, aio.sleep(0), return_exceptions=True))
        except BaseException as error:
            log(error)

    t2 = loop.create_task(b())


if __name__ == "__main__":  # run it on asyncio and on miniloop
    import sys
    from pathlib import Path

    sys.path.insert(0, str(Path(__file__).resolve().parents[3]))
    from tests.fuzz.programs import show_script

    sys.exit(show_script(__file__))
