"""A gather waits for an argument before the next, an eager task, starts to wait for it too."""


def program(aio, loop, log, attempt, var, copy_context, work):
    f1 = loop.create_future()
    gathers = []

    async def a():
        gathers.append(aio.gather(f1, b()))
        f1.set_exception(ValueError())
        await aio.sleep(0)

    async def b():
        try:
            await f1
        except ValueError:
            log(gathers[0].done())

    loop.set_task_factory(aio.eager_task_factory)  # since 3.12
    loop.create_task(a())


if __name__ == "__main__":  # run it on asyncio and on miniloop
    import sys
    from pathlib import Path

    sys.path.insert(0, str(Path(__file__).resolve().parents[3]))
    from tests.fuzz.programs import show_script

    sys.exit(show_script(__file__))
