"""Futures: states, done callbacks, and the order in which waiters wake."""

from __future__ import annotations

import concurrent.futures
import threading
from collections.abc import Generator
from typing import Any

import pytest

from tests.parity.harness import (
    Stage,
    attempt,
    attempt_await,
    chain,
    older_asyncio_differs,
    outcome,
)


def test_a_future_is_pending_until_its_result_is_set_and_that_can_be_set_once(stage: Stage) -> None:
    log = stage.log
    future = stage.new_loop().create_future()
    log(future.done(), attempt(future.result), attempt(future.exception))
    future.set_result("answer")
    log(future.done(), future.result(), future.exception(), future.cancelled())
    log(attempt(future.set_result, "again").partition(":")[0])
    log(attempt(future.set_exception, ValueError()).partition(":")[0])
    log(future.cancel())

    assert log == [
        (
            False,
            "raised InvalidStateError: Result is not set.",
            "raised InvalidStateError: Exception is not set.",
        ),
        (True, "answer", None, False),
        "raised InvalidStateError",
        "raised InvalidStateError",
        False,
    ]


def test_set_exception_accepts_an_exception_or_an_exception_class(stage: Stage) -> None:
    loop, log = stage.new_loop(), stage.log
    error = ValueError("broken")
    with_object, with_class = loop.create_future(), loop.create_future()
    with_object.set_exception(error)
    with_class.set_exception(KeyError)
    log(with_object.exception() is error, attempt(with_object.result))
    log(attempt(with_class.result))

    assert log == [(True, "raised ValueError: broken"), "raised KeyError"]


def test_result_and_exception_of_a_cancelled_future_raise_with_the_message(stage: Stage) -> None:
    log = stage.log
    future = stage.new_loop().create_future()
    log(future.cancel("no longer needed"), future.cancel("again"))
    log(future.cancelled(), future.done())
    log(attempt(future.result), attempt(future.exception))
    log(attempt(future.set_result, 1).partition(":")[0])

    assert log == [
        (True, False),
        (True, True),
        ("raised CancelledError: no longer needed",) * 2,
        "raised InvalidStateError",
    ]


@older_asyncio_differs("3.12.6", "set_exception(StopIteration) raises TypeError")
def test_stop_iteration_becomes_the_cause_of_a_runtime_error(stage: Stage) -> None:
    future = stage.new_loop().create_future()
    future.set_exception(StopIteration("end"))

    refusal = "StopIteration interacts badly with generators and cannot be raised into a Future"
    assert chain(future.exception()) == [f"RuntimeError: {refusal}", "from StopIteration: end"]


def test_done_callbacks_run_in_the_next_iteration_in_the_order_they_were_added(
    stage: Stage,
) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        future = aio.get_running_loop().create_future()
        future.add_done_callback(lambda f: log("first", f is future))
        future.add_done_callback(lambda _: log("second"))
        future.set_result(None)
        future.add_done_callback(lambda _: log("added when done"))
        log("result is set")
        await aio.sleep(0)

    assert stage.run(main) == ["result is set", ("first", True), "second", "added when done"]


def test_a_callback_added_twice_runs_twice_and_one_call_removes_both(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    def once(_: Any) -> None:
        log("once")

    def twice(_: Any) -> None:
        log("twice")

    def never(_: Any) -> None:
        log("never")

    async def main() -> None:
        future = aio.get_running_loop().create_future()
        for callback in (never, twice, once, twice, never):
            future.add_done_callback(callback)
        log(future.remove_done_callback(never), future.remove_done_callback(never))
        future.set_result(None)
        await aio.sleep(0)

    assert stage.run(main) == [(2, 0), "twice", "once", "twice"]


def test_a_callback_removed_by_an_earlier_callback_still_runs(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    def second(_: Any) -> None:
        log("second")

    async def main() -> None:
        future = aio.get_running_loop().create_future()
        future.add_done_callback(lambda f: log("first", f.remove_done_callback(second)))
        future.add_done_callback(second)
        future.set_result(None)
        await aio.sleep(0)

    assert stage.run(main) == [("first", 0), "second"]


def test_waiters_wake_in_the_order_in_which_they_started_to_wait(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def waiter(name: str, future: Any) -> None:
        log(name, "got", await future)

    async def main() -> None:
        future = aio.get_running_loop().create_future()
        waiters = [aio.create_task(waiter(name, future)) for name in "abc"]
        await aio.sleep(1)
        future.set_result(42)
        log("result is set")
        await aio.gather(*waiters)

    assert stage.run(main) == [
        "result is set",
        ("a", "got", 42),
        ("b", "got", 42),
        ("c", "got", 42),
    ]


def test_awaiting_a_done_future_does_not_run_an_iteration(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        loop = aio.get_running_loop()
        done = loop.create_future()
        done.set_result("set before")
        loop.call_soon(log, "another callback")
        log(await done)
        await aio.sleep(0)

    assert stage.run(main) == ["set before", "another callback"]


def test_a_failed_future_raises_the_same_exception_at_every_await(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        future = aio.Future()
        error = ValueError("broken")
        aio.get_running_loop().call_soon(future.set_exception, error)
        for attempt_number in (1, 2):
            try:
                await future
            except ValueError as caught:
                log(attempt_number, caught is error)

    assert stage.run(main) == [(1, True), (2, True)]


def test_cancelling_a_future_cancels_its_waiters_with_the_same_message(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        future = aio.Future()

        async def waiter() -> None:
            await future

        task = aio.create_task(waiter())
        await aio.sleep(0)
        future.cancel("enough")
        log(outcome(task))
        log(await attempt_await(task))
        log(outcome(task), task.cancelling())

    assert stage.run(main) == ["pending", "raised CancelledError: enough", ("cancelled", 0)]


def test_isfuture_accepts_objects_with_the_attribute_of_futures(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    class DuckTyped:
        _asyncio_future_blocking = False

    async def coroutine() -> None:
        log("ran")

    async def main() -> None:
        future, task = aio.Future(), aio.create_task(coroutine())
        log([aio.isfuture(thing) for thing in (future, task, DuckTyped(), DuckTyped, object())])
        log(future.get_loop() is task.get_loop() is aio.get_running_loop())
        await task

    assert stage.run(main) == [[True, True, True, False, False], True, "ran"]


def test_the_repr_of_a_future_shows_its_state(stage: Stage) -> None:
    loop, log = stage.new_loop(), stage.log
    pending, done, failed, cancelled = (loop.create_future() for _ in range(4))
    done.set_result(3)
    failed.set_exception(ValueError("broken"))
    cancelled.cancel()
    for future in (pending, done, failed, cancelled):
        log(repr(future))
    failed.exception()

    assert log == [
        "<Future pending>",
        "<Future finished result=3>",
        "<Future finished exception=ValueError('broken')>",
        "<Future cancelled>",
    ]


@older_asyncio_differs("3.14", "passes it on one iteration later")
def test_a_wrapped_concurrent_future_passes_its_result_to_the_loop(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        outside: concurrent.futures.Future[str] = concurrent.futures.Future()
        inside = aio.wrap_future(outside)
        log(aio.isfuture(inside), aio.wrap_future(inside) is inside)
        outside.set_result("from outside")
        log("set by the thread of the loop", outcome(inside))

        late: concurrent.futures.Future[str] = concurrent.futures.Future()
        inside = aio.wrap_future(late)
        thread = threading.Thread(target=late.set_result, args=("from a thread",))
        thread.start()
        thread.join()
        log("set by another thread", outcome(inside))
        log(await inside)

        failing: concurrent.futures.Future[None] = concurrent.futures.Future()
        waiting = aio.wrap_future(failing)
        failing.set_exception(ValueError("broken outside"))
        log(await attempt_await(waiting))

    assert stage.run(main) == [
        (True, True),
        ("set by the thread of the loop", "returned 'from outside'"),
        ("set by another thread", "pending"),
        "from a thread",
        "raised ValueError: broken outside",
    ]


def test_cancellation_of_a_wrapped_future_works_in_both_directions(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        outside: concurrent.futures.Future[None] = concurrent.futures.Future()
        inside = aio.wrap_future(outside)
        inside.cancel()
        await aio.sleep(0)
        log("inside first", outside.cancelled())

        outside = concurrent.futures.Future()
        inside = aio.wrap_future(outside)
        outside.cancel()
        log("outside first", await attempt_await(inside))

    assert stage.run(main) == [("inside first", True), ("outside first", "raised CancelledError")]


def test_a_task_can_wait_for_any_object_with_the_protocol_of_futures(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    class ForeignFuture:
        """Not a future of the implementation, but its tasks accept it."""

        _asyncio_future_blocking = False

        def __init__(self) -> None:
            self._callbacks: list[tuple[Any, Any]] = []

        def get_loop(self) -> Any:
            return aio.get_running_loop()

        def add_done_callback(self, callback: Any, *, context: Any = None) -> None:
            self._callbacks.append((callback, context))

        def result(self) -> str:
            return "from a foreign future"

        def __await__(self) -> Generator[Any, Any, str]:
            self._asyncio_future_blocking = True
            yield self
            return self.result()

        def complete(self) -> None:
            for callback, context in self._callbacks:
                aio.get_running_loop().call_soon(callback, self, context=context)

    async def main() -> None:
        foreign = ForeignFuture()
        aio.get_running_loop().call_later(1, foreign.complete)
        log(await foreign, stage.now)

    assert stage.run(main) == [("from a foreign future", 1.0)]


def test_a_future_that_is_resumed_before_it_is_done_raises(stage: Stage) -> None:
    future = stage.new_loop().create_future()
    waiting = future.__await__()
    stage.log(waiting.send(None) is future)
    stage.log(attempt(waiting.send, None))

    assert stage.log == [True, "raised RuntimeError: await wasn't used with future"]


def test_a_future_may_be_subclassed(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    class LoggingFuture(aio.Future):  # type: ignore[name-defined,misc]
        def set_result(self, result: Any) -> None:
            log("set_result", result)
            super().set_result(result)

    async def main() -> None:
        future = LoggingFuture(loop=aio.get_running_loop())
        aio.get_running_loop().call_soon(future.set_result, 3)
        log(await future, aio.isfuture(future))

    assert stage.run(main) == [("set_result", 3), (3, True)]


def test_await_returns_the_stored_result_even_if_result_is_overridden(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    class OverriddenResult(aio.Future):  # type: ignore[name-defined,misc]
        def result(self) -> str:
            return "something else"

    async def main() -> None:
        loop = aio.get_running_loop()
        done, pending = OverriddenResult(loop=loop), OverriddenResult(loop=loop)
        done.set_result("set before")
        loop.call_soon(pending.set_result, "waited for")
        log(await done, await pending, done.result())

    assert stage.run(main) == [("set before", "waited for", "something else")]


def test_a_future_whose_class_does_not_call_init_is_pending_and_has_no_loop(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    class WithoutInit(aio.Future):  # type: ignore[name-defined,misc]
        def __init__(self, **ignored: object) -> None:
            pass

    async def main() -> None:
        future = WithoutInit(loop=aio.get_running_loop())
        log(future.done(), future.cancelled())
        for ask in (future.result, future.exception):
            with pytest.raises(aio.InvalidStateError):
                ask()
        with pytest.raises(RuntimeError, match=r"Future object is not initialized\."):
            future.get_loop()
        for use in (aio.Future.cancel, lambda future: future.set_result(1)):
            with pytest.raises((RuntimeError, AttributeError)):
                use(WithoutInit(loop=aio.get_running_loop()))

    assert stage.run(main) == [(False, False)]
