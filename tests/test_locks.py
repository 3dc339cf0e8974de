"""Properties of locks that hold whatever their tasks do, and tests of miniloop's own details."""

from __future__ import annotations

import asyncio
import gc
import sys
import threading
import weakref
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import miniloop

Story = Callable[[], Coroutine[Any, Any, None]]

CANCELS = st.lists(st.tuples(st.integers(0, 7), st.integers(0, 3)), max_size=12)
"""Which task to cancel, and how many iterations to run after that."""

PAUSES = st.lists(st.integers(0, 3), min_size=8, max_size=8)
"""For how many iterations each of eight tasks stays inside."""


async def turns(count: int) -> None:
    for _ in range(count):
        await miniloop.sleep(0)


def play(story: Story) -> None:
    with miniloop.Runner(loop_factory=miniloop.SelectorEventLoop) as runner:
        runner.run(story())


async def cancel_some(tasks: list[miniloop.Task[None]], cancels: list[tuple[int, int]]) -> None:
    """Cancel the given tasks, then run enough iterations for the other tasks to finish."""
    for number, pause in cancels:
        tasks[number].cancel()
        await turns(pause)
    await turns(100)


# Arbitrary cancellations


@given(PAUSES, CANCELS)
def test_a_lock_has_one_holder_and_is_free_in_the_end_whichever_task_is_cancelled(
    pauses: list[int], cancels: list[tuple[int, int]]
) -> None:
    async def story() -> None:
        lock = miniloop.Lock()
        inside: list[int] = []

        async def work(number: int) -> None:
            async with lock:
                inside.append(number)
                try:
                    await turns(pauses[number])
                    assert inside == [number]
                finally:
                    inside.remove(number)

        tasks = [miniloop.create_task(work(number)) for number in range(8)]
        await cancel_some(tasks, cancels)
        assert all(task.done() for task in tasks), "a task waits although no task holds the lock"
        assert not lock.locked()
        errors = [task.exception() for task in tasks if not task.cancelled()]
        assert errors == [None] * len(errors)

    play(story)


@given(st.integers(1, 4), PAUSES, CANCELS)
def test_a_semaphore_never_exceeds_its_limit_and_loses_no_permit_whichever_task_is_cancelled(
    permits: int, pauses: list[int], cancels: list[tuple[int, int]]
) -> None:
    async def story() -> None:
        semaphore = miniloop.BoundedSemaphore(permits)
        inside = 0

        async def work(number: int) -> None:
            nonlocal inside
            async with semaphore:
                inside += 1
                assert inside <= permits
                try:
                    await turns(pauses[number])
                finally:
                    inside -= 1

        tasks = [miniloop.create_task(work(number)) for number in range(8)]
        await cancel_some(tasks, cancels)
        assert all(task.done() for task in tasks), "a task waits although there are permits"
        errors = [task.exception() for task in tasks if not task.cancelled()]
        assert errors == [None] * len(errors)
        for _ in range(permits):
            assert not semaphore.locked()
            await semaphore.acquire()
        assert semaphore.locked()

    play(story)


@given(st.lists(st.integers(0, 3), max_size=8), CANCELS)
def test_no_notification_is_lost_whichever_task_is_cancelled(
    pauses: list[int], cancels: list[tuple[int, int]]
) -> None:
    async def story() -> None:
        condition = miniloop.Condition()
        store: list[int] = []

        async def consume() -> None:
            async with condition:
                await condition.wait_for(lambda: store)
                store.pop()

        async def produce() -> None:
            for pause in pauses:
                async with condition:
                    store.append(pause)
                    condition.notify()
                await turns(pause)

        producer = miniloop.create_task(produce())
        tasks = [miniloop.create_task(consume()) for _ in range(8)]
        await cancel_some(tasks, cancels)
        await producer
        asleep = [task for task in tasks if not task.done()]
        assert not (store and asleep), "a task waits although the store is not empty"
        for task in asleep:
            task.cancel()
        await turns(20)

    play(story)


@given(st.integers(1, 5), st.integers(0, 12))
def test_a_barrier_releases_only_complete_rounds(parties: int, comers: int) -> None:
    async def story() -> None:
        barrier = miniloop.Barrier(parties)
        positions: list[int] = []

        async def party() -> None:
            positions.append(await barrier.wait())

        tasks = [miniloop.create_task(party()) for _ in range(comers)]
        await turns(100)
        rounds, left_over = divmod(comers, parties)
        assert sorted(positions) == sorted(list(range(parties)) * rounds)
        assert barrier.n_waiting == left_over
        await barrier.abort()
        await miniloop.gather(*tasks, return_exceptions=True)

    play(story)


# The loop that a lock belongs to


@pytest.mark.parametrize(("aio", "error"), [(asyncio, AttributeError), (miniloop, RuntimeError)])
def test_waiting_without_a_running_loop_raises_a_clear_error(
    aio: Any, error: type[Exception]
) -> None:
    """asyncio raises AttributeError on None here; miniloop says "no running event loop"."""
    for wait in (aio.Event().wait(), aio.Semaphore(0).acquire()):
        with pytest.raises(error) as caught:
            wait.send(None)
        assert (str(caught.value) == "no running event loop") is (aio is miniloop)


@pytest.fixture
def threads_take_turns_often() -> Iterator[None]:
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


@pytest.mark.usefixtures("threads_take_turns_often")
def test_if_two_loops_wait_at_once_one_of_them_raises() -> None:
    semaphores = [miniloop.Semaphore(0) for _ in range(200)]
    begin = threading.Barrier(2)
    refusals: list[str] = []

    async def wait_for_each() -> None:
        begin.wait()
        for semaphore in semaphores:
            task = miniloop.create_task(semaphore.acquire())
            await miniloop.sleep(0)
            task.cancel()
            await miniloop.wait([task])
            if not task.cancelled():
                refusals.append(str(task.exception()).partition(" is ")[2])

    threads = [threading.Thread(target=play, args=(wait_for_each,)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert refusals == ["bound to a different event loop"] * 200


# Reference cycles and waiters that remain


@pytest.fixture
def no_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("no_collector")
def test_a_wait_cancelled_while_it_reacquires_the_lock_leaves_no_cycle() -> None:
    class Witness:
        """Lives as long as the frame that refers to it."""

    async def story() -> None:
        condition = miniloop.Condition()

        async def waiter(witness: Witness) -> None:
            await condition.wait()

        # The coroutine runs without a task, because a task has references of its own.
        witness = Witness()
        gone = weakref.ref(witness)
        coro = waiter(witness)
        del witness
        await condition.acquire()
        coro.send(None)
        await condition.acquire()
        condition.notify()
        coro.send(None)
        coro.throw(miniloop.CancelledError("while it reacquires the lock"))
        condition.release()
        with pytest.raises(miniloop.CancelledError, match="while it reacquires the lock"):
            coro.send(None)
        assert condition.locked()
        del coro
        assert gone() is None

    play(story)


def test_closing_a_waiting_coroutine_removes_its_waiter() -> None:
    async def story() -> None:
        lock, event, semaphore = miniloop.Lock(), miniloop.Event(), miniloop.Semaphore(0)
        await lock.acquire()
        waits = {lock: lock.acquire(), event: event.wait(), semaphore: semaphore.acquire()}
        for thing, coro in waits.items():
            coro.send(None)
            assert "waiters:1" in repr(thing)
            coro.close()
            assert "waiters" not in repr(thing)

    play(story)
