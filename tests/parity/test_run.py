"""run and Runner: running a main coroutine and cleaning up after it."""

from __future__ import annotations

import contextvars
import os
import warnings
from collections.abc import AsyncIterator, Generator
from typing import Any

import pytest

from tests.parity.harness import Stage, attempt, older_asyncio_differs


@older_asyncio_differs("3.12", "run() has no loop_factory")
def test_run_returns_the_result_of_the_main_coroutine(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> str:
        log("running", aio.get_running_loop().get_debug())
        return "result"

    log(aio.run(main(), loop_factory=stage.new_loop))
    log(aio.run(main(), debug=True, loop_factory=stage.new_loop))

    assert log == [("running", False), "result", ("running", True), "result"]


def test_run_creates_a_new_loop_and_closes_it(stage: Stage) -> None:
    aio, log = stage.aio, stage.log
    loops: list[Any] = []

    async def main() -> None:
        loops.append(aio.get_running_loop())

    aio.run(main())
    aio.run(main())
    log(loops[0] is loops[1], [loop.is_closed() for loop in loops])
    log(attempt(aio.get_running_loop))

    assert log == [(False, [True, True]), "raised RuntimeError: no running event loop"]


@pytest.mark.parametrize("debug", [True, False])
def test_run_sets_debug_mode(stage: Stage, debug: bool) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        log(aio.get_running_loop().get_debug() is debug)

    aio.run(main(), debug=debug)

    assert log == [True]


def test_run_raises_the_exception_of_the_main_coroutine(stage: Stage) -> None:
    async def main() -> None:
        raise ValueError("from main")

    with pytest.raises(ValueError, match="from main"):
        stage.run(main)


def test_remaining_tasks_are_cancelled_and_awaited(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    left: list[Any] = []

    async def remaining(name: str, cleanup: float) -> None:
        try:
            await aio.sleep(100)
        finally:
            await aio.sleep(cleanup)
            log(name, "is done", stage.now)

    async def main() -> None:
        left.append(aio.create_task(remaining("slow", 2)))
        left.append(aio.create_task(remaining("quick", 1)))
        await aio.sleep(1)
        log("main is done")

    assert stage.run(main) == ["main is done", ("quick", "is done", 2.0), ("slow", "is done", 3.0)]


def test_exceptions_of_remaining_tasks_are_reported(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def remaining() -> None:
        try:
            await aio.sleep(100)
        finally:
            raise ValueError("in the clean-up")

    async def main() -> None:
        aio.get_running_loop().set_exception_handler(stage.report)
        task = aio.create_task(remaining())
        await aio.sleep(1)
        log("main is done", task.done())

    assert stage.run(main) == [
        ("main is done", False),
        (
            "report",
            "unhandled exception during asyncio.run() shutdown",
            "ValueError: in the clean-up",
        ),
    ]


def test_open_asynchronous_generators_are_closed(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    left: list[Any] = []

    async def numbers() -> AsyncIterator[int]:
        try:
            yield 1
            yield 2
        finally:
            await aio.sleep(1)
            log("the generator is closed", stage.now)

    async def main() -> None:
        left.append(numbers())
        log(await anext(left[0]))

    assert stage.run(main) == [1, ("the generator is closed", 1.0)]


def test_a_runner_runs_several_coroutines_on_one_loop(stage: Stage) -> None:
    aio, log = stage.aio, stage.log
    variable = contextvars.ContextVar("variable", default=0)

    async def main() -> tuple[int, Any]:
        variable.set(variable.get() + 1)
        return variable.get(), aio.get_running_loop()

    with aio.Runner(loop_factory=stage.new_loop) as runner:
        (first, loop), (second, same) = runner.run(main()), runner.run(main())
        log(first, second, variable.get())
        log(loop is same is runner.get_loop(), loop.is_closed())
    log(loop.is_closed())

    assert log == [(1, 2, 0), (True, False), True]


def test_a_runner_accepts_a_context_for_one_run(stage: Stage) -> None:
    aio, log = stage.aio, stage.log
    variable = contextvars.ContextVar("variable", default="unset")

    async def main() -> str:
        before = variable.get()
        variable.set("set by main")
        return before

    context = contextvars.copy_context()
    context.run(variable.set, "given")
    with aio.Runner(loop_factory=stage.new_loop) as runner:
        log(runner.run(main(), context=context), runner.run(main()))
    log(context[variable], variable.get())

    assert log == [("given", "unset"), ("set by main", "unset")]


def test_tasks_survive_between_two_runs_of_a_runner(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def background() -> None:
        for tick in range(3):
            log("tick", tick, stage.now)
            await aio.sleep(2)

    async def start() -> Any:
        task = aio.create_task(background())
        await aio.sleep(1)
        return task

    async def finish(task: Any) -> None:
        await task

    with aio.Runner(loop_factory=stage.new_loop) as runner:
        task = runner.run(start())
        log("between the runs", task.done())
        runner.run(finish(task))

    assert log == [
        ("tick", 0, 0.0),
        ("between the runs", False),
        ("tick", 1, 2.0),
        ("tick", 2, 4.0),
    ]


def test_a_runner_creates_its_loop_when_it_is_needed_and_closes_it_once(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    def factory() -> Any:
        log("made")
        return stage.new_loop()

    unused = aio.Runner(loop_factory=factory)
    unused.close()
    runner = aio.Runner(loop_factory=factory)
    loop = runner.get_loop()
    log(runner.get_loop() is loop)
    runner.close()
    runner.close()
    log(loop.is_closed(), attempt(runner.get_loop))

    async def main() -> None:
        pass

    coroutine = main()
    log(attempt(runner.run, coroutine))
    coroutine.close()

    assert log == [
        "made",
        True,
        (True, "raised RuntimeError: Runner is closed"),
        "raised RuntimeError: Runner is closed",
    ]


def test_run_inside_a_running_loop_raises(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def nested() -> None:
        log("never reached")

    runner = aio.Runner(loop_factory=stage.new_loop)

    async def main() -> None:
        coroutine = nested()
        log(attempt(aio.run, coroutine))
        log(attempt(runner.run, coroutine))
        coroutine.close()

    stage.run(main)
    runner.close()
    assert log == [
        "raised RuntimeError: asyncio.run() cannot be called from a running event loop",
        "raised RuntimeError: Runner.run() cannot be called from a running event loop",
    ]


@older_asyncio_differs("3.14", "raises ValueError")
def test_run_refuses_what_cannot_be_awaited(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        pass

    for wrong in (3, main, None):
        log(attempt(aio.run, wrong))
    with aio.Runner() as runner:
        log(attempt(runner.run, 3))
    log(attempt(runner.run, 3))

    needed = "raised TypeError: An asyncio.Future, a coroutine or an awaitable is required"
    assert log == [needed, needed, needed, needed, "raised RuntimeError: Runner is closed"]


@older_asyncio_differs("3.14", "accepts only coroutines")
def test_run_accepts_any_awaitable(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    class Answer:
        def __await__(self) -> Generator[Any, None, Any]:
            log("task", aio.current_task() is not None)
            return (yield from aio.sleep(1, 42).__await__())

    log(aio.run(Answer(), loop_factory=stage.new_loop))
    with aio.Runner(loop_factory=stage.new_loop) as runner:
        future = runner.get_loop().create_future()
        runner.get_loop().call_later(1, future.set_result, "from a future")
        log(runner.run(future))

    assert log == [("task", True), 42, "from a future"]


def test_a_main_coroutine_that_is_cancelled_raises_cancelled_error(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        aio.current_task().cancel("by itself")
        await aio.sleep(1)

    log(attempt(stage.run, main))

    assert log == ["raised CancelledError: by itself"]


@older_asyncio_differs("3.14.1", "gh-139894: the child has the current task of the parent")
def test_a_forked_child_has_no_current_task(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        loop = aio.get_running_loop()
        reading, writing = os.pipe()
        with warnings.catch_warnings(action="ignore"):  # other tests may have left threads
            child = os.fork()
        if not child:
            try:
                os.write(writing, repr(aio.current_task(loop)).encode())
            finally:
                os._exit(0)
        os.close(writing)
        with open(reading, "rb") as pipe:
            log(pipe.read(), aio.current_task(loop) is aio.current_task())
        os.waitpid(child, 0)

    assert stage.run(main) == [(b"None", True)]
