"""An eager task in its creator's context: before 3.15, the accelerator runs no task after it."""


def program(aio, loop, log, attempt, var, copy_context, work):
    context1 = copy_context()

    def on1(*args):
        loop.set_exception_handler(lambda loop, context: log(context["message"]))

    async def c():
        mine1 = aio.create_task(d(), context=context1)

    async def d():
        try:
            mine1 = aio.create_task(e(), eager_start=True, context=context1)  # since 3.14
        except BaseException as error:
            log(error)

    async def e():
        pass

    t3 = loop.create_task(c())
    handle2 = loop.call_soon(on1, 16)


if __name__ == "__main__":  # run it on asyncio and on miniloop
    import sys
    from pathlib import Path

    sys.path.insert(0, str(Path(__file__).resolve().parents[3]))
    from tests.fuzz.programs import show_script

    sys.exit(show_script(__file__))
