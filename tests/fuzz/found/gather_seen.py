"""A cancelled gather with return_exceptions retrieves all exceptions; none is reported as lost."""


def program(aio, loop, log, attempt, var, copy_context, work):
    f2 = loop.create_future()

    async def a():
        log(await c())

    async def c():
        log(await aio.gather(aio.gather(f2), return_exceptions=True))

    t1 = loop.create_task(a())


if __name__ == "__main__":  # run it on asyncio and on miniloop
    import sys
    from pathlib import Path

    sys.path.insert(0, str(Path(__file__).resolve().parents[3]))
    from tests.fuzz.programs import show_script

    sys.exit(show_script(__file__))
