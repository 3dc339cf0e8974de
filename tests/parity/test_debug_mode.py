"""Debug mode goes on and off: kept bound methods follow it, and a program's own methods stay."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from tests.parity.harness import Stage, attempt

#: The scheduling methods, with the arguments before the callback.
SCHEDULE: dict[str, tuple[Any, ...]] = {
    "call_soon": (),
    "call_soon_threadsafe": (),
    "call_later": (0,),
    "call_at": (0,),
}

each_method = pytest.mark.parametrize("name", SCHEDULE)


def fail() -> None:
    raise ValueError


@each_method
def test_a_bound_method_that_is_kept_follows_debug_mode(stage: Stage, name: str) -> None:
    log, loop = stage.log, stage.new_loop()
    loop.set_exception_handler(lambda _, context: log("source_traceback" in context))
    kept = [getattr(loop, name)]
    for debug in (True, False, True, False):
        loop.set_debug(debug)
        kept.append(getattr(loop, name))
        for method in kept:
            method(*SCHEDULE[name], fail)
        loop.call_soon(loop.call_soon, loop.stop)
        loop.run_forever()
        log("debug" if debug else "no debug")

    assert log == [
        *(*[True] * 2, "debug", *[False] * 3, "no debug"),
        *(*[True] * 4, "debug", *[False] * 5, "no debug"),
    ]


@each_method
def test_a_bound_method_that_is_kept_checks_its_callback_in_debug_mode(
    stage: Stage, name: str
) -> None:
    log, loop = stage.log, stage.new_loop()

    async def coroutine_function() -> None: ...

    before = getattr(loop, name)
    loop.set_debug(True)
    inside = getattr(loop, name)
    log([attempt(kept, *SCHEDULE[name], None) for kept in (before, inside)])
    log([attempt(kept, *SCHEDULE[name], coroutine_function) for kept in (before, inside)])
    loop.set_debug(False)
    for kept in (before, inside):
        kept(*SCHEDULE[name], None).cancel()
        kept(*SCHEDULE[name], coroutine_function).cancel()

    method = "call_at" if name == "call_later" else name
    assert log == [
        [f"raised TypeError: a callable object was expected by {method}(), got None"] * 2,
        [f"raised TypeError: coroutines cannot be used with {method}()"] * 2,
    ]


@each_method
def test_a_bound_method_that_is_kept_checks_the_thread_in_debug_mode(
    stage: Stage, name: str
) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        loop = aio.get_running_loop()
        method = getattr(loop, name)

        def schedule() -> None:
            handle = method(*SCHEDULE[name], print)
            handle.cancel()

        for debug in (False, True, False):
            loop.set_debug(debug)
            result: list[str] = []
            thread = threading.Thread(target=lambda into=result: into.append(attempt(schedule)))
            thread.start()
            thread.join()
            log(*result)

    right, wrong = "returned None", "raised RuntimeError: Non-thread-safe operation invoked on an"
    wrong += " event loop other than the current one"
    in_debug = right if name == "call_soon_threadsafe" else wrong
    assert stage.run(main) == [right, in_debug, right]


@each_method
def test_a_method_that_the_program_replaced_stays_in_debug_mode_and_after_it(
    stage: Stage, name: str
) -> None:
    log, loop = stage.log, stage.new_loop()
    original = getattr(loop, name)

    def own(*args: Any, **options: Any) -> Any:
        log(f"own {name}")
        return original(*args, **options)

    setattr(loop, name, own)
    for debug in (True, False, True):
        loop.set_debug(debug)
        log(getattr(loop, name) is own)
        getattr(loop, name)(*SCHEDULE[name], log, "called")
        loop.run_until_complete(loop.run_in_executor(None, int))
    loop.close()
    log(getattr(loop, name) is own)

    scheduled = [step for step in log if step != f"own {name}"]
    assert scheduled == [True, "called"] * 3 + [True]
    assert log.index(f"own {name}") == 1


def test_a_call_soon_that_the_program_replaced_is_called_by_other_objects(stage: Stage) -> None:
    log, loop = stage.log, stage.new_loop()
    original = loop.call_soon

    def own(callback: Any, *args: Any, context: Any = None) -> Any:
        log(getattr(callback, "__name__", "?"))
        return original(callback, *args, context=context)

    def done(_: Any) -> None:
        """A done-callback."""

    loop.call_soon = own
    for debug in (True, False):
        loop.set_debug(debug)
        future = loop.create_future()
        future.set_result(None)
        future.add_done_callback(done)
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.close()

    assert log.count("done") == 2


def test_set_debug_of_a_running_loop_calls_its_call_soon_threadsafe(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        loop = aio.get_running_loop()
        original = loop.call_soon_threadsafe

        def own(callback: Any, *args: Any, context: Any = None) -> Any:
            log(args)
            return original(callback, *args, context=context)

        loop.call_soon_threadsafe = own
        loop.set_debug(True)
        loop.set_debug(False)
        del loop.call_soon_threadsafe
        await aio.sleep(0)

    assert stage.run(main) == [(True,), (False,)]


@pytest.mark.parametrize("debug", [False, True])
def test_a_loop_can_be_made_to_call_a_method_of_its_own_class(stage: Stage, debug: bool) -> None:
    log = stage.log

    class Loop(stage.aio.SelectorEventLoop):  # type: ignore[misc, name-defined]
        def call_soon(self, callback: Any, *args: Any, context: Any = None) -> Any:
            log("own")
            return super().call_soon(callback, *args, context=context)

    loop = Loop()
    loop.set_debug(debug)
    loop.call_soon(log, "called")
    loop.call_soon(loop.stop)
    loop.run_forever()
    loop.set_debug(not debug)
    loop.call_soon(log, "called again")
    loop.call_soon(loop.stop)
    loop.run_forever()
    loop.close()

    assert log == ["own", "own", "called", "own", "own", "called again"]
