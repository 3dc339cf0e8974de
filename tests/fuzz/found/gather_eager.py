"""A future that an eager child completes while gather starts counts one iteration later."""


def program(aio, loop, log, attempt, var, copy_context, work):
    f1 = loop.create_future()

    async def a():
        log(await aio.gather(f1, c(), return_exceptions=True))

    async def c():
        log(f1.cancel())

    loop.set_task_factory(aio.eager_task_factory)  # since 3.12
    t1 = loop.create_task(a())
    t3 = loop.create_task(c())


if __name__ == "__main__":  # run it on asyncio and on miniloop
    import sys
    from pathlib import Path

    sys.path.insert(0, str(Path(__file__).resolve().parents[3]))
    from tests.fuzz.programs import show_script

    sys.exit(show_script(__file__))
