"""What no other scenario asks: lines of miniloop that could be left out and nobody would know.

Each scenario was written for faults planted in the source, by `python -m tests.mutation`, that all
the others had let pass.
"""

from __future__ import annotations

import contextlib
import gc
import weakref
from collections.abc import Generator, Iterator
from typing import Any

from tests.parity.harness import (
    Stage,
    attempt,
    attempt_await,
    older_asyncio_differs,
    outcome,
)

since_3_12 = older_asyncio_differs("3.12", "there are no eager tasks")


@contextlib.contextmanager
def without_the_collector() -> Iterator[None]:
    """What goes in here goes because nothing refers to it, cycles included."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


class Failure(Exception):
    """An exception that can be weakly referred to."""


# --- futures --------------------------------------------------------------------------------------


def test_a_future_that_was_never_begun_says_so(stage: Stage) -> None:
    future = stage.aio.Future.__new__(stage.aio.Future)
    assert attempt(future.get_loop) == "raised RuntimeError: Future object is not initialized."


def test_cancelling_what_has_failed_counts_as_asking_for_the_exception(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def fail() -> None:
        raise Failure("in a task")

    async def main() -> None:
        future = aio.get_running_loop().create_future()
        future.set_exception(Failure("in a future"))
        task = aio.create_task(fail())
        await aio.sleep(0)
        log(future.cancel(), task.cancel(), task.cancelling())

    stage.run(main)
    stage.collect()
    assert stage.log == [(False, False, 0)]
    assert stage.logged() == []


def test_asking_for_the_result_makes_no_cycle(stage: Stage) -> None:
    loop = stage.new_loop()
    with without_the_collector():
        future, error = loop.create_future(), Failure()
        gone = weakref.ref(error)
        future.set_exception(error)
        del error
        with contextlib.suppress(Failure):
            future.result()
        del future
        assert gone() is None


def test_the_cancelled_error_of_a_task_is_raised_once_and_after_that_new_ones(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        task = aio.create_task(aio.sleep(1))
        await aio.sleep(0)
        task.cancel("enough")
        await aio.wait([task])
        log(*[attempt(task.result) for _ in range(3)])

    assert stage.run(main) == [
        ("raised CancelledError: enough", "raised CancelledError", "raised CancelledError")
    ]


def test_a_future_that_is_its_own_result_can_be_shown(stage: Stage) -> None:
    future = stage.new_loop().create_future()
    future.set_result([future])
    assert repr(future) == "<Future finished result=[...]>"


def test_a_report_has_the_future_as_the_program_has_made_it(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    class Promise(aio.Future):  # type: ignore[misc, name-defined]
        pass

    class Job(aio.Task):  # type: ignore[misc, name-defined]
        pass

    def handler(loop: Any, context: dict[str, Any]) -> None:
        future = context["future"]
        log(type(future).__name__, future.label, outcome(future))

    async def fail() -> None:
        raise Failure

    async def main() -> None:
        loop = aio.get_running_loop()
        loop.set_exception_handler(handler)
        future = Promise(loop=loop)
        future.set_exception(Failure())
        task = Job(fail(), loop=loop)
        future.label, task.label = "mine", "yours"
        await aio.sleep(0)
        del future
        stage.collect()
        del task
        stage.collect()

    assert stage.run(main) == [
        ("Promise", "mine", "raised Failure"),
        ("Job", "yours", "raised Failure"),
    ]


# --- tasks ----------------------------------------------------------------------------------------


def test_a_task_made_by_its_class_belongs_to_the_running_loop_and_is_known(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        task = aio.Task(aio.sleep(0, "slept"))
        log(task.get_loop() is aio.get_running_loop(), task in aio.all_tasks())
        log(await task)

    assert stage.run(main) == [(True, True), "slept"]


@since_3_12
def test_an_eager_task_that_has_ended_has_no_coroutine(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def at_once() -> str:
        return "result"

    async def main() -> None:
        aio.get_running_loop().set_task_factory(aio.eager_task_factory)
        task = aio.create_task(at_once())
        log(outcome(task), task.get_coro())

    assert stage.run(main) == [("returned 'result'", None)]


@since_3_12
def test_who_has_started_an_eager_task_is_not_kept(stage: Stage) -> None:
    aio = stage.aio

    async def at_once() -> None:
        pass

    async def start_one() -> None:
        aio.get_running_loop().set_task_factory(aio.eager_task_factory)
        aio.create_task(at_once())
        aio.get_running_loop().set_task_factory(None)

    async def main() -> None:
        task = aio.create_task(start_one())
        gone = weakref.ref(task)
        await task
        del task
        await aio.sleep(0)
        stage.collect()
        assert gone() is None

    assert stage.run(main) == []


def test_a_failed_task_and_its_exception_make_no_cycle(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def fail() -> None:
        raise Failure

    async def main() -> None:
        task = aio.create_task(fail())
        gone = weakref.ref(task)
        with contextlib.suppress(Failure):
            await task
        del task
        await aio.sleep(0)
        log(gone())

    with without_the_collector():
        assert stage.run(main) == [None]


def test_a_task_that_fails_with_what_it_awaits_makes_no_cycle(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def await_one(futures: list[Any]) -> None:
        await futures.pop()

    async def main() -> None:
        future, error = aio.get_running_loop().create_future(), Failure()
        gone = weakref.ref(error)
        aio.get_running_loop().call_soon(future.set_exception, error)
        task = aio.create_task(await_one([future]))
        del future, error
        with contextlib.suppress(Failure):
            await task
        del task
        await aio.sleep(0)
        log(gone())

    with without_the_collector():
        assert stage.run(main) == [None]


def test_who_cancels_itself_and_is_refused_by_what_it_awaits_goes_on(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def refuse() -> str:
        try:
            await aio.sleep(1)
        except aio.CancelledError:
            log("refused")
        return "result"

    async def work(other: Any) -> None:
        aio.current_task().cancel()
        log(await other)
        await aio.sleep(0)
        log("goes on")

    async def main() -> None:
        other = aio.create_task(refuse())
        await aio.sleep(0)
        log(await attempt_await(aio.create_task(work(other))))

    assert stage.run(main) == ["refused", "result", "goes on", "returned None"]


class Twice:
    """Awaits a future as one does, and then hands it to the task by a plain yield."""

    def __init__(self, future: Any) -> None:
        self.future = future

    def __await__(self) -> Generator[Any, None, str]:
        yield from self.future.__await__()
        yield self.future
        return "the plain yield was taken for an await"


def test_a_future_that_was_awaited_may_still_not_be_yielded(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        future = aio.get_running_loop().create_future()
        aio.get_running_loop().call_soon(future.set_result, None)
        log((await attempt_await(Twice(future))).partition(" in task")[0])

    assert stage.run(main) == ["raised RuntimeError: yield was used instead of yield from"]


def test_a_future_that_raises_by_a_result_of_its_own_is_asked(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    class Stubborn(aio.Future):  # type: ignore[misc, name-defined]
        def result(self) -> Any:
            raise Failure("its own")

    async def main() -> None:
        future = Stubborn(loop=aio.get_running_loop())
        aio.get_running_loop().call_soon(future.set_result, "result")
        log(await attempt_await(future))

    assert stage.run(main) == ["raised Failure: its own"]


def test_a_loop_may_have_a_create_task_that_knows_no_context(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        loop = aio.get_running_loop()
        create_task = loop.create_task
        loop.create_task = lambda coro, *, name=None: create_task(coro, name=name)
        log(await aio.create_task(aio.sleep(0, "slept")))
        async with aio.TaskGroup() as group:
            task = group.create_task(aio.sleep(0, "grouped"))
        log(task.result())

    assert stage.run(main) == ["slept", "grouped"]


def test_a_coroutine_that_no_loop_takes_is_closed(stage: Stage) -> None:
    aio, log = stage.aio, stage.log
    loop = stage.new_loop()
    loop.close()
    with stage.warnings_logged():
        log(attempt(aio.ensure_future, aio.sleep(0), loop=loop))
        stage.collect()
    assert log == ["raised RuntimeError: Event loop is closed"]


def test_a_loop_of_another_kind_has_a_current_task_too(stage: Stage) -> None:
    tasks, log = stage.aio.tasks, stage.log

    class Loop:
        pass

    async def main() -> None:
        task = stage.aio.current_task()
        loop = Loop()
        log(tasks.current_task(loop))
        tasks._enter_task(loop, task)
        log(tasks.current_task(loop) is task, attempt(tasks._leave_task, loop, None)[:19])
        tasks._leave_task(loop, task)
        log(tasks.current_task(loop))

    assert stage.run(main) == [None, (True, "raised RuntimeError"), None]
