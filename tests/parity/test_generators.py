"""Generator-based coroutines: what a task does with what is yielded to it."""

from __future__ import annotations

import types
from collections.abc import Coroutine, Generator
from typing import Any

from tests.parity.harness import (
    Stage,
    attempt,
    attempt_await,
    normalise,
    older_asyncio_differs,
    outcome,
)


@types.coroutine
def yielding(thing: Any) -> Generator[Any, Any, None]:
    yield thing


async def passing_on(thing: Any) -> None:
    """Give a task something to deal with that is no future of its loop."""
    await yielding(thing)


def test_a_task_drives_a_generator_based_coroutine(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    @types.coroutine
    def work() -> Generator[Any, Any, str]:
        log("begins")
        yield from aio.sleep(1)
        log("goes on", stage.now)
        yield from aio.Task(aio.sleep(1), loop=aio.get_running_loop())
        log("goes on", stage.now)
        return "result"

    async def main() -> None:
        log(await work())

    assert stage.run(main) == ["begins", ("goes on", 1.0), ("goes on", 2.0), "result"]


@older_asyncio_differs("3.12", "a task takes any generator for a coroutine")
def test_a_task_is_not_made_of_a_generator_as_such(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        generator = yielding(None)
        log(aio.iscoroutine(generator), attempt(aio.create_task, generator))

    refusal = "a coroutine was expected, got <generator object yielding at 0x…>"
    assert stage.run(main) == [(False, f"raised TypeError: {refusal}")]


def test_a_task_drives_whatever_has_the_methods_of_a_coroutine(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    class TwoTurns(Coroutine[None, Any, str]):
        turns = 2

        def send(self, value: Any) -> None:
            log("send", value)
            if not self.turns:
                raise StopIteration("result")
            self.turns -= 1

        def throw(self, *error: Any) -> None:
            log("throw", type(error[0]).__name__)
            raise error[0]

        def close(self) -> None:
            log("close")

        def __await__(self) -> Generator[Any, Any, str]:
            raise AssertionError("a task does not await its coroutine, it drives it")

    async def main() -> None:
        log(await aio.create_task(TwoTurns()))
        cancelled = aio.create_task(TwoTurns())
        cancelled.cancel()
        log(await attempt_await(cancelled))

    assert stage.run(main) == [
        ("send", None),
        ("send", None),
        ("send", None),
        "result",
        ("throw", "CancelledError"),
        "raised CancelledError",
    ]


def test_a_bare_yield_gives_up_the_turn(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    @types.coroutine
    def turn() -> Generator[None, None, None]:
        log("sent in", (yield))

    async def work(name: str) -> None:
        log(name, "before")
        await turn()
        log(name, "after")

    async def main() -> None:
        await aio.gather(work("a"), work("b"))

    assert stage.run(main) == [
        ("a", "before"),
        ("b", "before"),
        ("sent in", None),
        ("a", "after"),
        ("sent in", None),
        ("b", "after"),
    ]


def test_native_and_generator_based_coroutines_await_each_other(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def native() -> str:
        await aio.sleep(1)
        return "native"

    @types.coroutine
    def generator_based() -> Generator[Any, Any, str]:
        result = yield from native()
        return f"generator-based around {result}"

    async def main() -> None:
        log(await generator_based(), stage.now)

    assert stage.run(main) == [("generator-based around native", 1.0)]


def test_an_exception_reaches_the_generator_where_it_waits(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    @types.coroutine
    def steps(future: Any) -> Generator[Any, Any, str]:
        try:
            yield from future
        except ValueError as error:
            log("caught", str(error))
        try:
            yield
        except aio.CancelledError:
            log("cancelled")
            raise
        return "result"

    async def work(future: Any) -> None:
        await steps(future)

    async def main() -> None:
        future = aio.Future()
        task = aio.create_task(work(future))
        await aio.sleep(0)
        future.set_exception(ValueError("from the future"))
        await aio.sleep(0)
        task.cancel()
        log(await attempt_await(task))

    assert stage.run(main) == [("caught", "from the future"), "cancelled", "raised CancelledError"]


def test_a_wrong_yield_is_an_error_in_the_coroutine(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    @types.coroutine
    def forgiving() -> Generator[Any, Any, str]:
        try:
            yield "nonsense"
        except RuntimeError as error:
            log("told", normalise(str(error)).rpartition("got")[2])
        return "goes on"

    async def main() -> None:
        log(await forgiving())
        log(await attempt_await(aio.create_task(passing_on(3))))

    assert stage.run(main) == [
        ("told", " bad yield: 'nonsense'"),
        "goes on",
        "raised RuntimeError: Task got bad yield: 3",
    ]


def test_a_future_must_be_yielded_from_not_yielded(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        future = aio.Future()
        told = await attempt_await(aio.create_task(passing_on(future)))
        log(told.partition(" in task ")[0])
        log(outcome(future))

    assert stage.run(main) == [
        "raised RuntimeError: yield was used instead of yield from",
        "pending",
    ]


def test_a_generator_must_be_yielded_from_not_yielded(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    def plain() -> Generator[None, None, None]:
        yield

    async def main() -> None:
        told = await attempt_await(aio.create_task(passing_on(plain())))
        log(told.partition(" in task ")[0].partition(" for ")[0])

    assert stage.run(main) == ["raised RuntimeError: yield was used instead of yield from"]


def test_a_future_of_another_loop_cannot_be_awaited(stage: Stage) -> None:
    aio, log = stage.aio, stage.log
    foreign = stage.new_loop().create_future()

    async def work() -> None:
        await foreign

    async def main() -> None:
        told = await attempt_await(aio.create_task(work(), name="worker"))
        log(told.partition(" coro=")[0], told.rpartition("> ")[2])

    assert stage.run(main) == [
        ("raised RuntimeError: Task <Task pending name='worker'", "attached to a different loop")
    ]
