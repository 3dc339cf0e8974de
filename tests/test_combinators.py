"""gather, wait, as_completed, shield: they leave no callbacks and timers; invalid arguments."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any

import pytest

import miniloop
from tests.virtual import play, take_reports, virtual_loop


def waiters(future: miniloop.Future[Any]) -> int:
    return len(future._waiters())


def live_timers() -> int:
    loop: Any = miniloop.get_running_loop()
    return sum(not entry[-1].cancelled() for entry in loop._scheduled)


# Callbacks and timers that remain


def test_wait_removes_its_callbacks_and_its_timer() -> None:
    async def story() -> list[object]:
        futures: list[miniloop.Future[int]] = [miniloop.Future() for _ in range(3)]
        waiting = miniloop.create_task(miniloop.wait(futures, timeout=60))
        await miniloop.sleep(0)
        steps: list[object] = [[waiters(future) for future in futures], live_timers()]
        waiting.cancel()
        await miniloop.gather(waiting, return_exceptions=True)
        steps += [[waiters(future) for future in futures], live_timers()]
        return steps

    assert play(story) == [[1, 1, 1], 1, [0, 0, 0], 0]


def test_as_completed_removes_its_timer_when_all_are_done() -> None:
    async def story() -> list[object]:
        iterator = miniloop.as_completed([miniloop.sleep(1, "work")], timeout=60)
        steps: list[object] = [live_timers()]
        steps += [await result for result in iterator]
        return [*steps, live_timers()]

    assert play(story) == [1, "work", 0]


def test_as_completed_removes_its_callbacks_after_a_timeout() -> None:
    async def story() -> list[object]:
        never: miniloop.Future[None] = miniloop.Future()
        iterator = miniloop.as_completed([never], timeout=1)
        steps: list[object] = [waiters(never)]
        with pytest.raises(TimeoutError):
            await anext(iterator)
        return [*steps, waiters(never), never.done()]

    assert play(story) == [1, 0, False]


def test_a_shield_whose_waiter_was_cancelled_leaves_no_callback() -> None:
    async def story() -> list[object]:
        inner: miniloop.Future[None] = miniloop.Future()
        outer = miniloop.shield(inner)
        steps: list[object] = [waiters(inner)]
        outer.cancel()
        await miniloop.sleep(0)
        return [*steps, waiters(inner), inner.cancelled()]

    assert play(story) == [1, 0, False]


def test_children_created_by_a_dropped_gather_are_not_reported() -> None:
    async def story() -> list[object]:
        async def wait_for_nothing() -> None:
            await miniloop.get_running_loop().create_future()

        miniloop.gather(wait_for_nothing(), wait_for_nothing())
        await miniloop.sleep(0)
        gc.collect()
        return [len(miniloop.all_tasks()), take_reports()]

    assert play(story) == [1, []]


def test_a_task_passed_to_a_dropped_gather_is_reported() -> None:
    async def story() -> list[object]:
        async def wait_for_nothing() -> None:
            await miniloop.get_running_loop().create_future()

        miniloop.gather(miniloop.create_task(wait_for_nothing()))
        await miniloop.sleep(0)
        return [*take_reports()]

    assert play(story) == [("Task was destroyed but it is pending!", "None")]


def test_cancelling_a_gather_cancels_every_child() -> None:
    async def story() -> list[object]:
        children = [miniloop.create_task(miniloop.sleep(60)) for _ in range(3)]
        gathering = miniloop.gather(*children)
        await miniloop.sleep(0)
        steps: list[object] = [gathering.cancel("enough"), gathering.done()]
        with pytest.raises(miniloop.CancelledError, match="enough"):
            await gathering
        return [*steps, *[child.cancelled() for child in children], gathering.cancel()]

    assert play(story) == [True, False, True, True, True, False]


# Invalid arguments

Refused = Callable[[], Any]

NUMBER: Any = 5


def a_future() -> Any:
    return miniloop.Future()


BAD_INPUT: list[tuple[str, Refused, type[Exception], str]] = [
    (
        "gather of a number",
        lambda: miniloop.gather(NUMBER),
        TypeError,
        "An asyncio.Future, a coroutine or an awaitable is required",
    ),
    (
        "shield of a number",
        lambda: miniloop.shield(NUMBER),
        TypeError,
        "An asyncio.Future, a coroutine or an awaitable is required",
    ),
    (
        "as_completed of a future",
        lambda: miniloop.as_completed(a_future()),
        TypeError,
        "expects an iterable of awaitables, not Future",
    ),
    (
        "as_completed of numbers",
        lambda: miniloop.as_completed([NUMBER]),
        TypeError,
        "An asyncio.Future, a coroutine or an awaitable is required",
    ),
    (
        "wait for a future",
        lambda: miniloop.wait(a_future()),
        TypeError,
        "expect a list of futures, not Future",
    ),
    ("wait for nothing", lambda: miniloop.wait([]), ValueError, "Set of Tasks/Futures is empty."),
    (
        "wait in an unknown way",
        lambda: miniloop.wait([miniloop.Future()], return_when="SOMETIMES"),
        ValueError,
        "Invalid return_when value: SOMETIMES",
    ),
]


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [case[1:] for case in BAD_INPUT],
    ids=[case[0] for case in BAD_INPUT],
)
def test_invalid_arguments_raise_with_a_clear_message(
    call: Refused, kind: type[Exception], message: str
) -> None:
    async def story() -> str:
        with pytest.raises(kind) as refused:
            await call()
        return str(refused.value)

    assert play(story) == message


def test_wait_rejects_coroutines() -> None:
    async def story() -> str:
        coro: Any = miniloop.sleep(0)
        with pytest.raises(TypeError) as refused:
            await miniloop.wait([coro])
        coro.close()
        return str(refused.value)

    assert play(story) == "Passing coroutines is forbidden, use tasks explicitly."


def test_futures_of_two_loops_cannot_be_mixed() -> None:
    with virtual_loop() as one, virtual_loop() as other:
        with pytest.raises(ValueError, match=r"^The future belongs to a different loop than the"):
            miniloop.gather(one.create_future(), other.create_future())
