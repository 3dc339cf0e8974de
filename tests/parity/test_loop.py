"""The loop itself: running, stopping, closing, and the current loop."""

from __future__ import annotations

import signal
import socket
import sys
import threading
from typing import Any

import pytest

from tests.parity.harness import Stage, attempt, older_asyncio_differs, outcome


def test_run_until_complete_accepts_a_coroutine_a_task_or_a_future(stage: Stage) -> None:
    aio, log, loop = stage.aio, stage.log, stage.new_loop()

    async def work() -> str:
        return "from a coroutine"

    log(loop.run_until_complete(work()))
    log(loop.run_until_complete(loop.create_task(work())))
    future = loop.create_future()
    loop.call_later(1, future.set_result, "from a future")
    log(loop.run_until_complete(future), stage.now)
    log(attempt(loop.run_until_complete, aio.sleep(1)), stage.now)

    assert log == [
        "from a coroutine",
        "from a coroutine",
        ("from a future", 1.0),
        ("returned None", 2.0),
    ]


def test_stop_lets_the_current_iteration_finish(stage: Stage) -> None:
    log, loop = stage.log, stage.new_loop()
    loop.call_soon(log, "before")
    loop.call_soon(loop.stop)
    loop.call_soon(log, "after")
    loop.call_soon(loop.call_soon, log, "the next iteration")
    loop.run_forever()
    log("stopped", loop.is_running())
    loop.call_soon(loop.stop)
    loop.run_forever()

    assert log == ["before", "after", ("stopped", False), "the next iteration"]


def test_a_derived_loop_with_its_own_selector_is_polled_in_each_iteration(stage: Stage) -> None:
    log = stage.log

    class PollingLoop(stage.aio.BaseEventLoop):  # type: ignore[misc, name-defined]
        """The loop is its own selector."""

        def select(self, timeout: float | None) -> str:
            log("select", timeout)
            return "events"

        def _process_events(self, events: str) -> None:
            log("process", events)

    loop = PollingLoop()
    loop._selector = loop
    loop.call_soon(loop.call_soon, loop.stop)
    loop.run_forever()
    loop._selector = None
    loop.close()

    assert log == [("select", 0), ("process", "events")] * 2


def test_a_loop_that_is_stopped_before_it_runs_runs_one_iteration(stage: Stage) -> None:
    log, loop = stage.log, stage.new_loop()
    loop.call_soon(log, "one iteration")
    loop.call_later(5, log, "never called")
    loop.stop()
    loop.run_forever()
    log(stage.now)

    assert log == ["one iteration", 0.0]


def test_a_stopped_loop_can_be_run_again(stage: Stage) -> None:
    aio, log, loop = stage.aio, stage.log, stage.new_loop()

    async def ticks() -> str:
        for tick in range(4):
            log(tick, stage.now)
            await aio.sleep(1)
        return "done"

    task = loop.create_task(ticks())
    loop.call_later(1.5, loop.stop)
    loop.run_forever()
    log("stopped", stage.now, task.done())
    log(loop.run_until_complete(task), stage.now)

    assert log == [(0, 0.0), (1, 1.0), ("stopped", 1.5, False), (2, 2.0), (3, 3.0), ("done", 4.0)]


def test_a_loop_that_is_stopped_too_early_raises(stage: Stage) -> None:
    log, loop = stage.log, stage.new_loop()
    future = loop.create_future()
    loop.call_soon(loop.stop)
    log(attempt(loop.run_until_complete, future), outcome(future))

    assert log == [("raised RuntimeError: Event loop stopped before Future completed.", "pending")]


def test_is_running_and_is_closed_return_the_state_of_the_loop(stage: Stage) -> None:
    aio, log, loop = stage.aio, stage.log, stage.new_loop()

    async def main() -> None:
        log("inside", loop.is_running(), loop.is_closed(), aio.get_running_loop() is loop)

    log(loop.is_running(), loop.is_closed())
    loop.run_until_complete(main())
    loop.close()
    loop.close()
    log(loop.is_running(), loop.is_closed())

    assert log == [(False, False), ("inside", True, False, True), (False, True)]


def test_a_running_loop_can_be_neither_closed_nor_run_again(stage: Stage) -> None:
    aio, log, loop, other = stage.aio, stage.log, stage.new_loop(), stage.new_loop()

    async def main() -> None:
        log(attempt(loop.close))
        log(attempt(loop.run_until_complete, loop.create_future()))
        log(attempt(other.run_until_complete, other.create_future()))
        log(aio.get_running_loop() is loop, loop.is_running(), other.is_running())

    loop.run_until_complete(main())

    assert log == [
        "raised RuntimeError: Cannot close a running event loop",
        "raised RuntimeError: This event loop is already running",
        "raised RuntimeError: Cannot run the event loop while another loop is running",
        (True, True, False),
    ]


def test_run_forever_of_a_running_loop_raises(stage: Stage) -> None:
    log, loop = stage.log, stage.new_loop()

    def callback() -> None:
        loop.stop()
        log(attempt(loop.run_forever))

    loop.call_soon(callback)
    loop.call_soon(loop.stop)
    loop.run_forever()

    assert log == ["raised RuntimeError: This event loop is already running"]


def test_every_method_of_a_closed_loop_raises(stage: Stage) -> None:
    aio, log, loop = stage.aio, stage.log, stage.new_loop()
    future = loop.create_future()
    loop.close()
    coroutine = aio.sleep(1)
    calls: list[tuple[Any, ...]] = [
        (loop.call_soon, print),
        (loop.call_later, 1, print),
        (loop.call_at, 1, print),
        (loop.call_soon_threadsafe, print),
        (loop.run_forever,),
        (loop.run_until_complete, future),
        (loop.create_task, coroutine),
        (loop.run_in_executor, None, print),
    ]
    for function, *arguments in calls:
        log(attempt(function, *arguments))
    coroutine.close()

    assert log == ["raised RuntimeError: Event loop is closed"] * len(calls)


@pytest.mark.parametrize("debug", [False, True], ids=["", "debug"])
@pytest.mark.parametrize("ran", [False, True], ids=["never ran", "ran"])
def test_these_calls_raise_on_a_closed_loop_in_both_modes(
    stage: Stage, ran: bool, debug: bool
) -> None:
    aio, log, loop = stage.aio, stage.log, stage.new_loop()
    loop.set_debug(debug)
    if ran:
        loop.run_until_complete(aio.sleep(1))
    loop.close()
    coroutine = aio.sleep(1)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        calls: list[tuple[Any, ...]] = [
            (loop.call_soon, print),
            (loop.call_later, 1, print),
            (loop.call_at, 1, print),
            (loop.call_soon_threadsafe, print),
            (loop.run_forever,),
            (loop.run_until_complete, coroutine),
            (loop.create_task, coroutine),
            (loop.run_in_executor, None, print),
            (loop.add_reader, ours, print),
            (loop.add_writer, ours, print),
            (loop.add_signal_handler, signal.SIGUSR1, print),
        ]
        for function, *arguments in calls:
            log(attempt(function, *arguments))
        log(attempt(loop.remove_reader, ours), attempt(loop.remove_writer, ours))
    coroutine.close()
    log(attempt(loop.close), attempt(loop.stop), loop.get_debug())

    assert log == [
        *["raised RuntimeError: Event loop is closed"] * len(calls),
        ("returned False", "returned False"),
        ("returned None", "returned None", debug),
    ]


@pytest.mark.parametrize("debug", [False, True], ids=["", "debug"])
@pytest.mark.parametrize("end", ["set_result", "set_exception", "cancel"])
def test_a_future_of_a_closed_loop_is_done_although_it_cannot_wake_its_waiters(
    stage: Stage, end: str, debug: bool
) -> None:
    log, loop = stage.log, stage.new_loop()
    loop.set_debug(debug)
    loop.set_exception_handler(stage.report)
    arguments = {"set_result": (1,), "set_exception": (ValueError(),), "cancel": ()}[end]

    async def wait(future: Any) -> None:
        await future

    lonely, called_back, awaited = (loop.create_future() for _ in range(3))
    called_back.add_done_callback(log)
    task = loop.create_task(wait(awaited))
    loop.call_soon(loop.stop)
    loop.run_forever()
    loop.close()
    for future in (lonely, called_back, awaited):
        log(attempt(getattr(future, end), *arguments), outcome(future))
        log(attempt(future.add_done_callback, log))
    log(outcome(task))
    del task, awaited, future
    stage.collect()

    done = {"set_result": "returned 1", "set_exception": "raised ValueError", "cancel": "cancelled"}
    returned = "returned True" if end == "cancel" else "returned None"
    closed = "raised RuntimeError: Event loop is closed"
    assert log == [
        *[(returned, done[end]), closed],
        *[(closed, done[end]), closed] * 2,
        "pending",
        ("report", "Task was destroyed but it is pending!", None),
    ]


def test_two_closed_loops_share_nothing_with_one_that_runs(stage: Stage) -> None:
    aio, log = stage.aio, stage.log
    closed = [stage.new_loop(), stage.new_loop()]
    for loop in closed:
        loop.call_soon(log, "never called")
        loop.call_later(1, log, "never called")
        loop.close()

    async def main() -> None:
        for loop in closed:
            log(attempt(loop.call_soon, log, "never called"))
        await aio.sleep(2)
        log("still running", stage.now)

    refused = "raised RuntimeError: Event loop is closed"
    assert stage.run(main) == [*[refused] * 2, ("still running", 2.0)]


def test_callbacks_that_are_left_when_the_loop_is_closed_never_run(stage: Stage) -> None:
    log, loop = stage.log, stage.new_loop()
    loop.call_soon(log, "never called")
    loop.call_later(1, log, "never called")
    loop.close()
    log("closed")

    assert log == ["closed"]


def test_call_soon_is_first_in_first_out_and_can_be_cancelled(stage: Stage) -> None:
    log, loop = stage.log, stage.new_loop()
    handles = [loop.call_soon(log, number) for number in range(5)]
    handles[1].cancel()
    loop.call_soon(handles[3].cancel)
    loop.call_soon(handles[4].cancel)
    log([handle.cancelled() for handle in handles])
    loop.call_soon(loop.stop)
    loop.run_forever()

    assert log == [[False, True, False, False, False], 0, 2, 3, 4]


def test_a_callback_can_cancel_one_that_is_ready_after_it(stage: Stage) -> None:
    log, loop = stage.log, stage.new_loop()
    handles: list[Any] = []
    loop.call_soon(lambda: handles[0].cancel())
    handles.append(loop.call_soon(log, "never called"))
    loop.call_soon(loop.stop)
    loop.run_forever()

    assert log == []


def test_call_soon_threadsafe_wakes_the_loop(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        loop = aio.get_running_loop()
        future = loop.create_future()
        thread = threading.Thread(
            target=loop.call_soon_threadsafe, args=(future.set_result, "from a thread")
        )
        thread.start()
        log(await future)
        thread.join()

    assert stage.run(main) == ["from a thread"]


def test_get_event_loop_returns_the_running_loop_or_the_one_that_was_set(stage: Stage) -> None:
    aio, log = stage.aio, stage.log
    one, other = aio.new_event_loop(), stage.new_loop()
    log(one is not other, one.is_running())
    aio.set_event_loop(one)
    log(aio.get_event_loop() is one)

    async def main() -> None:
        log(aio.get_event_loop() is other, aio.get_running_loop() is other)

    other.run_until_complete(main())
    log(aio.get_event_loop() is one)
    aio.set_event_loop(None)
    one.close()

    assert log == [(True, False), True, (True, True), True]


@pytest.mark.skipif(sys.version_info < (3, 14), reason="deprecated since 3.14, on both")
def test_event_loop_policies_are_deprecated(stage: Stage) -> None:
    aio, log = stage.aio, stage.log
    with stage.warnings_logged():
        policy = aio.get_event_loop_policy()
        log("an instance", isinstance(policy, aio.DefaultEventLoopPolicy))
        log("derived", issubclass(aio.DefaultEventLoopPolicy, aio.AbstractEventLoopPolicy))
        aio.set_event_loop_policy(policy)
        log(attempt(aio.set_event_loop_policy, 3))
        log("used without a warning")
        loop = aio.new_event_loop()
        aio.set_event_loop(loop)
        log(aio.get_event_loop() is loop)
        aio.set_event_loop(None)
        loop.close()
    names = ("AbstractEventLoopPolicy", "DefaultEventLoopPolicy", "get_event_loop_policy")
    log([name in aio.__all__ for name in names])
    log(attempt(getattr, aio, "no_such_name"))

    wrong = "policy must be an instance of AbstractEventLoopPolicy or None, not 'int'"

    def warning(name: str) -> object:
        what = f"'asyncio.{name}' is deprecated and slated for removal in Python 3.16"
        return ("warning", "DeprecationWarning", what)

    assert log == [
        warning("get_event_loop_policy"),
        warning("DefaultEventLoopPolicy"),
        ("an instance", True),
        warning("DefaultEventLoopPolicy"),
        warning("AbstractEventLoopPolicy"),
        ("derived", True),
        warning("set_event_loop_policy"),
        warning("set_event_loop_policy"),
        f"raised TypeError: {wrong}",
        "used without a warning",
        True,
        [False, False, True],
        "raised AttributeError: module 'asyncio' has no attribute 'no_such_name'",
    ]


@pytest.mark.skipif(sys.version_info < (3, 14), reason="deprecated since 3.14, on both")
def test_iscoroutinefunction_is_deprecated(stage: Stage) -> None:
    with stage.warnings_logged():
        stage.log(stage.aio.iscoroutinefunction(stage.aio.sleep))
        stage.new_loop().call_soon(print)  # debug mode asks, too

    what = "'asyncio.iscoroutinefunction' is deprecated and slated for removal in Python 3.16"
    what += "; use inspect.iscoroutinefunction() instead"
    assert stage.log == [("warning", "DeprecationWarning", what), True]


def test_without_a_loop_get_event_loop_and_get_running_loop_raise(stage: Stage) -> None:
    aio, log = stage.aio, stage.log
    aio.set_event_loop(None)
    log(attempt(aio.get_running_loop))
    log(attempt(aio.get_event_loop))

    def in_thread() -> None:
        log(attempt(aio.get_event_loop).replace("Thread-parity", "a thread"))

    thread = threading.Thread(target=in_thread, name="Thread-parity")
    thread.start()
    thread.join()

    assert log == [
        "raised RuntimeError: no running event loop",
        "raised RuntimeError: There is no current event loop in thread 'MainThread'.",
        "raised RuntimeError: There is no current event loop in thread 'a thread'.",
    ]


def test_set_event_loop_accepts_only_an_event_loop(stage: Stage) -> None:
    stage.log(attempt(stage.aio.set_event_loop, 3))

    assert stage.log == [
        "raised TypeError: loop must be an instance of AbstractEventLoop or None, not 'int'"
    ]


def test_debug_mode_and_task_factory_are_properties_of_the_loop(stage: Stage) -> None:
    log, loop = stage.log, stage.new_loop()
    log(loop.get_debug(), loop.get_task_factory(), loop.get_exception_handler())
    loop.set_debug(True)
    log(loop.get_debug())
    log(attempt(loop.set_task_factory, 3))
    log(attempt(loop.set_exception_handler, 3))

    assert log == [
        (False, None, None),
        True,
        "raised TypeError: task factory must be a callable or None",
        "raised TypeError: A callable object or None is expected, got 3",
    ]


def test_getaddrinfo_and_getnameinfo_work(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        loop = aio.get_running_loop()
        found = await loop.getaddrinfo(
            "127.0.0.1", 80, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP
        )
        log([address for *_, address in found])
        numeric = socket.NI_NUMERICHOST | socket.NI_NUMERICSERV
        log(await loop.getnameinfo(("127.0.0.1", 80), numeric))

    assert stage.run(main) == [[("127.0.0.1", 80)], ("127.0.0.1", "80")]


def test_create_task_and_create_future_use_the_loop(stage: Stage) -> None:
    aio, log, loop = stage.aio, stage.log, stage.new_loop()

    async def work() -> None:
        pass

    task = loop.create_task(work(), name="made by the loop")
    future = loop.create_future()
    log(isinstance(task, aio.Task), isinstance(future, aio.Future), task.get_name())
    log(task.get_loop() is future.get_loop() is loop)
    loop.run_until_complete(task)

    assert log == [(True, True, "made by the loop"), True]


def test_run_in_executor_returns_a_future(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    def blocking(number: int) -> int:
        if number < 0:
            raise ValueError("negative")
        return number * 2

    async def main() -> None:
        loop = aio.get_running_loop()
        log(await loop.run_in_executor(None, blocking, 21))
        failed = loop.run_in_executor(None, blocking, -1)
        await aio.wait([failed])
        log(outcome(failed))
        await loop.shutdown_default_executor()
        log(attempt(loop.run_in_executor, None, blocking, 1))

    assert stage.run(main) == [
        42,
        "raised ValueError: negative",
        "raised RuntimeError: Executor shutdown has been called",
    ]


@older_asyncio_differs("3.12", "shutdown_default_executor() has no timeout")
def test_shutdown_default_executor_accepts_a_timeout(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        loop = aio.get_running_loop()
        log(await loop.run_in_executor(None, str, 1))
        await loop.shutdown_default_executor(timeout=5)
        log("shut down")

    assert stage.run(main) == ["1", "shut down"]
