"""Task: ready, running or waiting; its steps, its name, and objects that remain."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Generator, Iterator
from types import coroutine
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import miniloop
from miniloop import tasks as tasks_module
from tests.virtual import VirtualLoop, play, take_reports, virtual_loop


def places(task: miniloop.Task[Any]) -> list[str]:
    """Return where `task` is now: in exactly one place, unless it is done."""
    loop: Any = task.get_loop()
    waiter = task._fut_waiter
    waiting = [] if waiter is None else waiter._waiters()
    found = ["running"] if loop._current_task is task else []
    found += ["ready"] * [_subject(entry) for entry in loop._ready].count(task)
    found += ["waiting"] * [_subject(entry) for entry in waiting].count(task)
    return found


def _subject(entry: Any) -> Any:
    """Return the task of an entry of the ready queue or of a waiter."""
    return getattr(getattr(entry, "_callback", None), "__self__", entry)


# Where a task is


def test_a_task_is_ready_then_running_then_waiting_then_ready_then_done() -> None:
    steps: list[object] = []
    with virtual_loop() as loop:
        future = loop.create_future()

        async def work() -> None:
            steps.append(places(task))
            await future
            steps.append(places(task))

        task = loop.create_task(work())
        steps.append(places(task))
        loop.run_turns()
        steps.append(places(task))
        future.set_result(None)
        steps.append(places(task))
        loop.run_turns()
        steps.append(places(task))
    assert steps == [["ready"], ["running"], ["waiting"], ["ready"], ["running"], []]


def test_cancelling_a_waiting_task_moves_it_to_the_ready_queue() -> None:
    steps: list[object] = []
    with virtual_loop() as loop:
        task = loop.create_task(miniloop.sleep(60))
        task.cancel()
        steps.append(places(task))
        loop.run_turns()
        steps.append(places(task))
        task = loop.create_task(miniloop.sleep(60))
        loop.run_turns()
        steps.append(places(task))
        task.cancel()
        task.cancel()
        steps.append(places(task))
        loop.run_turns()
        steps.append(places(task))
    assert steps == [["ready"], [], ["waiting"], ["ready"], []]


def test_a_future_subclass_is_awaited_through_its_own_add_done_callback() -> None:
    steps: list[object] = []

    class Own(miniloop.Future[int]):
        def add_done_callback(self, fn: Any, *, context: Any = None) -> None:
            steps.append("asked")
            super().add_done_callback(fn, context=context)

    async def story() -> int:
        own = Own()

        async def wait() -> int:
            return await own

        task = miniloop.create_task(wait())
        await miniloop.sleep(0)
        steps.append(places(task))
        own.set_result(1)
        return await task

    assert play(story) == 1
    assert steps == ["asked", ["waiting"]]


FUTURES, TASKS = 3, 4
Step = tuple[str, int]
STEPS = st.lists(
    st.tuples(st.just("yield"), st.just(0))
    | st.tuples(st.sampled_from(["await", "set"]), st.integers(0, FUTURES - 1))
    | st.tuples(st.sampled_from(["cancel", "join"]), st.integers(0, TASKS - 1)),
    max_size=6,
)


class Troupe:
    """Tasks that run random scripts on futures; all are checked after each iteration."""

    def __init__(self, loop: VirtualLoop, scripts: list[list[Step]]) -> None:
        self.futures = [loop.create_future() for _ in range(FUTURES)]
        self.tasks: list[miniloop.Task[None]] = []
        for script in scripts:
            self.tasks.append(loop.create_task(self.play(script)))

    async def play(self, script: list[Step]) -> None:
        for step, number in script:
            try:
                await self.take(step, number)
            except miniloop.CancelledError:
                self.look()

    async def take(self, step: str, number: int) -> None:
        self.look()
        if step == "yield":
            await miniloop.sleep(0)
        elif step == "await":
            await self.futures[number]
        elif step == "set" and not self.futures[number].done():
            self.futures[number].set_result(None)
        elif step == "cancel":
            self.tasks[number].cancel()
        elif step == "join" and self.tasks[number] is not miniloop.current_task():
            await miniloop.wait([self.tasks[number]])

    def look(self) -> None:
        for task in self.tasks:
            assert len(places(task)) == 1 or task.done()
        for future in (*self.futures, *self.tasks):
            assert not future.done() or future._callbacks is None


@given(st.lists(STEPS, min_size=TASKS, max_size=TASKS))
def test_a_task_that_is_not_done_is_in_exactly_one_place(scripts: list[list[Step]]) -> None:
    with virtual_loop() as loop:
        troupe = Troupe(loop, scripts)
        for _ in range(30):
            troupe.look()
            loop.run_turns()
        for task in troupe.tasks:
            while not task.done():
                task.cancel()
                loop.run_turns(2)
        assert loop.told == []


# Its steps


def test_the_ready_queue_contains_the_task_itself_and_not_a_handle() -> None:
    with virtual_loop() as loop:
        task = loop.create_task(miniloop.sleep(0, "done"))
        assert list(loop._ready) == [task]
        loop.run_turns()
        assert list(loop._ready) == [task]
        loop.run_turns()
        assert (list(loop._ready), task.result()) == ([], "done")


def test_current_task_is_the_innermost_task_and_none_between_steps() -> None:
    async def story() -> list[object]:
        loop = miniloop.get_running_loop()
        outer = miniloop.current_task()
        steps: list[object] = []

        async def inner() -> None:
            steps.append(miniloop.current_task() is outer)
            raise KeyError("in the first step")

        loop.set_task_factory(miniloop.eager_task_factory)
        task = miniloop.create_task(inner())
        steps.append(miniloop.current_task() is outer)
        loop.call_soon(lambda: steps.append(miniloop.current_task()))
        await miniloop.sleep(0)
        steps.append(repr(task.exception()))
        return steps

    assert play(story) == [False, True, None, "KeyError('in the first step')"]


@coroutine
def yield_value(value: object) -> Generator[object, None, None]:
    yield value


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (5, "Task got bad yield: 5"),
        ("word", "Task got bad yield: 'word'"),
        ((i for i in "abc"), "yield was used instead of yield from for generator in task"),
    ],
)
def test_a_coroutine_that_yields_an_invalid_object_gets_a_runtimeerror(
    value: Any, message: str
) -> None:
    async def story() -> str:
        try:
            await yield_value(value)
        except RuntimeError as error:
            return str(error)
        return "no error"

    assert play(story).startswith(message)


def test_creating_a_task_from_a_non_coroutine_raises_and_leaves_nothing() -> None:
    async def story() -> list[object]:
        with pytest.raises(TypeError, match=r"^a coroutine was expected, got 5$"):
            miniloop.Task(5)  # type: ignore[arg-type]
        gc.collect()
        return [len(miniloop.all_tasks()), take_reports()]

    assert play(story) == [1, []]


def test_the_result_of_a_task_cannot_be_set_from_outside() -> None:
    async def story() -> list[str]:
        task: Any = miniloop.create_task(miniloop.sleep(0))
        steps = []
        for force in (task.set_result, task.set_exception):
            with pytest.raises(RuntimeError) as refused:
                force(None)
            steps.append(str(refused.value))
        await task
        return steps

    assert play(story) == [
        "Task does not support set_result operation",
        "Task does not support set_exception operation",
    ]


# Its name and repr


def test_default_names_are_numbered_in_order_of_creation() -> None:
    async def story() -> list[object]:
        first = miniloop.create_task(miniloop.sleep(0))
        second = miniloop.create_task(miniloop.sleep(0))
        named = miniloop.create_task(miniloop.sleep(0), name=7)
        third = miniloop.create_task(miniloop.sleep(0))
        later, earlier = int(second.get_name()[5:]), int(first.get_name()[5:])
        steps = [later - earlier, int(third.get_name()[5:]) - later, named.get_name()]
        third.set_name(("any", "object"))
        steps.append(third.get_name())
        await miniloop.wait([first, second, named, third])
        return steps

    assert play(story) == [1, 1, "7", "('any', 'object')"]


def test_the_repr_shows_name_coroutine_and_awaited_future() -> None:
    with virtual_loop() as loop:
        future = loop.create_future()

        async def work() -> str:
            await future
            return "over"

        task = loop.create_task(work(), name="clock")
        steps = [repr(task)]
        loop.run_turns()
        steps.append(repr(task))
        task.cancel()
        steps.append(repr(task).partition(" coro")[0])
        loop.run_turns()
        steps.append(repr(task))
    line = work.__code__.co_firstlineno
    coro = f"coro=<{work.__qualname__}()"
    here = f"at {__file__}"
    waits = "wait_for=<Future pending cb=[Task.task_wakeup()]>"
    assert steps == [
        f"<Task pending name='clock' {coro} running {here}:{line}>>",
        f"<Task pending name='clock' {coro} running {here}:{line + 1}> {waits}>",
        "<Task cancelling name='clock'",
        f"<Task cancelled name='clock' {coro} done, defined {here}:{line}>>",
    ]


# Objects that remain


def test_a_freed_task_is_not_in_all_tasks() -> None:
    with virtual_loop() as loop:
        before = len(tasks_module._tasks)
        task = loop.create_task(miniloop.sleep(0))
        assert miniloop.all_tasks(loop) == {task}
        loop.run_turns(2)
        assert miniloop.all_tasks(loop) == set()
        gone = weakref.ref(task)
        del task
        assert gone() is None
        assert len(tasks_module._tasks) == before


async def fail() -> None:
    raise KeyError("once")


async def fail_like_a_future() -> None:
    future: miniloop.Future[None] = miniloop.Future()
    miniloop.get_running_loop().call_soon(future.set_exception, KeyError("once"))
    await future


async def be_cancelled() -> None:
    for task in miniloop.all_tasks():
        task.cancel()
    del task  # the traceback refers to this frame
    await miniloop.sleep(60)


@pytest.fixture
def no_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("no_collector")
@pytest.mark.parametrize("coroutine_function", [fail, fail_like_a_future, be_cancelled])
def test_a_failed_task_leaves_no_reference_cycle(coroutine_function: Any) -> None:
    with virtual_loop() as loop:
        task = loop.create_task(coroutine_function())
        loop.run_turns(4)
        gone = weakref.ref(task)
        assert task.cancelled() or repr(task.exception()) == "KeyError('once')"
        del task
        assert gone() is None


@pytest.mark.usefixtures("no_collector")
def test_an_exception_caught_around_an_await_leaves_no_reference_cycle() -> None:
    class Lost(Exception):
        pass

    async def fails() -> None:
        raise Lost

    async def catches() -> weakref.ref[Lost] | None:
        try:
            await miniloop.create_task(fails())
        except Lost as exc:
            return weakref.ref(exc)
        return None

    async def story() -> bool:
        caught = await miniloop.create_task(catches())
        await miniloop.sleep(0)
        return caught is not None and caught() is None

    assert play(story)


def test_an_unreachable_pending_task_is_reported_with_its_name() -> None:
    async def story() -> list[object]:
        loop: Any = miniloop.get_running_loop()

        async def wait_for_nothing() -> None:
            await loop.create_future()

        miniloop.create_task(wait_for_nothing(), name="lost")
        await miniloop.sleep(0)
        gc.collect()
        (report,) = loop.reports
        loop.reports.clear()
        return [report["message"], report["task"].get_name(), "source_traceback" in report]

    assert play(story) == ["Task was destroyed but it is pending!", "lost", False]


# sleep


def test_a_sleep_leaves_no_timer_behind() -> None:
    async def story() -> list[object]:
        loop: Any = miniloop.get_running_loop()
        task = miniloop.create_task(miniloop.sleep(60, "slept"))
        await miniloop.sleep(0)
        steps: list[object] = [len(loop._scheduled)]
        task.cancel()
        await miniloop.wait([task])
        await miniloop.sleep(0)
        steps += [len(loop._scheduled), loop.time()]
        steps += [await miniloop.sleep(1, "slept"), loop.time(), len(loop._scheduled)]
        return steps

    assert play(story) == [1, 0, 0.0, "slept", 1.0, 0]


def test_the_delay_must_be_a_number() -> None:
    async def story() -> list[str]:
        steps = []
        for wrong in (float("nan"), "1", None):
            try:
                await miniloop.sleep(wrong)  # type: ignore[arg-type]
            except (TypeError, ValueError) as error:
                steps.append(type(error).__name__)
        return steps

    assert play(story) == ["ValueError", "TypeError", "TypeError"]


@pytest.mark.parametrize("wrong", [5, "word", None, [], print])
def test_ensure_future_accepts_only_awaitables(wrong: Any) -> None:
    with virtual_loop() as loop:
        with pytest.raises(TypeError) as refused:
            miniloop.ensure_future(wrong, loop=loop)
    assert str(refused.value) == "An asyncio.Future, a coroutine or an awaitable is required"


def test_if_a_task_cannot_be_created_its_coroutine_is_closed() -> None:
    class Awaitable:
        def __await__(self) -> Generator[None, None, None]:
            yield

    with virtual_loop() as loop:
        pass
    with pytest.raises(RuntimeError, match=r"^Event loop is closed$"):
        miniloop.ensure_future(Awaitable(), loop=loop)
    gc.collect()  # a "was never awaited" warning would be raised here


def test_an_eager_task_that_is_done_at_once_has_no_coroutine() -> None:
    """The same as in asyncio, except that asyncio 3.12.1 crashes here."""

    async def at_once() -> None:
        pass

    async def story() -> None:
        miniloop.get_running_loop().set_task_factory(miniloop.eager_task_factory)
        task = miniloop.create_task(at_once())
        assert task.done()
        assert task.get_coro() is None

    play(story)
