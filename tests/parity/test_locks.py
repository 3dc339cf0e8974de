"""Lock, Event, Condition, Semaphore, Barrier: which waiters are woken, and in which order."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial
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

ITERATIONS = range(6)
"""How many iterations to run before a task is cancelled. After the last of them it has finished."""


async def iterations(stage: Stage, count: int) -> None:
    for _ in range(count):
        await stage.aio.sleep(0)


def start_waiters(stage: Stage, wait: Callable[[], Any], *names: str) -> list[Any]:
    """Start a task for each name; it logs the outcome of `wait()`. Return the tasks."""

    async def waiter(name: str) -> None:
        stage.log(name, await attempt_await(wait()))

    return [stage.aio.create_task(waiter(name)) for name in names]


def state_of(thing: Any) -> str:
    """Return the state that `repr()` shows, without class and address."""
    return repr(thing).partition(" [")[2].removesuffix("]>")


def plain_signature(function: Any) -> str:
    """Return the parameters of `function` as text, without annotations."""
    parameters = inspect.signature(function).parameters.values()
    return ", ".join(str(p.replace(annotation=p.empty)) for p in parameters)


# Lock


def test_acquiring_a_free_lock_does_not_run_an_iteration(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        lock = aio.Lock()
        aio.get_running_loop().call_soon(log, "a callback that was ready before")
        log(await lock.acquire(), lock.locked())
        lock.release()
        async with lock as nothing:
            log(nothing, lock.locked())
        log(lock.locked())
        await aio.sleep(0)

    assert stage.run(main) == [
        (True, True),
        (None, True),
        False,
        "a callback that was ready before",
    ]


def test_a_lock_is_granted_in_the_order_of_the_requests(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        lock = aio.Lock()

        async def work(name: str, seconds: float) -> None:
            async with lock:
                log(name, stage.now)
                await aio.sleep(seconds)

        await aio.gather(work("a", 3), work("b", 1), work("c", 2), work("d", 0))

    assert stage.run(main) == [("a", 0.0), ("b", 3.0), ("c", 4.0), ("d", 6.0)]


def test_a_newcomer_queues_behind_a_woken_waiter_although_the_lock_is_free(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        lock = aio.Lock()
        await lock.acquire()

        async def waiter(name: str) -> None:
            await lock.acquire()
            log(f"{name} acquired")
            lock.release()
            log("free again", lock.locked())

        task = aio.create_task(waiter("woken"))
        await aio.sleep(0)
        lock.release()
        log("free", lock.locked())
        await waiter("newcomer")
        await task

    assert stage.run(main) == [
        ("free", False),
        "woken acquired",
        ("free again", False),
        "newcomer acquired",
        ("free again", False),
    ]


def test_a_newcomer_overtakes_cancelled_waiters(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        lock = aio.Lock()
        await lock.acquire()
        tasks = start_waiters(stage, lock.acquire, "a", "b")
        await aio.sleep(0)
        for task in tasks:
            task.cancel()
        lock.release()
        log(state_of(lock))
        await lock.acquire()
        log("newcomer acquired")
        await aio.wait(tasks)
        log(state_of(lock))

    assert stage.run(main) == [
        "unlocked, waiters:2",
        "newcomer acquired",
        ("a", "raised CancelledError"),
        ("b", "raised CancelledError"),
        "locked",
    ]


def test_if_the_task_that_was_given_the_lock_is_cancelled_the_next_one_gets_it(
    stage: Stage,
) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        lock = aio.Lock()
        await lock.acquire()
        a, b = start_waiters(stage, lock.acquire, "a", "b")
        await aio.sleep(0)
        lock.release()
        log(a.cancel())
        await aio.wait([a, b])
        log(lock.locked())

    assert stage.run(main) == [True, ("a", "raised CancelledError"), ("b", "returned True"), True]


def test_if_the_first_waiter_is_cancelled_before_the_release_the_next_one_gets_the_lock(
    stage: Stage,
) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        lock = aio.Lock()
        await lock.acquire()
        a, b = start_waiters(stage, lock.acquire, "a", "b")
        await aio.sleep(0)
        log(a.cancel())
        lock.release()
        await aio.wait([a, b])

    assert stage.run(main) == [True, ("a", "raised CancelledError"), ("b", "returned True")]


def test_at_whatever_iteration_a_waiter_is_cancelled_the_others_get_the_lock(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def story(count: int) -> None:
        lock = aio.Lock()
        steps = []

        async def work(name: str) -> None:
            try:
                async with lock:
                    steps.append(f"{name} in")
                    await aio.sleep(0)
            except aio.CancelledError as error:
                steps.append(f"{name} cancelled {error}")

        tasks = [aio.create_task(work(name)) for name in "abc"]
        await iterations(stage, count)
        tasks[1].cancel("by main")
        await aio.gather(*tasks, return_exceptions=True)
        log(count, ", ".join(steps), lock.locked())

    for count in ITERATIONS:
        stage.run(partial(story, count))
    assert log == [
        (0, "a in, c in", False),
        (1, "a in, b cancelled by main, c in", False),
        (2, "a in, b cancelled by main, c in", False),
        (3, "a in, b in, b cancelled by main, c in", False),
        (4, "a in, b in, c in", False),
        (5, "a in, b in, c in", False),
    ]


def test_a_waiter_that_timed_out_does_not_get_the_lock_later(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        lock = aio.Lock()
        await lock.acquire()
        log(await attempt_await(aio.wait_for(lock.acquire(), 1)), stage.now)
        lock.release()
        await aio.sleep(1)
        log(lock.locked())

    assert stage.run(main) == [("raised TimeoutError", 1.0), False]


def test_any_task_can_release_a_lock_but_a_free_lock_cannot_be_released(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        lock = aio.Lock()
        log(attempt(lock.release))
        await lock.acquire()

        async def other_task() -> None:
            log(attempt(lock.release))
            log(attempt(lock.release))

        await aio.create_task(other_task())

    assert stage.run(main) == [
        "raised RuntimeError: Lock is not acquired.",
        "returned None",
        "raised RuntimeError: Lock is not acquired.",
    ]


def test_a_block_that_raises_releases_its_lock(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        lock = aio.Lock()

        async def failing() -> None:
            async with lock:
                raise ValueError("in the block")

        log(await attempt_await(failing()), lock.locked())

    assert stage.run(main) == [("raised ValueError: in the block", False)]


def test_the_repr_shows_the_state_and_the_number_of_waiters(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        locks = aio.Lock(), aio.Semaphore(), aio.BoundedSemaphore(2)
        for lock in (*locks, aio.Condition(), aio.Event(), aio.Barrier(2)):
            log(normalise(repr(lock)))
        for lock in locks:
            while not lock.locked():
                await lock.acquire()
            tasks = start_waiters(stage, lock.acquire, "a", "b")
            await aio.sleep(0)
            log(normalise(repr(lock)))
            for task in tasks:
                task.cancel()
            lock.release()
            log(state_of(lock), lock.locked())
            await aio.wait(tasks)

    assert stage.run(main) == [
        "<asyncio.locks.Lock object at 0x… [unlocked]>",
        "<asyncio.locks.Semaphore object at 0x… [unlocked, value:1]>",
        "<asyncio.locks.BoundedSemaphore object at 0x… [unlocked, value:2]>",
        "<asyncio.locks.Condition object at 0x… [unlocked]>",
        "<asyncio.locks.Event object at 0x… [unset]>",
        "<asyncio.locks.Barrier object at 0x… [filling, waiters:0/2]>",
        "<asyncio.locks.Lock object at 0x… [locked, waiters:2]>",
        ("unlocked, waiters:2", False),
        ("a", "raised CancelledError"),
        ("b", "raised CancelledError"),
        "<asyncio.locks.Semaphore object at 0x… [locked, waiters:2]>",
        ("unlocked, value:1, waiters:2", False),
        ("a", "raised CancelledError"),
        ("b", "raised CancelledError"),
        "<asyncio.locks.BoundedSemaphore object at 0x… [locked, waiters:2]>",
        ("unlocked, value:1, waiters:2", False),
        ("a", "raised CancelledError"),
        ("b", "raised CancelledError"),
    ]


# Binding to one loop


def test_a_primitive_without_waiters_can_be_used_by_several_loops(stage: Stage) -> None:
    aio, log = stage.aio, stage.log
    lock, event, semaphore, barrier = aio.Lock(), aio.Event(), aio.Semaphore(2), aio.Barrier(1)
    event.set()

    async def main() -> None:
        async with lock, semaphore:
            log(await event.wait(), await barrier.wait())

    stage.run(main)
    assert stage.run(main) == [(True, 0), (True, 0)]


def test_waiting_binds_a_primitive_to_the_running_loop(stage: Stage) -> None:
    aio, log = stage.aio, stage.log
    lock, event, semaphore = aio.Lock(), aio.Event(), aio.Semaphore(0)

    async def main() -> None:
        if not lock.locked():
            await lock.acquire()
        for wait in (lock.acquire, event.wait, semaphore.acquire):
            refusal = await attempt_await(aio.wait_for(wait(), 1))
            log(*refusal.split(" is "))

    stage.run(main)
    assert stage.run(main) == [
        "raised TimeoutError",
        "raised TimeoutError",
        "raised TimeoutError",
        (
            "raised RuntimeError: <asyncio.locks.Lock object at 0x… [locked]>",
            "bound to a different event loop",
        ),
        (
            "raised RuntimeError: <asyncio.locks.Event object at 0x… [unset]>",
            "bound to a different event loop",
        ),
        (
            "raised RuntimeError: <asyncio.locks.Semaphore object at 0x… [locked]>",
            "bound to a different event loop",
        ),
    ]


@older_asyncio_differs("3.13", "the lock is released while wait() raises")
def test_a_condition_of_another_loop_raises_and_its_lock_stays_held(stage: Stage) -> None:
    aio, log = stage.aio, stage.log
    condition = aio.Condition()

    async def wait() -> None:
        async with condition:
            await condition.wait()

    async def main() -> None:
        await aio.wait_for(wait(), 1)

    async def elsewhere() -> None:
        await condition.acquire()
        refusal = await attempt_await(condition.wait())
        log(*refusal.split(" is "), condition.locked())

    with pytest.raises(TimeoutError):
        stage.run(main)
    assert stage.run(elsewhere) == [
        (
            "raised RuntimeError: <asyncio.locks.Condition object at 0x… [locked]>",
            "bound to a different event loop",
            True,
        )
    ]


# Event


def test_an_event_wakes_all_waiters_in_the_order_of_arrival(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        event = aio.Event()
        tasks = start_waiters(stage, event.wait, "a", "b", "c")
        await aio.sleep(0)
        log(state_of(event), event.is_set())
        event.set()
        log(state_of(event), event.is_set())
        await aio.wait(tasks)
        log(state_of(event))

    assert stage.run(main) == [
        ("unset, waiters:3", False),
        ("set, waiters:3", True),
        ("a", "returned True"),
        ("b", "returned True"),
        ("c", "returned True"),
        "set",
    ]


def test_waiting_for_an_event_that_is_set_does_not_run_an_iteration(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        event = aio.Event()
        event.set()
        aio.get_running_loop().call_soon(log, "a callback that was ready before")
        log(await event.wait())
        await aio.sleep(0)

    assert stage.run(main) == [True, "a callback that was ready before"]


def test_an_event_that_is_set_and_cleared_at_once_still_wakes_its_waiters(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        event = aio.Event()
        early = start_waiters(stage, event.wait, "early")
        await aio.sleep(0)
        event.set()
        event.set()
        event.clear()
        late = start_waiters(stage, event.wait, "late")
        await iterations(stage, 3)
        log(event.is_set(), outcome(late[0]))
        event.set()
        await aio.wait(early + late)

    assert stage.run(main) == [
        ("early", "returned True"),
        (False, "pending"),
        ("late", "returned True"),
    ]


def test_at_whatever_iteration_a_waiter_is_cancelled_the_event_wakes_the_others(
    stage: Stage,
) -> None:
    aio, log = stage.aio, stage.log

    async def story(count: int) -> None:
        event = aio.Event()
        steps = []

        async def waiter(name: str) -> None:
            steps.append(f"{name} {await attempt_await(event.wait())}")

        tasks = [aio.create_task(waiter(name)) for name in "abc"]
        aio.get_running_loop().call_soon(event.set)
        await iterations(stage, count)
        tasks[1].cancel("by main")
        await aio.gather(*tasks, return_exceptions=True)
        log(count, ", ".join(steps))

    for count in ITERATIONS[:4]:
        stage.run(partial(story, count))
    assert log == [
        (0, "a returned True, c returned True"),
        (1, "a returned True, b raised CancelledError: by main, c returned True"),
        (2, "a returned True, b returned True, c returned True"),
        (3, "a returned True, b returned True, c returned True"),
    ]


# Condition


def test_wait_releases_the_lock_and_holds_it_again_when_it_returns(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        condition = aio.Condition()

        async def waiter() -> None:
            async with condition:
                log("waits", condition.locked())
                log(await condition.wait(), condition.locked())

        task = aio.create_task(waiter())
        await aio.sleep(0)
        log("waited for", condition.locked())
        async with condition:
            condition.notify()
            await iterations(stage, 3)
            log("still inside")
        await task
        log("over", condition.locked())

    assert stage.run(main) == [
        ("waits", True),
        ("waited for", False),
        "still inside",
        (True, True),
        ("over", False),
    ]


@pytest.mark.parametrize("count", [-1, 0, 1, 2, 3, 9])
def test_notify_wakes_up_to_n_waiters_in_the_order_of_arrival(stage: Stage, count: int) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        condition = aio.Condition()

        async def waiter(name: str) -> None:
            async with condition:
                await condition.wait()
                log(f"{name} woke")

        tasks = [aio.create_task(waiter(name)) for name in "abc"]
        await aio.sleep(0)
        async with condition:
            condition.notify(count)
        await iterations(stage, 5)
        log("and the others")
        async with condition:
            condition.notify_all()
        await aio.wait(tasks)

    assert (
        stage.run(main)
        == {
            -1: ["and the others", "a woke", "b woke", "c woke"],
            0: ["and the others", "a woke", "b woke", "c woke"],
            1: ["a woke", "and the others", "b woke", "c woke"],
            2: ["a woke", "b woke", "and the others", "c woke"],
            3: ["a woke", "b woke", "c woke", "and the others"],
            9: ["a woke", "b woke", "c woke", "and the others"],
        }[count]
    )


def test_notified_waiters_return_one_by_one_as_they_get_the_lock(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        condition = aio.Condition()

        async def waiter(name: str, seconds: float) -> None:
            async with condition:
                await condition.wait()
                await aio.sleep(seconds)
                log(name, stage.now)

        tasks = [aio.create_task(waiter(*row)) for row in (("a", 2), ("b", 1), ("c", 3))]
        await aio.sleep(0)
        async with condition:
            condition.notify_all()
            await aio.sleep(1)
        await aio.wait(tasks)

    assert stage.run(main) == [("a", 3.0), ("b", 4.0), ("c", 7.0)]


def test_wait_and_notify_without_the_lock_raise(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        condition = aio.Condition()
        log(await attempt_await(condition.wait()))
        log(await attempt_await(condition.wait_for(lambda: False)))
        log(await attempt_await(condition.wait_for(lambda: "true immediately")))
        log(attempt(condition.notify))
        log(attempt(condition.notify_all))
        log(attempt(condition.release))

    assert stage.run(main) == [
        "raised RuntimeError: cannot wait on un-acquired lock",
        "raised RuntimeError: cannot wait on un-acquired lock",
        "returned 'true immediately'",
        "raised RuntimeError: cannot notify on un-acquired lock",
        "raised RuntimeError: cannot notify on un-acquired lock",
        "raised RuntimeError: Lock is not acquired.",
    ]


def test_wait_for_calls_the_predicate_after_every_wake_up_with_the_lock_held(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        condition = aio.Condition()
        store: list[str] = []

        def enough() -> str | None:
            log("asked", len(store), condition.locked())
            return "+".join(store) if len(store) == 2 else None

        async def consumer() -> None:
            async with condition:
                log(await condition.wait_for(enough))

        task = aio.create_task(consumer())
        await aio.sleep(0)
        for item in ("flour", "sugar"):
            async with condition:
                store.append(item)
                condition.notify()
            await iterations(stage, 3)
        await task

    assert stage.run(main) == [
        ("asked", 0, True),
        ("asked", 1, True),
        ("asked", 2, True),
        "flour+sugar",
    ]


def test_several_conditions_can_share_a_lock(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        lock = aio.Lock()
        not_empty, not_full = aio.Condition(lock), aio.Condition(lock=lock)

        async def waiter(name: str, condition: Any) -> None:
            async with condition:
                await condition.wait()
                log(name)

        tasks = [
            aio.create_task(waiter("not empty", not_empty)),
            aio.create_task(waiter("not full", not_full)),
        ]
        await aio.sleep(0)
        async with lock:
            log(not_empty.locked(), not_full.locked())
            not_full.notify()
        await iterations(stage, 3)
        log([task.done() for task in tasks])
        async with not_full:
            not_empty.notify()
        await aio.wait(tasks)

    assert stage.run(main) == [(True, True), "not full", [False, True], "not empty"]


def test_a_cancelled_wait_raises_with_the_lock_held(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        condition = aio.Condition()

        async def waiter() -> None:
            async with condition:
                try:
                    await condition.wait()
                finally:
                    log("cleans up", condition.locked())

        task = aio.create_task(waiter())
        await aio.sleep(0)
        async with condition:
            task.cancel("by main")
            await iterations(stage, 3)
            log("is waiting for the lock", outcome(task))
        log(await attempt_await(task), condition.locked())

    assert stage.run(main) == [
        ("is waiting for the lock", "pending"),
        ("cleans up", True),
        ("raised CancelledError: by main", False),
    ]


@older_asyncio_differs("3.13", "wait() raises a new CancelledError without the message")
def test_a_wait_that_is_cancelled_several_times_raises_the_last_cancellation(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        condition = aio.Condition()

        async def waiter() -> None:
            async with condition:
                await condition.wait()

        task = aio.create_task(waiter())
        await aio.sleep(0)
        async with condition:
            for message in ("first", "second", "third"):
                log(task.cancel(message))
                await iterations(stage, 2)
            log(outcome(task))
        log(await attempt_await(task), condition.locked())

    assert stage.run(main) == [True, True, True, "pending", ("raised CancelledError: third", False)]


@older_asyncio_differs("3.13", "if a woken task is cancelled, its notification is lost")
def test_if_a_notified_task_is_cancelled_the_next_waiter_gets_the_notification(
    stage: Stage,
) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        condition = aio.Condition()

        async def waiter(name: str) -> None:
            async with condition:
                log(name, await attempt_await(condition.wait()))

        a, b = (aio.create_task(waiter(name)) for name in "ab")
        await aio.sleep(0)
        async with condition:
            condition.notify()
            a.cancel()
        await iterations(stage, 5)
        log(outcome(a), outcome(b))

    assert stage.run(main) == [
        ("a", "raised CancelledError"),
        ("b", "returned True"),
        ("returned None", "returned None"),
    ]


def test_notify_skips_cancelled_waiters(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        condition = aio.Condition()

        async def waiter(name: str) -> None:
            async with condition:
                log(name, await attempt_await(condition.wait()))

        a, b, c = (aio.create_task(waiter(name)) for name in "abc")
        await aio.sleep(0)
        async with condition:
            a.cancel()
            condition.notify()
            log(state_of(condition))
        await aio.wait([a, b])
        async with condition:
            condition.notify_all()
        await c

    assert stage.run(main) == [
        "locked, waiters:3",
        ("a", "raised CancelledError"),
        ("b", "returned True"),
        ("c", "returned True"),
    ]


@older_asyncio_differs("3.13", "a cancelled wait does not wake another waiter")
def test_at_whatever_iteration_a_waiter_is_cancelled_no_notification_is_lost(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def story(count: int) -> None:
        condition = aio.Condition()
        steps = []

        async def waiter(name: str) -> None:
            async with condition:
                try:
                    await condition.wait()
                    steps.append(f"{name} woken")
                except aio.CancelledError as error:
                    steps.append(f"{name} cancelled {error}")
                await aio.sleep(0)

        async def notifier() -> None:
            async with condition:
                condition.notify(2)

        tasks = [aio.create_task(waiter(name)) for name in "abc"]
        tasks.append(aio.create_task(notifier()))
        await iterations(stage, count)
        tasks[0].cancel("by main")
        await iterations(stage, 10)
        log(count, ", ".join(steps))
        async with condition:
            condition.notify_all()
        await aio.gather(*tasks, return_exceptions=True)

    for count in range(8):
        stage.run(partial(story, count))
    assert log == [
        (0, "b woken, c woken"),
        (1, "a cancelled by main, b woken, c woken"),
        (2, "a woken, b woken"),
        (3, "a woken, b woken"),
        (4, "a woken, b woken"),
        (5, "a woken, b woken"),
        (6, "a woken, b woken"),
        (7, "a woken, b woken"),
    ]


# Semaphore


def test_a_semaphore_admits_as_many_tasks_as_it_has_permits(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        semaphore = aio.Semaphore(2)

        async def work(name: str, seconds: float) -> None:
            async with semaphore as nothing:
                log(name, nothing, stage.now)
                await aio.sleep(seconds)

        await aio.gather(work("a", 3), work("b", 1), work("c", 5), work("d", 1), work("e", 1))
        log(semaphore.locked())

    assert stage.run(main) == [
        ("a", None, 0.0),
        ("b", None, 0.0),
        ("c", None, 1.0),
        ("d", None, 3.0),
        ("e", None, 4.0),
        False,
    ]


def test_several_releases_wake_as_many_waiters_in_the_order_of_arrival(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        semaphore = aio.Semaphore(0)
        tasks = start_waiters(stage, semaphore.acquire, "a", "b", "c", "d")
        await aio.sleep(0)
        for _ in range(3):
            semaphore.release()
        log(state_of(semaphore))
        await iterations(stage, 3)
        log([task.done() for task in tasks], semaphore.locked())
        semaphore.release()
        await aio.wait(tasks)

    assert stage.run(main) == [
        "locked, waiters:4",
        ("a", "returned True"),
        ("b", "returned True"),
        ("c", "returned True"),
        ([True, True, True, False], True),
        ("d", "returned True"),
    ]


def test_a_newcomer_queues_behind_a_woken_waiter_although_there_are_permits(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        semaphore = aio.Semaphore(0)
        tasks = start_waiters(stage, semaphore.acquire, "woken")
        await aio.sleep(0)
        tasks += start_waiters(stage, semaphore.acquire, "second", "third")
        semaphore.release()
        semaphore.release()
        log(state_of(semaphore), semaphore.locked())
        await iterations(stage, 5)
        log([task.done() for task in tasks], state_of(semaphore))
        semaphore.release()
        await aio.wait(tasks)

    assert stage.run(main) == [
        ("locked, waiters:1", True),
        ("woken", "returned True"),
        ("second", "returned True"),
        ([True, True, False], "locked, waiters:1"),
        ("third", "returned True"),
    ]


@older_asyncio_differs("3.13", "each newcomer wakes only the next one, an iteration later")
def test_all_newcomers_that_have_a_permit_are_woken_in_the_same_iteration(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        semaphore = aio.Semaphore(0)
        tasks = start_waiters(stage, semaphore.acquire, "woken")
        await aio.sleep(0)
        tasks += start_waiters(stage, semaphore.acquire, "a", "b", "c", "d")
        for _ in range(4):
            semaphore.release()
        for _ in range(4):
            log(state_of(semaphore))
            await aio.sleep(0)
        semaphore.release()
        await aio.wait(tasks)

    assert stage.run(main) == [
        "locked, waiters:1",
        ("woken", "returned True"),
        "locked, waiters:4",
        ("a", "returned True"),
        ("b", "returned True"),
        ("c", "returned True"),
        "locked, waiters:1",
        "locked, waiters:1",
        ("d", "returned True"),
    ]


def test_if_the_task_that_was_given_a_permit_is_cancelled_the_next_one_gets_it(
    stage: Stage,
) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        semaphore = aio.Semaphore(0)
        a, b, c = start_waiters(stage, semaphore.acquire, "a", "b", "c")
        await aio.sleep(0)
        semaphore.release()
        semaphore.release()
        log(a.cancel(), b.cancel(), state_of(semaphore))
        await aio.wait([a, b, c])
        log(state_of(semaphore))

    assert stage.run(main) == [
        (True, True, "locked, waiters:3"),
        ("a", "raised CancelledError"),
        ("b", "raised CancelledError"),
        ("c", "returned True"),
        "unlocked, value:1",
    ]


def test_at_whatever_iteration_a_waiter_is_cancelled_no_permit_is_lost(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def story(count: int) -> None:
        semaphore = aio.Semaphore(2)
        steps = []

        async def work(name: str) -> None:
            try:
                async with semaphore:
                    steps.append(f"{name} in")
                    await aio.sleep(0)
            except aio.CancelledError as error:
                steps.append(f"{name} cancelled {error}")

        tasks = [aio.create_task(work(name)) for name in "abcde"]
        await iterations(stage, count)
        tasks[2].cancel("by main")
        await aio.gather(*tasks, return_exceptions=True)
        log(count, ", ".join(steps), state_of(semaphore))

    for count in ITERATIONS:
        stage.run(partial(story, count))
    assert log == [
        (0, "a in, b in, d in, e in", "unlocked, value:2"),
        (1, "a in, b in, c cancelled by main, d in, e in", "unlocked, value:2"),
        (2, "a in, b in, c cancelled by main, d in, e in", "unlocked, value:2"),
        (3, "a in, b in, c in, d in, c cancelled by main, e in", "unlocked, value:2"),
        (4, "a in, b in, c in, d in, e in", "unlocked, value:2"),
        (5, "a in, b in, c in, d in, e in", "unlocked, value:2"),
    ]


def test_a_bounded_semaphore_raises_if_it_is_released_too_often(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        plain, bounded = aio.Semaphore(1), aio.BoundedSemaphore(1)
        log(attempt(plain.release), state_of(plain))
        log(attempt(bounded.release), state_of(bounded))
        await bounded.acquire()
        log(attempt(bounded.release))
        log(attempt(aio.Semaphore, -1))
        log(attempt(aio.BoundedSemaphore, value=-1))

    assert stage.run(main) == [
        ("returned None", "unlocked, value:2"),
        ("raised ValueError: BoundedSemaphore released too many times", "unlocked, value:1"),
        "returned None",
        "raised ValueError: Semaphore initial value must be >= 0",
        "raised ValueError: Semaphore initial value must be >= 0",
    ]


# Barrier


def test_the_last_arrival_releases_all_and_each_gets_its_position(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        barrier = aio.Barrier(3)
        tasks = start_waiters(stage, barrier.wait, "a", "b")
        await aio.sleep(1)
        log(barrier.n_waiting, barrier.parties, barrier.broken)
        async with barrier as position:
            log("main", position, stage.now)
        await aio.wait(tasks)
        log(barrier.n_waiting, barrier.parties, barrier.broken)

    assert stage.run(main) == [
        (2, 3, False),
        ("main", 2, 1.0),
        ("a", "returned 0"),
        ("b", "returned 1"),
        (0, 3, False),
    ]


def test_a_barrier_can_be_used_again_after_each_round(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        barrier = aio.Barrier(2)

        async def work(name: str) -> None:
            for number in range(3):
                log(name, number, await barrier.wait())

        await aio.gather(work("a"), work("b"))

    assert stage.run(main) == [
        ("b", 0, 1),
        ("a", 0, 0),
        ("b", 1, 1),
        ("a", 1, 0),
        ("b", 2, 1),
        ("a", 2, 0),
    ]


def test_many_tasks_pass_a_barrier_in_rounds_and_the_remainder_waits(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        barrier = aio.Barrier(2)
        tasks = start_waiters(stage, barrier.wait, *"abcdefg")
        await iterations(stage, 12)
        log([task.done() for task in tasks], barrier.n_waiting)
        await barrier.wait()
        await aio.wait(tasks)

    assert stage.run(main) == [
        ("b", "returned 1"),
        ("a", "returned 0"),
        ("d", "returned 1"),
        ("c", "returned 0"),
        ("f", "returned 1"),
        ("e", "returned 0"),
        ([True, True, True, True, True, True, False], 1),
        ("g", "returned 0"),
    ]


def test_a_barrier_for_one_party_never_blocks(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        barrier = aio.Barrier(1)
        aio.get_running_loop().call_soon(log, "a callback that was ready before")
        log(await barrier.wait(), await barrier.wait(), state_of(barrier))
        await aio.sleep(0)

    assert stage.run(main) == [(0, 0, "filling, waiters:0/1"), "a callback that was ready before"]


@older_asyncio_differs("3.14", "the message says: parties must be > 0")
def test_a_barrier_needs_at_least_one_party(stage: Stage) -> None:
    aio, log = stage.aio, stage.log
    for parties in (0, -1, "two", None):
        log(attempt(aio.Barrier, parties).partition(" between")[0])
    log(attempt(aio.Barrier))
    assert log == [
        "raised ValueError: parties must be >= 1",
        "raised ValueError: parties must be >= 1",
        "raised TypeError: '<' not supported",
        "raised TypeError: '<' not supported",
        "raised TypeError: Barrier.__init__() missing 1 required positional argument: 'parties'",
    ]


def test_a_task_that_arrives_while_a_round_is_leaving_waits_for_the_next(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        barrier = aio.Barrier(2)
        tasks = start_waiters(stage, barrier.wait, "a")
        await aio.sleep(0)
        log("main", await barrier.wait(), state_of(barrier), barrier.n_waiting)
        aio.get_running_loop().call_soon(lambda: log("left", state_of(barrier)))
        tasks += start_waiters(stage, barrier.wait, "b")
        log("main", await barrier.wait())
        await aio.wait(tasks)

    assert stage.run(main) == [
        ("main", 1, "draining, waiters:0/2", 0),
        ("a", "returned 0"),
        ("left", "filling, waiters:0/2"),
        ("main", 1),
        ("b", "returned 0"),
    ]


def test_reset_breaks_the_current_round_and_then_the_barrier_works_again(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        barrier = aio.Barrier(3)
        await barrier.reset()
        log(state_of(barrier))
        inside = start_waiters(stage, barrier.wait, "a", "b")
        await aio.sleep(0)
        await barrier.reset()
        log(state_of(barrier), barrier.n_waiting, barrier.broken)
        next_round = start_waiters(stage, barrier.wait, "c", "d", "e")
        await aio.wait(inside + next_round)
        log(state_of(barrier))

    assert stage.run(main) == [
        "filling, waiters:0/3",
        ("resetting, waiters:0/3", 0, False),
        ("a", "raised BrokenBarrierError: Abort or reset of barrier"),
        ("b", "raised BrokenBarrierError: Abort or reset of barrier"),
        ("e", "returned 2"),
        ("c", "returned 0"),
        ("d", "returned 1"),
        "filling, waiters:0/3",
    ]


def test_reset_also_breaks_released_tasks_that_have_not_left_yet(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        barrier = aio.Barrier(2)
        tasks = start_waiters(stage, barrier.wait, "a")
        await aio.sleep(0)
        log("main", await barrier.wait())
        await barrier.reset()
        log(state_of(barrier))
        await aio.wait(tasks)
        log(state_of(barrier))

    assert stage.run(main) == [
        ("main", 1),
        "resetting, waiters:0/2",
        ("a", "raised BrokenBarrierError: Abort or reset of barrier"),
        "filling, waiters:0/2",
    ]


def test_an_aborted_barrier_raises_until_it_is_reset(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        barrier = aio.Barrier(2)
        inside = start_waiters(stage, barrier.wait, "inside")
        await aio.sleep(0)
        await barrier.abort()
        log(state_of(barrier), barrier.n_waiting, barrier.broken)
        log("newcomer", await attempt_await(barrier.wait()))
        await aio.wait(inside)
        log("latecomer", await attempt_await(barrier.wait()))
        log("block", await attempt_await(barrier.__aenter__()))
        await barrier.reset()
        log(state_of(barrier), barrier.broken)
        again = start_waiters(stage, barrier.wait, "a", "b")
        await aio.wait(again)

    assert stage.run(main) == [
        ("broken", 0, True),
        ("newcomer", "raised BrokenBarrierError: Barrier aborted"),
        ("inside", "raised BrokenBarrierError: Abort or reset of barrier"),
        ("latecomer", "raised BrokenBarrierError: Barrier aborted"),
        ("block", "raised BrokenBarrierError: Barrier aborted"),
        ("filling, waiters:0/2", False),
        ("b", "returned 1"),
        ("a", "returned 0"),
    ]


def test_after_abort_and_reset_the_tasks_inside_leave_before_new_ones_count(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        barrier = aio.Barrier(3)
        tasks = start_waiters(stage, barrier.wait, "a", "b")
        await aio.sleep(0)
        await barrier.abort()
        await barrier.reset()
        log(state_of(barrier), barrier.broken)
        tasks += start_waiters(stage, barrier.wait, "c")
        await iterations(stage, 4)
        log(state_of(barrier))
        await barrier.abort()
        await aio.wait(tasks)

    assert stage.run(main) == [
        ("resetting, waiters:0/3", False),
        ("a", "raised BrokenBarrierError: Abort or reset of barrier"),
        ("b", "raised BrokenBarrierError: Abort or reset of barrier"),
        "filling, waiters:1/3",
        ("c", "raised BrokenBarrierError: Abort or reset of barrier"),
    ]


def test_a_cancelled_task_no_longer_counts_as_waiting(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        barrier = aio.Barrier(2)
        tasks = start_waiters(stage, barrier.wait, "a")
        await aio.sleep(0)
        tasks[0].cancel("by main")
        await aio.wait(tasks)
        log(barrier.n_waiting)
        tasks = start_waiters(stage, barrier.wait, "b", "c")
        await aio.wait(tasks)

    assert stage.run(main) == [
        ("a", "raised CancelledError: by main"),
        0,
        ("c", "returned 1"),
        ("b", "returned 0"),
    ]


@older_asyncio_differs(
    "3.13", "a cancelled wait does not wake another waiter, so it keeps its place"
)
def test_a_waiter_woken_by_the_cancellation_of_another_goes_to_the_back_of_the_queue(
    stage: Stage,
) -> None:
    aio = stage.aio

    async def main() -> None:
        barrier = aio.Barrier(4)
        tasks = start_waiters(stage, barrier.wait, "a", "b", "c")
        await aio.sleep(0)
        tasks[0].cancel()
        await aio.wait(tasks[:1])
        tasks += start_waiters(stage, barrier.wait, "d", "e")
        await aio.wait(tasks)

    assert stage.run(main) == [
        ("a", "raised CancelledError"),
        ("e", "returned 3"),
        ("c", "returned 2"),
        ("b", "returned 1"),
        ("d", "returned 2"),
    ]


def test_at_whatever_iteration_a_task_is_cancelled_the_barrier_stays_usable(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def story(count: int) -> None:
        barrier = aio.Barrier(3)
        steps = []

        async def party(name: str) -> None:
            try:
                steps.append(f"{name} {await barrier.wait()}")
            except aio.CancelledError as error:
                steps.append(f"{name} cancelled {error}")

        tasks = [aio.create_task(party("a"))]
        await aio.sleep(0)
        tasks += [aio.create_task(party(name)) for name in "bcdef"]
        await iterations(stage, count)
        tasks[0].cancel("by main")
        state = state_of(barrier)
        await iterations(stage, 8)
        log(count, state, ", ".join(steps), state_of(barrier))
        await aio.gather(*tasks, return_exceptions=True)

    for count in ITERATIONS[:4]:
        stage.run(partial(story, count))
    assert log == [
        (
            0,
            "filling, waiters:1/3",
            "c 2, a cancelled by main, b 1, f 2, d 0, e 1",
            "filling, waiters:0/3",
        ),
        (
            1,
            "draining, waiters:0/3",
            "c 2, a cancelled by main, b 1, f 2, d 0, e 1",
            "filling, waiters:0/3",
        ),
        (2, "filling, waiters:0/3", "c 2, a 0, b 1, f 2, d 0, e 1", "filling, waiters:0/3"),
        (3, "draining, waiters:0/3", "c 2, a 0, b 1, f 2, d 0, e 1", "filling, waiters:0/3"),
    ]


# Names


@pytest.mark.parametrize(
    "name", ["Lock", "Event", "Condition", "Semaphore", "BoundedSemaphore", "Barrier"]
)
def test_locks_have_the_methods_and_signatures_of_asyncio(stage: Stage, name: str) -> None:
    kind, log = getattr(stage.aio, name), stage.log
    log(name, plain_signature(kind))
    for attribute in dir(kind):
        member = getattr(kind, attribute)
        if not attribute.startswith("_"):
            shape = plain_signature(member) if callable(member) else type(member).__name__
            log(f"{attribute}({shape})" if callable(member) else f"{attribute}: {shape}")
    assert (
        log
        == {
            "Lock": [("Lock", ""), "acquire(self)", "locked(self)", "release(self)"],
            "Event": [("Event", ""), "clear(self)", "is_set(self)", "set(self)", "wait(self)"],
            "Condition": [
                ("Condition", "lock=None"),
                "notify(self, n=1)",
                "notify_all(self)",
                "wait(self)",
                "wait_for(self, predicate)",
            ],
            "Semaphore": [
                ("Semaphore", "value=1"),
                "acquire(self)",
                "locked(self)",
                "release(self)",
            ],
            "BoundedSemaphore": [
                ("BoundedSemaphore", "value=1"),
                "acquire(self)",
                "locked(self)",
                "release(self)",
            ],
            "Barrier": [
                ("Barrier", "parties"),
                "abort(self)",
                "broken: property",
                "n_waiting: property",
                "parties: property",
                "reset(self)",
                "wait(self)",
            ],
        }[name]
    )
