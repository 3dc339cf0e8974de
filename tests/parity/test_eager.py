"""Eager tasks: the first step runs inside create_task()."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from contextvars import ContextVar, copy_context
from typing import Any

from tests.parity.harness import (
    Stage,
    attempt,
    attempt_await,
    describe,
    older_asyncio_differs,
    outcome,
)

since_3_12 = older_asyncio_differs("3.12", "eager tasks do not exist")


def use_eager_tasks(stage: Stage) -> None:
    """Make all new tasks of the running loop eager."""
    stage.aio.get_running_loop().set_task_factory(stage.aio.eager_task_factory)


@since_3_12
def test_an_eager_task_runs_its_first_step_immediately(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def work() -> str:
        log("first step")
        await aio.sleep(0)
        log("second step")
        return "result"

    async def main() -> None:
        use_eager_tasks(stage)
        task = aio.create_task(work())
        log("created", outcome(task))
        log(await task)

    assert stage.run(main) == ["first step", ("created", "pending"), "second step", "result"]


@since_3_12
def test_an_eager_task_that_never_waits_is_done_when_create_task_returns(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def result() -> str:
        return "result"

    async def failing() -> None:
        raise ValueError("immediately")

    async def main() -> None:
        use_eager_tasks(stage)
        loop = aio.get_running_loop()
        loop.call_soon(log, "the next iteration")
        done, failed = aio.create_task(result()), aio.create_task(failing())
        log(outcome(done), outcome(failed))
        log(await done, await attempt_await(failed))
        log(len(aio.all_tasks()), aio.all_tasks() == {aio.current_task()})
        await aio.sleep(0)

    assert stage.run(main) == [
        ("returned 'result'", "raised ValueError: immediately"),
        ("result", "raised ValueError: immediately"),
        (1, True),
        "the next iteration",
    ]


@since_3_12
def test_a_task_that_starts_an_eager_task_in_its_first_step_is_in_all_tasks(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def child() -> None:
        names = {task.get_name() for task in aio.all_tasks()}
        log(len(names), names > {"main", "parent"})  # the name of the child is set after this step

    async def parent() -> None:  # its first step: nothing has registered it yet
        use_eager_tasks(stage)
        await aio.create_task(child(), name="child")

    async def main() -> None:
        aio.current_task().set_name("main")
        await aio.create_task(parent(), name="parent")

    assert stage.run(main) == [(3, True)]


@since_3_12
def test_an_eager_task_is_the_current_task_during_its_first_step(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def work() -> None:
        seen.append(aio.current_task())
        await aio.sleep(0)
        seen.append(aio.current_task())

    seen: list[Any] = []

    async def main() -> None:
        use_eager_tasks(stage)
        main_task = aio.current_task()
        task = aio.create_task(work(), name="child")
        log(seen == [task], aio.current_task() is main_task, task in aio.all_tasks())
        await task
        log(seen == [task, task], task.get_name())

    assert stage.run(main) == [(True, True, True), (True, "child")]


@since_3_12
def test_the_first_step_of_an_eager_task_runs_in_its_own_context(stage: Stage) -> None:
    aio, log = stage.aio, stage.log
    variable: ContextVar[str] = ContextVar("variable", default="unset")

    async def work() -> None:
        log("child sees", variable.get())
        variable.set("set by the child")

    async def main() -> None:
        use_eager_tasks(stage)
        variable.set("set by main")
        await aio.create_task(work())
        log("main keeps", variable.get())

    assert stage.run(main) == [("child sees", "set by main"), ("main keeps", "set by main")]


@since_3_12
def test_eager_tasks_nest_like_calls(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def work(depth: int) -> int:
        log("down", depth)
        if depth:
            task = aio.create_task(work(depth - 1))
            log("created", depth, outcome(task))
            await task
        log("up", depth)
        return depth

    async def main() -> None:
        use_eager_tasks(stage)
        log(outcome(aio.create_task(work(1))))

    assert stage.run(main) == [
        ("down", 1),
        ("down", 0),
        ("up", 0),
        ("created", 1, "returned 0"),
        ("up", 1),
        "returned 1",
    ]


@since_3_12
def test_gather_of_eager_tasks_that_never_wait_is_done_immediately(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def work(number: int) -> int:
        log("runs", number)
        return number

    async def main() -> None:
        use_eager_tasks(stage)
        gathered = aio.gather(work(1), work(2))
        log(outcome(gathered))
        log(await gathered)

    assert stage.run(main) == [("runs", 1), ("runs", 2), "returned [1, 2]", [1, 2]]


@older_asyncio_differs("3.13.2", "the group cancels its parent inside create_task()")
def test_a_group_can_start_more_tasks_after_an_eager_one_that_has_failed(stage: Stage) -> None:
    # gh-128588
    aio, log = stage.aio, stage.log

    async def failing() -> None:
        raise ValueError("immediately")

    async def main() -> None:
        use_eager_tasks(stage)
        work = aio.sleep(10)
        try:
            async with aio.TaskGroup() as group:
                group.create_task(failing())
                log(aio.current_task().cancelling())
                other = group.create_task(work)
                log("two tasks started")
                await aio.sleep(10)
        except* ValueError:
            log(outcome(other), stage.now)
        finally:
            work.close()  # an older asyncio refuses it and leaves it open

    assert stage.run(main) == [0, "two tasks started", ("cancelled", 0.0)]


@older_asyncio_differs("3.15", "groups have no cancel()")
def test_an_eager_task_that_cancels_its_group_is_cancelled_too(stage: Stage) -> None:
    # gh-155418: at the time of cancel(), the group does not know the task.
    aio, log = stage.aio, stage.log

    async def end(group: Any) -> None:
        group.cancel()
        await aio.sleep(10)

    async def main() -> None:
        use_eager_tasks(stage)
        async with aio.TaskGroup() as group:
            task = group.create_task(end(group))
            log(outcome(task))
        log(outcome(task), stage.now)

    assert stage.run(main) == ["pending", ("cancelled", 0.0)]


@since_3_12
def test_an_eager_task_that_raises_immediately_ends_its_group(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def failing() -> None:
        raise ValueError("immediately")

    async def main() -> None:
        use_eager_tasks(stage)
        try:
            async with aio.TaskGroup() as group:
                group.create_task(failing())
                log("the body continues to its next await")
                await aio.sleep(1)
                log("never reached")
        except* ValueError as errors:
            log(describe(errors), stage.now)

    assert stage.run(main) == [
        "the body continues to its next await",
        ("ExceptionGroup: unhandled errors in a TaskGroup [ValueError: immediately]", 0.0),
    ]


@since_3_12
def test_an_eager_task_can_be_cancelled_after_its_first_step(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def work() -> None:
        try:
            await aio.sleep(10)
        finally:
            log("cancelled", stage.now)

    async def main() -> None:
        use_eager_tasks(stage)
        task = aio.create_task(work())
        task.cancel("enough")
        log(await attempt_await(task))

    assert stage.run(main) == [("cancelled", 0.0), "raised CancelledError: enough"]


@since_3_12
def test_an_eager_task_factory_can_use_another_task_class(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    def constructor(coro: Any, **kwargs: Any) -> Any:
        log("constructor", kwargs["eager_start"], kwargs["loop"].is_running())
        return aio.Task(coro, **kwargs)

    async def work() -> None:
        log("runs")

    async def main() -> None:
        factory: Callable[..., Any] = aio.create_eager_task_factory(constructor)
        aio.get_running_loop().set_task_factory(factory)
        task = aio.create_task(work(), name="special")
        log(outcome(task), task.get_name())
        aio.get_running_loop().set_task_factory(None)

    assert stage.run(main) == [("constructor", True, True), "runs", ("returned None", "special")]


@since_3_12
def test_a_task_is_eager_only_in_a_running_loop(stage: Stage) -> None:
    aio, log, loop = stage.aio, stage.log, stage.new_loop()

    async def work() -> str:
        log("runs")
        return "result"

    task = aio.Task(work(), loop=loop, eager_start=True)
    log("created", outcome(task))
    log(loop.run_until_complete(task))

    assert log == [("created", "pending"), "runs", "result"]


@since_3_12
def test_after_its_first_step_an_eager_task_queues_behind_ready_callbacks(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def work(name: str) -> None:
        log(name, "first step")
        await aio.sleep(0)
        log(name, "second step")

    async def main() -> None:
        loop = aio.get_running_loop()
        loop.call_soon(log, "scheduled before")
        lazy = aio.create_task(work("lazy"))
        use_eager_tasks(stage)
        quick = aio.create_task(work("eager"))
        await aio.wait([lazy, quick])

    assert stage.run(main) == [
        ("eager", "first step"),
        "scheduled before",
        ("lazy", "first step"),
        ("eager", "second step"),
        ("lazy", "second step"),
    ]


@since_3_12
def test_a_future_that_an_eager_child_completes_is_counted_one_iteration_later(
    stage: Stage,
) -> None:
    aio, log = stage.aio, stage.log

    async def complete(future: Any) -> None:
        future.set_result("completed")

    async def main() -> None:
        loop = aio.get_running_loop()
        loop.set_task_factory(aio.eager_task_factory)
        first = loop.create_future()
        gathered = aio.gather(first, complete(first))
        log(gathered.done())
        await aio.sleep(0)
        log(gathered.done(), await gathered)

    assert stage.run(main) == [False, (True, ["completed", None])]


@since_3_12
def test_gather_counts_a_foreign_future_that_the_next_argument_completes(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    class ImmediateFuture(aio.Future):  # type: ignore[misc,name-defined]
        """Calls its callbacks immediately and not in the next iteration."""

        def __init__(self) -> None:
            super().__init__()
            self.callbacks: list[Callable[[Any], object]] = []

        def add_done_callback(self, fn: Callable[[Any], object], *, context: Any = None) -> None:
            self.callbacks.append(fn)

        def set_result(self, result: object) -> None:
            super().set_result(result)
            for callback in self.callbacks:
                callback(self)

    async def complete(future: Any) -> str:
        future.set_result("first")
        return "second"

    async def main() -> None:
        use_eager_tasks(stage)
        first = ImmediateFuture()
        log(await aio.gather(first, complete(first)))

    assert stage.run(main) == [["first", "second"]]


@older_asyncio_differs("3.14", "create_task() takes no eager_start")
@older_asyncio_differs("3.15", "gh-157301: no other task runs after it", first="3.14", run=False)
def test_an_eager_task_is_refused_if_its_context_is_in_use(stage: Stage) -> None:
    aio, log = stage.aio, stage.log
    context = copy_context()

    async def work() -> None:
        log("never runs")

    async def main() -> None:
        coro = work()
        log(attempt(context.run, aio.create_task, coro, context=context, eager_start=True)[:42])
        log(inspect.getcoroutinestate(coro))
        coro.close()
        await aio.sleep(0)
        log("the task that tried it goes on", len(aio.all_tasks()))

    assert stage.run(main) == [
        "raised RuntimeError: cannot enter context:",
        "CORO_CREATED",
        ("the task that tried it goes on", 1),
    ]
