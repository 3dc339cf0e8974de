"""Tasks: creation, names, state, stack, and what wakes a task that awaits another."""

from __future__ import annotations

import contextlib
import contextvars
import io
import sys
import warnings
from collections.abc import Callable, Generator
from typing import Any

import pytest

from tests.parity.harness import (
    Stage,
    attempt,
    attempt_await,
    normalise,
    older_asyncio_differs,
    outcome,
)


def test_tasks_start_in_the_next_iteration_in_the_order_of_creation(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def step(name: str) -> None:
        log(f"{name} starts")
        await aio.sleep(0)
        log(f"{name} ends")

    async def main() -> None:
        a, b = aio.create_task(step("a")), aio.create_task(step("b"))
        log("both are created")
        await a
        log("a is done")
        await b

    assert stage.run(main) == [
        "both are created",
        "a starts",
        "b starts",
        "a ends",
        "b ends",
        "a is done",
    ]


def test_a_task_that_awaits_another_wakes_in_the_order_of_its_done_callbacks(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def work() -> str:
        await aio.sleep(1)
        return "result"

    async def main() -> None:
        task = aio.create_task(work())

        async def waiter(name: str) -> None:
            log(name, await task)

        task.add_done_callback(lambda t: log("callback before", t.result()))
        waiters = [aio.create_task(waiter("waiter"))]
        await aio.sleep(0)
        task.add_done_callback(lambda t: log("callback after", t.result()))
        log("main", await task)
        await aio.wait(waiters)

    assert stage.run(main) == [
        ("callback before", "result"),
        ("waiter", "result"),
        ("callback after", "result"),
        ("main", "result"),
    ]


def test_the_name_of_a_task_can_be_changed(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def work() -> None:
        log("current name", aio.current_task().get_name())

    async def main() -> None:
        task = aio.create_task(work(), name="worker")
        log(task.get_name())
        task.set_name(7)
        await task
        log(repr(task.get_name()))

    assert stage.run(main) == ["worker", ("current name", "7"), "'7'"]


def test_unnamed_tasks_are_numbered(stage: Stage) -> None:
    aio = stage.aio

    async def work() -> None:
        pass

    async def main() -> None:
        tasks = [aio.create_task(work()) for _ in range(3)]
        await aio.gather(*tasks)
        numbers = [int(task.get_name().removeprefix("Task-")) for task in tasks]
        stage.log([number - numbers[0] for number in numbers])

    assert stage.run(main) == [[0, 1, 2]]


def test_a_task_knows_its_coroutine_and_its_loop(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def work() -> None:
        log(aio.current_task() is not None)

    async def main() -> None:
        coroutine = work()
        task = aio.Task(coroutine, loop=aio.get_running_loop())
        log(task.get_coro() is coroutine, task.get_loop() is aio.get_running_loop())
        await task

    assert stage.run(main) == [(True, True), True]


@older_asyncio_differs("3.12", "a task has no get_context()")
def test_get_context_returns_the_context_that_the_task_runs_in(stage: Stage) -> None:
    import contextvars

    aio, log = stage.aio, stage.log
    variable = contextvars.ContextVar("variable", default="unset")

    async def work() -> None:
        variable.set("set by the task")

    async def main() -> None:
        given = contextvars.copy_context()
        in_given = aio.create_task(work(), context=given)
        in_copy = aio.create_task(work())
        await aio.gather(in_given, in_copy)
        log(in_given.get_context() is given, in_given.get_context()[variable])
        log(in_copy.get_context()[variable], variable.get())

    assert stage.run(main) == [(True, "set by the task"), ("set by the task", "unset")]


def test_current_task_and_all_tasks_return_the_running_and_the_pending_tasks(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    def names() -> list[str]:
        return sorted(task.get_name() for task in aio.all_tasks())

    async def work() -> None:
        log("current", aio.current_task().get_name())

    async def main() -> None:
        loop = aio.get_running_loop()
        aio.current_task().set_name("main")
        a, b = aio.create_task(work(), name="a"), aio.create_task(work(), name="b")
        log(names())
        loop.call_soon(lambda: log("in a callback", aio.current_task()))
        await a
        log(names(), b.done())
        await aio.sleep(0)
        log([task.get_name() for task in aio.all_tasks(loop)])

    assert stage.run(main) == [
        ["a", "b", "main"],
        ("current", "a"),
        ("current", "b"),
        ("in a callback", None),
        (["main"], True),
        ["main"],
    ]


def test_all_tasks_contains_a_task_in_each_of_its_states(stage: Stage) -> None:
    aio, log = stage.aio, stage.log
    loop = stage.new_loop()

    def names() -> list[str]:
        return sorted(task.get_name() for task in aio.all_tasks(loop))

    def iteration() -> None:
        loop.stop()
        loop.run_forever()

    async def work(future: Any) -> None:
        log("in its first step", names())
        await aio.sleep(0)
        log("after a bare yield", names())
        await future

    future = loop.create_future()
    task = loop.create_task(work(future), name="worker")
    log("not started", names())
    iteration()
    log("ready", names())
    iteration()
    log("waiting", names())
    future.set_result(None)
    log("woken", names())
    iteration()
    log("done", names(), task.done())

    assert log == [
        ("not started", ["worker"]),
        ("in its first step", ["worker"]),
        ("ready", ["worker"]),
        ("after a bare yield", ["worker"]),
        ("waiting", ["worker"]),
        ("woken", ["worker"]),
        ("done", [], True),
    ]


def test_all_tasks_of_a_closed_loop_are_those_that_never_finish(stage: Stage) -> None:
    aio, log = stage.aio, stage.log
    loop = stage.new_loop()
    task = loop.create_task(aio.sleep(1), name="never started")
    loop.close()
    log(aio.all_tasks(loop) == {task})
    task.get_coro().close()
    task._log_destroy_pending = False

    assert log == [True]


def test_current_task_and_all_tasks_need_a_running_loop_or_an_argument(stage: Stage) -> None:
    aio, log = stage.aio, stage.log
    log(attempt(aio.current_task))
    log(attempt(aio.all_tasks))
    loop = stage.new_loop()
    log(aio.current_task(loop), aio.all_tasks(loop))

    assert log == [
        "raised RuntimeError: no running event loop",
        "raised RuntimeError: no running event loop",
        (None, set()),
    ]


def test_ensure_future_wraps_awaitables_and_returns_futures_as_they_are(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def coroutine() -> str:
        return "from a coroutine"

    class Awaitable:
        def __await__(self) -> Generator[Any, None, str]:
            yield from aio.sleep(0).__await__()
            return "from an awaitable"

    async def main() -> None:
        future = aio.Future()
        task = aio.ensure_future(coroutine())
        log(aio.ensure_future(future) is future, aio.ensure_future(task) is task)
        log(isinstance(task, aio.Task), await task)
        wrapped = aio.ensure_future(Awaitable())
        log(isinstance(wrapped, aio.Task), await wrapped)
        log(attempt(aio.ensure_future, 3))

    assert stage.run(main) == [
        (True, True),
        (True, "from a coroutine"),
        (True, "from an awaitable"),
        "raised TypeError: An asyncio.Future, a coroutine or an awaitable is required",
    ]


def test_ensure_future_accepts_a_loop_that_does_not_run_yet(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def coroutine() -> str:
        return "ran"

    loop = stage.new_loop()
    task = aio.ensure_future(coroutine(), loop=loop)
    log(task.get_loop() is loop, loop.run_until_complete(task))

    assert log == [(True, "ran")]


def test_iscoroutine_and_iscoroutinefunction_accept_async_def_only(stage: Stage) -> None:
    import functools
    import types

    aio, log = stage.aio, stage.log

    async def native(_: int = 0) -> None:
        pass

    @types.coroutine
    def generator_based() -> Generator[None, None, None]:
        yield

    def plain() -> Generator[None, None, None]:
        yield

    class CallableObject:
        async def __call__(self) -> None:
            pass

    functions = (
        native,
        functools.partial(native, 1),
        generator_based,
        plain,
        CallableObject(),
        int,
    )
    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
        log([aio.iscoroutinefunction(function) for function in functions])
    coroutine = native()
    log([aio.iscoroutine(thing) for thing in (coroutine, native, 3)])
    coroutine.close()

    assert log == [[True, True, False, False, False, False], [True, False, False]]


@older_asyncio_differs("3.12", "a plain generator counts as a coroutine")
def test_a_plain_generator_is_not_a_coroutine(stage: Stage) -> None:
    def plain() -> Generator[None, None, None]:
        yield

    assert stage.aio.iscoroutine(plain()) is False


def test_set_result_and_set_exception_of_a_task_raise(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def work() -> int:
        return 1

    async def main() -> None:
        task = aio.create_task(work())
        log(attempt(task.set_result, 2))
        log(attempt(task.set_exception, ValueError()))
        log(await task)

    assert stage.run(main) == [
        "raised RuntimeError: Task does not support set_result operation",
        "raised RuntimeError: Task does not support set_exception operation",
        1,
    ]


def test_awaiting_a_task_raises_its_exception(stage: Stage) -> None:
    aio, log = stage.aio, stage.log
    error = LookupError("nowhere")

    async def work() -> None:
        raise error

    async def main() -> None:
        task = aio.create_task(work())
        await aio.wait([task])
        log(outcome(task), task.exception() is error)
        log(await attempt_await(task))

    assert stage.run(main) == [("raised LookupError: nowhere", True), "raised LookupError: nowhere"]


def test_a_coroutine_cannot_raise_stop_iteration(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def work() -> None:
        raise StopIteration("end")

    async def main() -> None:
        log(await attempt_await(aio.create_task(work())))

    assert stage.run(main) == ["raised RuntimeError: coroutine raised StopIteration"]


def test_any_base_exception_but_two_stays_within_its_task(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    class CustomBaseException(BaseException):
        pass

    async def work() -> None:
        raise CustomBaseException("but caught")

    async def main() -> None:
        task = aio.create_task(work())
        await aio.sleep(0)
        log("the loop continues", outcome(task))

    assert stage.run(main) == [("the loop continues", "raised CustomBaseException: but caught")]


@pytest.mark.parametrize("final", [KeyboardInterrupt, SystemExit])
def test_keyboard_interrupt_and_system_exit_leave_the_loop_at_once(
    stage: Stage, final: type[BaseException]
) -> None:
    log, loop = stage.log, stage.new_loop()

    async def work() -> None:
        raise final("stop everything")

    async def bystander() -> None:
        log("the bystander runs")

    task = loop.create_task(work())
    other = loop.create_task(bystander())
    with pytest.raises(final, match="stop everything"):
        loop.run_until_complete(other)
    log(type(task.exception()) is final, outcome(other))
    loop.run_until_complete(other)
    log(loop.is_running(), loop.is_closed())

    assert log == [(True, "pending"), "the bystander runs", (False, False)]


def test_a_task_cannot_await_itself(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        async def work() -> None:
            await task

        task = aio.create_task(work(), name="ouroboros")
        message = await attempt_await(task)
        log(
            message.partition(":")[0],
            "Task cannot await on itself: <Task pending name='ouroboros'" in message,
        )

    assert stage.run(main) == [("raised RuntimeError", True)]


def test_a_task_that_awaits_another_wakes_one_iteration_after_it_finished(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def inner() -> str:
        log("inner ends")
        return "inner"

    async def main() -> None:
        loop = aio.get_running_loop()
        task = aio.create_task(inner())
        loop.call_soon(log, "same iteration as inner")
        loop.call_soon(lambda: loop.call_soon(log, "one iteration later"))
        log(await task)
        await aio.sleep(0)

    assert stage.run(main) == [
        "inner ends",
        "same iteration as inner",
        "inner",
        "one iteration later",
    ]


def test_the_stack_of_a_suspended_task_is_one_frame(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def inner() -> None:
        await aio.sleep(1)

    async def outer() -> None:
        await inner()

    def functions(task: Any, limit: int | None = None) -> list[str]:
        return [frame.f_code.co_name for frame in task.get_stack(limit=limit)]

    async def main() -> None:
        task = aio.create_task(outer())
        log("not started", functions(task))
        await aio.sleep(0)
        log("suspended", functions(task), functions(task, limit=1))
        await task
        log("done", functions(task))

    assert stage.run(main) == [
        ("not started", ["outer"]),
        ("suspended", ["outer"], ["outer"]),
        ("done", []),
    ]


def test_an_exception_that_is_false_has_a_traceback_too(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    class Empty(Exception):
        def __len__(self) -> int:
            return 0

    async def fail() -> None:
        raise Empty

    async def main() -> None:
        task = aio.create_task(fail())
        await aio.wait([task])
        log(repr(task.exception()), [frame.f_code.co_name for frame in task.get_stack()])

    assert stage.run(main) == [("Empty()", ["fail"])]


def test_cancelling_and_uncancel_work_in_the_exception_handler(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def fail() -> None:
        try:
            await aio.sleep(1)
        finally:
            raise ValueError("lost")

    async def main() -> None:
        loop = aio.get_running_loop()
        task = aio.create_task(fail())
        await aio.sleep(0)
        task.cancel()
        await aio.wait([task])
        loop.set_exception_handler(
            lambda _, report: log(report["future"].cancelling(), report["future"].uncancel())
        )
        del task

    assert stage.run(main) == [(1, 0)]


def test_the_stack_of_a_failed_task_is_its_traceback(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def inner() -> None:
        raise ValueError("broken")

    async def outer() -> None:
        await inner()

    def functions(task: Any, limit: int | None = None) -> list[str]:
        return [frame.f_code.co_name for frame in task.get_stack(limit=limit)]

    async def main() -> None:
        task = aio.create_task(outer())
        await aio.wait([task])
        log(functions(task), functions(task, limit=1), outcome(task))

    assert stage.run(main) == [(["outer", "inner"], ["outer"], "raised ValueError: broken")]


def test_print_stack_writes_the_source_lines(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    def printed(task: Any) -> list[str]:
        file = io.StringIO()
        task.print_stack(file=file)
        lines = [normalise(line).strip() for line in file.getvalue().splitlines()]
        return [line.partition(" at 0x")[0].partition(" coro=")[0] for line in lines]

    async def failing() -> None:
        raise ValueError("broken")  # the line that raises

    async def sleeping() -> None:
        await aio.sleep(1)  # the line that waits

    async def main() -> None:
        failed = aio.create_task(failing(), name="failed")
        asleep = aio.create_task(sleeping(), name="asleep")
        await aio.sleep(0)
        for task in (failed, asleep):
            lines = printed(task)
            log(lines[0], lines[2:])
        await asleep
        log(printed(asleep)[0])
        failed.exception()

    assert stage.run(main) == [
        (
            "Traceback for <Task finished name='failed'",
            ['raise ValueError("broken")  # the line that raises', "ValueError: broken"],
        ),
        ("Stack for <Task pending name='asleep'", ["await aio.sleep(1)  # the line that waits"]),
        "No stack for <Task finished name='asleep'",
    ]


def test_the_repr_of_a_task_shows_its_state_name_and_coroutine(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def work() -> int:
        await aio.sleep(1)
        return 3

    async def main() -> None:
        task = aio.create_task(work(), name="worker")
        for _ in range(2):
            log(normalise(repr(task)))
            await task

    assert stage.run(main) == [
        "<Task pending name='worker' coro=<work() running at test_tasks.py:…>>",
        "<Task finished name='worker' coro=<work() done, defined at test_tasks.py:…> result=3>",
    ]


def test_a_task_factory_creates_every_task_of_its_loop(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    class CustomTask(aio.Task):  # type: ignore[name-defined,misc]
        pass

    def factory(loop: Any, coro: Any, **kwargs: Any) -> Any:
        log("factory", coro.__name__, sorted(kwargs))
        return CustomTask(coro, loop=loop, **kwargs)

    async def work() -> None:
        pass

    async def main() -> None:
        loop = aio.get_running_loop()
        log(loop.get_task_factory())
        loop.set_task_factory(factory)
        log(loop.get_task_factory() is factory)
        task = aio.create_task(work())
        log(type(task) is CustomTask)
        await aio.gather(task, work())
        async with aio.TaskGroup() as group:
            log(type(group.create_task(work())) is CustomTask)
        loop.set_task_factory(None)
        log(type(aio.create_task(work())) is aio.Task)
        await aio.sleep(0)

    assert stage.run(main) == [
        None,
        True,
        ("factory", "work", []),
        True,
        ("factory", "work", []),
        ("factory", "work", []),
        True,
        True,
    ]


def test_awaiting_a_task_calls_its_overridden_methods(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    class LoggingTask(aio.Task):  # type: ignore[name-defined,misc]
        def cancel(self, msg: Any = None) -> bool:
            log("cancel", msg)
            return bool(super().cancel(msg))

        def add_done_callback(self, fn: Callable[[Any], object], *, context: Any = None) -> None:
            log("add_done_callback")
            super().add_done_callback(fn, context=context)

    async def work() -> None:
        await aio.sleep(1)

    async def main() -> None:
        task = LoggingTask(work(), loop=aio.get_running_loop())
        aio.get_running_loop().call_soon(task.cancel, "enough")
        log(await attempt_await(task))

    assert stage.run(main) == [
        "add_done_callback",
        ("cancel", "enough"),
        "raised CancelledError: enough",
    ]


@older_asyncio_differs("3.14", "create_task() takes no eager_start")
def test_create_task_can_start_a_single_task_at_once(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def child(name: str) -> str:
        log(f"{name} starts in {aio.current_task().get_name()}")
        await aio.sleep(0)
        log(f"{name} ends")
        return name

    async def main() -> None:
        later = aio.create_task(child("later"), name="L", eager_start=False)
        at_once = aio.create_task(child("at once"), name="E", eager_start=True)
        log("main goes on")
        log(await at_once, await later)
        aio.get_running_loop().set_task_factory(aio.eager_task_factory)
        later = aio.create_task(child("not eager"), name="N", eager_start=False)
        log("main goes on")
        await later

    assert stage.run(main) == [
        "at once starts in E",
        "main goes on",
        "later starts in L",
        "at once ends",
        "later ends",
        ("at once", "later"),
        "main goes on",
        "not eager starts in N",
        "not eager ends",
    ]


@older_asyncio_differs("3.14", "a task factory gets no name, and the loop sets it")
def test_a_task_factory_gets_the_keyword_arguments_of_create_task(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    def factory(loop: Any, coro: Any, **kwargs: Any) -> Any:
        log(sorted(kwargs))
        return aio.Task(coro, loop=loop, **kwargs)

    async def main() -> None:
        loop = aio.get_running_loop()
        loop.set_task_factory(factory)
        context = contextvars.copy_context()
        for options in ({}, {"name": "N", "context": context}, {"eager_start": False}):
            for create_task in (aio.create_task, loop.create_task):
                with contextlib.closing(aio.sleep(0)) as coro:
                    await create_task(coro, **options)
        loop.set_task_factory(None)

    expected: list[list[str]] = [[], [], ["context", "name"], ["context", "name"]]
    got = stage.run(main)
    # Before Python 3.14, programs have factories that take no name: the loop sets the name then.
    if sys.version_info < (3, 14) and stage.aio.__name__ == "miniloop":
        expected = [[], [], ["context"], ["context"]]
    assert got == [*expected, ["eager_start"], ["eager_start"]]


@pytest.mark.parametrize("options", [{}, {"name": "N"}], ids=["", "name"])
def test_a_plain_task_factory_is_enough_without_keyword_arguments(
    stage: Stage, options: dict[str, str]
) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        aio.get_running_loop().set_task_factory(lambda loop, coro: aio.Task(coro, loop=loop))
        coro = aio.sleep(0)
        try:
            task = aio.create_task(coro, **options)
            await task
            log("ran")
        except TypeError:
            coro.close()
            log("TypeError")

    refused = options and sys.version_info >= (3, 14)
    assert stage.run(main) == ["TypeError" if refused else "ran"]


@older_asyncio_differs("3.15", "a wrong context fails in the first step")
def test_a_context_of_the_wrong_type_is_refused_when_the_task_is_made(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        for make in (aio.create_task, aio.Task):
            with contextlib.closing(aio.sleep(0)) as coro:
                log(attempt(make, coro, context={}))
        log(len(aio.all_tasks()))

    refused = "raised TypeError: a contextvars.Context was expected, got dict"
    assert stage.run(main) == [refused, refused, 1]


@older_asyncio_differs("3.15", "a second call of __init__ makes a new future of the old one")
def test_a_future_or_task_is_initialized_only_once(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        loop = aio.get_running_loop()
        future, task = loop.create_future(), loop.create_task(aio.sleep(0))
        future.set_result(1)
        log(again(attempt(future.__init__, loop=loop)), future.result())
        with contextlib.closing(aio.sleep(0)) as coro:
            log(again(attempt(task.__init__, coro, loop=loop)))
        await task

    def again(message: str) -> str:
        return message.replace("_asyncio.", "")  # how the accelerator names its classes

    assert stage.run(main) == [
        ("raised RuntimeError: Future object is already initialized", 1),
        "raised RuntimeError: Task object is already initialized",
    ]
