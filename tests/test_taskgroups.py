"""TaskGroup: its states, invalid calls, and the objects it refers to afterwards."""

from __future__ import annotations

import gc
from typing import Any

import pytest

import miniloop
from tests.virtual import VirtualLoop, play, virtual_loop


async def fail(name: str) -> None:
    raise KeyError(name)


def test_the_repr_shows_the_state_of_the_group() -> None:
    async def story() -> list[str]:
        group = miniloop.TaskGroup()
        steps = [repr(group)]

        async def look_while_it_ends() -> None:
            try:
                await miniloop.sleep(60)
            finally:
                steps.append(repr(group))

        with pytest.raises(ExceptionGroup):
            async with group:
                steps.append(repr(group))
                group.create_task(look_while_it_ends())
                steps.append(repr(group))
                group.create_task(fail("first"))
        return [*steps, repr(group)]

    assert play(story) == [
        "<TaskGroup>",
        "<TaskGroup entered>",
        "<TaskGroup tasks=1 entered>",
        "<TaskGroup tasks=1 errors=1 cancelling>",
        "<TaskGroup cancelling>",
    ]


def test_a_group_accepts_tasks_only_between_its_start_and_its_end() -> None:
    async def story() -> list[str]:
        steps = []

        def refused(group: miniloop.TaskGroup) -> None:
            coro = miniloop.sleep(0)
            with pytest.raises(RuntimeError) as caught:
                group.create_task(coro)
            with pytest.raises(RuntimeError, match="cannot reuse already awaited coroutine"):
                coro.send(None)
            steps.append(str(caught.value))

        group = miniloop.TaskGroup()
        refused(group)
        with pytest.raises(ExceptionGroup):
            async with group:
                group.create_task(fail("first"))
                try:
                    await miniloop.sleep(60)
                finally:
                    refused(group)
        group = miniloop.TaskGroup()
        async with group:
            pass
        refused(group)
        with pytest.raises(RuntimeError) as caught:
            await group.__aenter__()
        return [*steps, str(caught.value)]

    assert play(story) == [
        "TaskGroup <TaskGroup> has not been entered",
        "TaskGroup <TaskGroup errors=1 cancelling> is shutting down",
        "TaskGroup <TaskGroup entered> is finished",
        "TaskGroup <TaskGroup entered> has already been entered",
    ]


def test_a_group_needs_a_loop_and_a_task() -> None:
    with pytest.raises(RuntimeError, match=r"^no running event loop$"):
        miniloop.TaskGroup().__aenter__().send(None)
    with virtual_loop() as loop:
        loop.call_soon(lambda: miniloop.TaskGroup().__aenter__().send(None))
        loop.run_turns()
        told = loop.told[0][1]
    assert told == "RuntimeError('TaskGroup <TaskGroup> cannot determine the parent task')"


def test_a_finished_group_refers_to_no_tasks_and_no_errors() -> None:
    async def story() -> list[object]:
        group = miniloop.TaskGroup()
        with pytest.raises(ExceptionGroup) as raised:
            async with group:
                for name in ("one", "two"):
                    group.create_task(fail(name))
        names = [repr(error) for error in raised.value.exceptions]
        return [names, group._tasks, group._errors, group._all_ended]

    assert play(story) == [["KeyError('one')", "KeyError('two')"], set(), [], None]


def test_after_a_failure_the_parent_has_no_cancellation_request_left() -> None:
    async def story() -> list[object]:
        parent: Any = miniloop.current_task()
        steps: list[object] = []
        with pytest.raises(ExceptionGroup):
            async with miniloop.TaskGroup() as group:
                group.create_task(fail("first"))
                try:
                    await miniloop.sleep(60)
                finally:
                    steps.append(parent.cancelling())
        return [*steps, parent.cancelling()]

    assert play(story) == [1, 0]


def test_a_failure_after_the_parent_is_done_is_reported() -> None:
    async def story(loop: VirtualLoop) -> None:
        async def forget_to_leave() -> None:
            group = miniloop.TaskGroup()
            await group.__aenter__()
            task = group.create_task(fail("the parent is done"), name="orphan")
            loop.call_later(1, task.get_name)

        parent = miniloop.create_task(forget_to_leave(), name="parent")
        await parent
        await miniloop.sleep(2)

    with virtual_loop() as loop:
        loop.run_until_complete(story(loop))
        ((message, error),) = loop.told
    assert message.startswith("Task <Task finished name='orphan'")
    assert "has errored out but its parent task <Task finished name='parent'" in message
    assert message.endswith("is already completed")
    assert error == "KeyError('the parent is done')"


def test_name_and_context_are_passed_to_the_tasks() -> None:
    async def story() -> list[object]:
        parent: Any = miniloop.current_task()
        async with miniloop.TaskGroup() as group:
            named = group.create_task(miniloop.sleep(0), name="named")
            shared = group.create_task(miniloop.sleep(0), context=parent.get_context())
        return [named.get_name(), shared.get_context() is parent.get_context()]

    assert play(story) == ["named", True]


def test_a_cancelled_group_leaves_no_reference_cycle() -> None:
    async def block() -> None:
        async with miniloop.TaskGroup() as group:
            group.create_task(miniloop.sleep(10))
            await miniloop.sleep(0)

    async def story() -> int:
        task = miniloop.create_task(block())
        for _ in range(3):
            await miniloop.sleep(0)
        task.cancel()
        gc.collect()
        gc.disable()
        try:
            with pytest.raises(miniloop.CancelledError):
                await task
            del task
            await miniloop.sleep(0)
            return gc.collect()
        finally:
            gc.enable()

    with virtual_loop() as loop:
        assert loop.run_until_complete(story()) == 0
