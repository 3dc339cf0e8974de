"""Generator-based coroutines, and what a task does with the values they yield."""

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


async def yielding_to_task(thing: Any) -> None:
    """Yield `thing` to the task instead of a future of its loop."""
    await yielding(thing)


def test_a_task_runs_a_generator_based_coroutine(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    @types.coroutine
    def work() -> Generator[Any, Any, str]:
        log("starts")
        yield from aio.sleep(1)
        log("continues", stage.now)
        yield from aio.Task(aio.sleep(1), loop=aio.get_running_loop())
        log("continues", stage.now)
        return "result"

    async def main() -> None:
        log(await work())

    assert stage.run(main) == ["starts", ("continues", 1.0), ("continues", 2.0), "result"]


@older_asyncio_differs("3.12", "a task accepts any generator")
def test_a_task_cannot_be_made_of_a_plain_generator(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        generator = yielding(None)
        log(aio.iscoroutine(generator), attempt(aio.create_task, generator))

    refusal = "a coroutine was expected, got <generator object yielding at 0x…>"
    assert stage.run(main) == [(False, f"raised TypeError: {refusal}")]


def test_a_task_runs_any_object_with_the_methods_of_a_coroutine(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    class TwoSteps(Coroutine[None, Any, str]):
        remaining = 2

        def send(self, value: Any) -> None:
            log("send", value)
            if not self.remaining:
                raise StopIteration("result")
            self.remaining -= 1

        def throw(self, *error: Any) -> None:
            log("throw", type(error[0]).__name__)
            raise error[0]

        def close(self) -> None:
            log("close")

        def __await__(self) -> Generator[Any, Any, str]:
            raise AssertionError("a task does not await its coroutine, it calls send()")

    async def main() -> None:
        log(await aio.create_task(TwoSteps()))
        cancelled = aio.create_task(TwoSteps())
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


def test_a_bare_yield_runs_one_iteration(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    @types.coroutine
    def bare_yield() -> Generator[None, None, None]:
        log("sent in", (yield))

    async def work(name: str) -> None:
        log(name, "before")
        await bare_yield()
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


def test_native_and_generator_based_coroutines_can_await_each_other(stage: Stage) -> None:
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


def test_an_exception_is_raised_where_the_generator_waits(stage: Stage) -> None:
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


def test_yielding_a_wrong_object_raises_in_the_coroutine(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    @types.coroutine
    def catching() -> Generator[Any, Any, str]:
        try:
            yield "nonsense"
        except RuntimeError as error:
            log("caught", normalise(str(error)).rpartition("got")[2])
        return "continues"

    async def main() -> None:
        log(await catching())
        log(await attempt_await(aio.create_task(yielding_to_task(3))))

    assert stage.run(main) == [
        ("caught", " bad yield: 'nonsense'"),
        "continues",
        "raised RuntimeError: Task got bad yield: 3",
    ]


def test_yielding_a_future_without_yield_from_raises(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        future = aio.Future()
        message = await attempt_await(aio.create_task(yielding_to_task(future)))
        log(message.partition(" in task ")[0])
        log(outcome(future))

    assert stage.run(main) == [
        "raised RuntimeError: yield was used instead of yield from",
        "pending",
    ]


def test_yielding_a_generator_without_yield_from_raises(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    def plain() -> Generator[None, None, None]:
        yield

    async def main() -> None:
        message = await attempt_await(aio.create_task(yielding_to_task(plain())))
        log(message.partition(" in task ")[0].partition(" for ")[0])

    assert stage.run(main) == ["raised RuntimeError: yield was used instead of yield from"]


def test_a_future_of_another_loop_cannot_be_awaited(stage: Stage) -> None:
    aio, log = stage.aio, stage.log
    foreign = stage.new_loop().create_future()

    async def work() -> None:
        await foreign

    async def main() -> None:
        message = await attempt_await(aio.create_task(work(), name="worker"))
        log(message.partition(" coro=")[0], message.rpartition("> ")[2])

    assert stage.run(main) == [
        ("raised RuntimeError: Task <Task pending name='worker'", "attached to a different loop")
    ]
