"""Future: its waiters, the order in which they wake, and reports of lost exceptions."""

from __future__ import annotations

import gc
import traceback
import weakref
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any, Self

import pytest

import miniloop
from tests.virtual import VirtualLoop, play, take_reports, virtual_loop

Ending = Callable[["miniloop.Future[Any]"], object]

ENDINGS: dict[str, Ending] = {
    "result": lambda future: future.set_result(1),
    "exception": lambda future: future.set_exception(KeyError("key")),
    "cancelled": lambda future: future.cancel(),
}


def ignore(_: object) -> None:
    """A done callback."""


def retrieve(future: miniloop.Future[Any]) -> None:
    if not future.cancelled():
        future.exception()


# Waiters


@pytest.mark.parametrize("ending", ENDINGS)
def test_only_a_pending_future_has_waiters(ending: str) -> None:
    with virtual_loop() as loop:
        future = loop.create_future()
        steps: list[object] = [future._callbacks]
        future.add_done_callback(ignore)
        assert future._callbacks is not None
        steps.append(future.remove_done_callback(ignore))
        steps.append(future._callbacks)
        future.add_done_callback(ignore)
        ENDINGS[ending](future)
        steps.append(future._callbacks)
        future.add_done_callback(ignore)
        steps.append(future._callbacks)
        retrieve(future)
    assert steps == [None, 1, None, None, None]


def test_completing_a_future_moves_its_waiters_to_the_ready_queue_in_order() -> None:
    entries: list[str] = []

    class WatchedQueue(deque[Any]):
        def append(self, entry: Any) -> None:
            entries.append(type(entry).__name__)
            super().append(entry)

    class Watched(VirtualLoop):
        def __init__(self) -> None:
            super().__init__()
            self._ready = WatchedQueue()

    loop = Watched()
    future = loop.create_future()

    async def wait() -> None:
        await future

    future.add_done_callback(ignore)
    tasks = [loop.create_task(wait()) for _ in range(2)]
    loop.run_turns()
    future.add_done_callback(ignore)
    entries.clear()
    future.set_result(None)
    assert entries == ["Handle", "Task", "Task", "Handle"]
    loop.run_until_complete(miniloop.wait(tasks))
    loop.close()


def test_completing_a_future_without_waiters_schedules_nothing() -> None:
    with virtual_loop() as loop:
        for end in ENDINGS.values():
            future = loop.create_future()
            end(future)
            retrieve(future)
        assert not loop._ready


def test_callbacks_and_waiting_tasks_run_in_the_order_in_which_they_were_added() -> None:
    async def story() -> list[str]:
        future: miniloop.Future[None] = miniloop.get_running_loop().create_future()
        steps: list[str] = []

        async def wait(name: str) -> None:
            await future
            steps.append(name)

        def callback(number: int, _: object) -> None:
            steps.append(f"callback {number}")

        tasks = []
        for number in range(3):
            tasks.append(miniloop.create_task(wait(f"task {number}")))
            await miniloop.sleep(0)
            future.add_done_callback(partial(callback, number))
        future.set_result(None)
        await miniloop.wait(tasks)
        return steps

    assert play(story) == [
        *("task 0", "callback 0", "task 1", "callback 1", "task 2", "callback 2")
    ]


def test_removing_a_callback_does_not_remove_waiting_tasks() -> None:
    async def story() -> tuple[int, int]:
        future: miniloop.Future[int] = miniloop.Future()

        async def wait() -> int:
            return await future

        task = miniloop.create_task(wait())
        future.add_done_callback(ignore)
        await miniloop.sleep(0)
        future.add_done_callback(ignore)
        removed = future.remove_done_callback(ignore)
        future.set_result(7)
        return removed, await task

    assert play(story) == (2, 7)


def test_a_future_of_a_closed_loop_completes_but_cannot_wake_its_waiters() -> None:
    with virtual_loop() as loop:
        lonely, awaited = loop.create_future(), loop.create_future()
        awaited.add_done_callback(ignore)
    lonely.set_result(1)
    with pytest.raises(RuntimeError, match=r"^Event loop is closed$"):
        awaited.set_result(1)
    assert lonely.result() == 1


# Results and exceptions


@pytest.mark.parametrize("wrong", [5, "error", None, int])
def test_set_exception_accepts_only_exceptions(wrong: Any) -> None:
    with virtual_loop() as loop:
        future = loop.create_future()
        with pytest.raises(TypeError, match="invalid exception object"):
            future.set_exception(wrong)
        assert not future.done()


@pytest.mark.parametrize("first", ENDINGS)
def test_a_future_can_be_completed_only_once(first: str) -> None:
    with virtual_loop() as loop:
        future = loop.create_future()
        ENDINGS[first](future)
        for again in (future.set_result, future.set_exception):
            with pytest.raises(miniloop.InvalidStateError, match=r"^invalid state$"):
                again(ValueError())
        assert future.cancel() is False
        assert future.cancelled() is (first == "cancelled")


def test_a_pending_future_has_no_result_and_no_exception() -> None:
    with virtual_loop() as loop:
        future = loop.create_future()
        with pytest.raises(miniloop.InvalidStateError, match=r"^Result is not set\.$"):
            future.result()
        with pytest.raises(miniloop.InvalidStateError, match=r"^Exception is not set\.$"):
            future.exception()


def test_reading_the_result_repeatedly_does_not_extend_the_traceback() -> None:
    async def story() -> list[int]:
        future: miniloop.Future[None] = miniloop.Future()
        future.set_exception(KeyError("key"))
        lengths = []
        for _ in range(3):
            try:
                await future
            except KeyError as error:
                lengths.append(len(traceback.extract_tb(error.__traceback__)))
        return lengths

    first, *others = play(story)
    assert others == [first, first]


def test_a_future_supports_attributes_and_weak_references() -> None:
    with virtual_loop() as loop:
        future = loop.create_future()
        vars(future)["note"] = "mine"
        gone = weakref.ref(future)
        assert vars(future) == {"note": "mine"}
        del future
        assert gone() is None


# The repr


def test_the_repr_shows_state_outcome_and_waiters() -> None:
    with virtual_loop() as loop:
        steps = []
        for end in ENDINGS.values():
            future = loop.create_future()
            end(future)
            retrieve(future)
            steps.append(repr(future))
        future = loop.create_future()
        future.add_done_callback(ignore)
        steps.append(repr(future).replace(__file__, "here"))
        future.set_result(future)
        steps.append(repr(future))
    line = ignore.__code__.co_firstlineno
    assert steps == [
        "<Future finished result=1>",
        "<Future finished exception=KeyError('key')>",
        "<Future cancelled>",
        f"<Future pending cb=[ignore() at here:{line}]>",
        "<Future finished result=...>",
    ]


def test_in_debug_mode_the_repr_shows_where_the_future_was_created() -> None:
    with virtual_loop(debug=True) as loop:
        future = loop.create_future()
        place = vars(future)["_source_traceback"][-1]
        assert repr(future) == f"<Future pending created at {__file__}:{place.lineno}>"
        loop.set_debug(False)
        assert repr(loop.create_future()) == "<Future pending>"


# Exceptions that are never retrieved


class Labelled(miniloop.Future[Any]):
    """A subclass with attributes, like those in libraries."""

    def __init__(self, label: str) -> None:
        super().__init__()
        self.label = label


async def fail() -> None:
    raise KeyError("unseen")


def failed_future() -> miniloop.Future[Any]:
    future: miniloop.Future[Any] = miniloop.Future()
    future.set_exception(KeyError("unseen"))
    return future


def failed_subclass() -> Labelled:
    future = Labelled("mine")
    future.set_exception(KeyError("unseen"))
    return future


@pytest.mark.parametrize(
    ("make", "name"), [(failed_future, "Future"), (failed_subclass, "Labelled")]
)
def test_a_failed_future_is_reported_when_it_is_freed(
    make: Callable[[], miniloop.Future[Any]], name: str
) -> None:
    async def story() -> Any:
        loop: Any = miniloop.get_running_loop()
        future = make()
        shown, number = repr(future), id(future)
        assert loop.reports == []
        del future
        (report,) = loop.reports
        take_reports()
        assert id(report["future"]) == number  # the future itself, and not a copy
        return report, shown

    report, shown = play(story)
    lost = report["future"]
    assert report["message"] == f"{name} exception was never retrieved"
    assert repr(report["exception"]) == "KeyError('unseen')"
    assert type(lost).__name__ == name
    assert (repr(lost), lost.done(), lost.cancelled()) == (shown, True, False)
    assert lost.exception() is report["exception"]
    assert getattr(lost, "label", None) == ("mine" if name == "Labelled" else None)
    with pytest.raises(KeyError, match="unseen"):
        lost.result()


def test_a_failed_task_is_reported_with_its_name_and_coroutine() -> None:
    async def story() -> Any:
        loop: Any = miniloop.get_running_loop()
        task = miniloop.create_task(fail(), name="lost")
        await miniloop.sleep(0)
        shown = repr(task)
        del task
        gc.collect()
        (report,) = loop.reports
        take_reports()
        return report, shown

    report, shown = play(story)
    lost = report["future"]
    assert report["message"] == "Task exception was never retrieved"
    assert (lost.get_name(), lost.cancelling(), lost.get_coro().__name__) == ("lost", 0, "fail")
    assert repr(lost) == shown


def test_the_report_itself_is_not_reported() -> None:
    async def story() -> list[Any]:
        failed_future()
        return [take_reports(), take_reports()]

    assert play(story) == [[("Future exception was never retrieved", "KeyError('unseen')")], []]


@pytest.mark.parametrize(
    "look", [lambda future: future.exception(), lambda future: future.cancel(), None]
)
def test_retrieving_the_exception_or_cancelling_prevents_the_report(look: Ending | None) -> None:
    async def story() -> list[Any]:
        future = failed_future()
        if look is None:
            with pytest.raises(KeyError):
                await future
        else:
            look(future)
        del future
        return take_reports()

    assert play(story) == []


def test_in_debug_mode_the_report_shows_where_the_future_was_created() -> None:
    async def story() -> str:
        loop: Any = miniloop.get_running_loop()
        failed_future()
        (report,) = loop.reports
        loop.reports.clear()
        return str(report["source_traceback"][-1].name)

    assert play(story, debug=True) == "failed_future"


def test_a_report_does_not_call_new_init_or_del_of_a_future_subclass() -> None:
    steps: list[str] = []

    class Strict(miniloop.Future[None]):
        def __new__(cls, needed: str) -> Self:
            steps.append(f"made for {needed}")
            return super().__new__(cls)

        def __init__(self, needed: str) -> None:
            super().__init__()

        def __del__(self) -> None:
            steps.append("gone")

    async def story() -> None:
        future = Strict("us")
        future.set_exception(KeyError("expected"))
        with pytest.raises(KeyError):
            await future
        steps.append("awaited")

    with virtual_loop() as loop:
        loop.run_until_complete(story())
    gc.collect()
    assert steps == ["made for us", "awaited", "gone"]


def test_the_message_of_a_cancellation_can_be_read_and_written() -> None:
    """Its name is asyncio's, which CPython's own tests use."""
    with virtual_loop() as loop:
        future = loop.create_future()
        messages = [future._cancel_message]
        future.cancel("why")
        messages.append(future._cancel_message)
        assert messages == [None, "why"]
        future._cancel_message = "because"
        with pytest.raises(miniloop.CancelledError, match="because"):
            future.result()
