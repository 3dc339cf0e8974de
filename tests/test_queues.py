"""Properties of queues that hold whatever their tasks do."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import miniloop

CANCELS = st.lists(st.tuples(st.integers(0, 7), st.integers(0, 3)), max_size=12)
"""Which of eight tasks to cancel, and how many iterations to run after that."""

PAUSES = st.lists(st.integers(0, 3), min_size=8, max_size=8)
"""How many iterations to run after each of eight operations."""


async def turns(count: int) -> None:
    for _ in range(count):
        await miniloop.sleep(0)


def play(story: Callable[[], Coroutine[Any, Any, None]]) -> None:
    with miniloop.Runner(loop_factory=miniloop.SelectorEventLoop) as runner:
        runner.run(story())


async def cancel_some(tasks: list[miniloop.Task[None]], cancels: list[tuple[int, int]]) -> None:
    """Cancel the given tasks, then run enough iterations for the other tasks."""
    for number, pause in cancels:
        tasks[number].cancel()
        await turns(pause)
    await turns(50)


async def end(tasks: list[miniloop.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await miniloop.gather(*tasks, return_exceptions=True)


@given(PAUSES, CANCELS)
def test_no_item_is_lost_or_returned_twice_whichever_getter_is_cancelled(
    pauses: list[int], cancels: list[tuple[int, int]]
) -> None:
    async def story() -> None:
        queue: miniloop.Queue[int] = miniloop.Queue()
        got: list[int] = []

        async def get() -> None:
            got.append(await queue.get())

        async def put() -> None:
            for item, pause in enumerate(pauses):
                await turns(pause)
                await queue.put(item)

        getters = [miniloop.create_task(get()) for _ in range(8)]
        putter = miniloop.create_task(put())
        await cancel_some(getters, cancels)
        await putter
        still_there = [queue.get_nowait() for _ in range(queue.qsize())]
        asleep = [task for task in getters if not task.done()]
        assert got + still_there == list(range(8)), "lost, returned twice, or out of order"
        assert not (still_there and asleep), "a task waits although there are items"
        await end(getters)

    play(story)


@given(st.integers(1, 3), PAUSES, CANCELS)
def test_no_slot_is_lost_and_maxsize_is_never_exceeded_whichever_putter_is_cancelled(
    maxsize: int, pauses: list[int], cancels: list[tuple[int, int]]
) -> None:
    async def story() -> None:
        queue: miniloop.Queue[int] = miniloop.Queue(maxsize)
        put_items: list[int] = []
        got: list[int] = []

        async def put(item: int) -> None:
            await queue.put(item)
            put_items.append(item)

        async def get_four() -> None:
            for pause in pauses[:4]:
                await turns(pause)
                assert queue.qsize() <= maxsize
                got.append(await queue.get())

        putters = [miniloop.create_task(put(item)) for item in range(8)]
        getter = miniloop.create_task(get_four())
        await cancel_some(putters, cancels)
        asleep = [task for task in putters if not task.done()]
        assert not (asleep and not queue.full()), "a task waits although there is a free slot"
        still_there = [queue.get_nowait() for _ in range(queue.qsize())]
        assert got + still_there == put_items
        await end([*putters, getter])

    play(story)


@given(st.booleans(), st.integers(0, 3), PAUSES, st.integers(0, 30))
def test_no_task_waits_after_a_shutdown_at_any_time(
    immediate: bool, maxsize: int, pauses: list[int], tick: int
) -> None:
    async def story() -> None:
        queue: miniloop.Queue[int] = miniloop.Queue(maxsize)
        put_items: list[int] = []
        got: list[int] = []

        async def put() -> None:
            for item, pause in enumerate(pauses):
                await queue.put(item)
                put_items.append(item)
                await turns(pause)

        async def get() -> None:
            while True:
                got.append(await queue.get())
                queue.task_done()
                await turns(1)

        tasks = [miniloop.create_task(work) for work in (put(), get(), get())]
        await turns(tick)
        queue.shutdown(immediate)
        await turns(50)
        await queue.join()
        assert all(task.done() for task in tasks)
        assert got == put_items[: len(got)]
        assert immediate or got == put_items
        for task in tasks[1:]:
            assert isinstance(task.exception(), miniloop.QueueShutDown)
        assert isinstance(tasks[0].exception(), miniloop.QueueShutDown | None)

    play(story)


@pytest.mark.parametrize("kind", [miniloop.Queue, miniloop.LifoQueue, miniloop.PriorityQueue])
@given(items=st.lists(st.integers()))
def test_each_kind_of_queue_returns_items_in_its_order(
    kind: type[miniloop.Queue[int]], items: list[int]
) -> None:
    async def story() -> None:
        queue = kind()
        for item in items:
            queue.put_nowait(item)
        orders = {"Queue": items, "LifoQueue": items[::-1], "PriorityQueue": sorted(items)}
        assert [queue.get_nowait() for _ in items] == orders[kind.__name__]

    play(story)


def test_closing_a_waiting_get_or_put_removes_its_waiter() -> None:
    async def story() -> None:
        queue: miniloop.Queue[str] = miniloop.Queue(1)
        getter = queue.get()
        getter.send(None)
        assert str(queue) == "<Queue maxsize=1 _getters[1]>"
        getter.close()
        assert str(queue) == "<Queue maxsize=1>"
        queue.put_nowait("item")
        putter = queue.put("another")
        putter.send(None)
        putter.close()
        assert str(queue) == "<Queue maxsize=1 _queue=['item'] tasks=1>"

    play(story)
