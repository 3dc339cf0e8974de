"""Edge cases that were found by comparing the two implementations line by line."""

from __future__ import annotations

import array
import contextvars
import gc
import socket
import sys
import traceback
from contextvars import ContextVar
from typing import Any

import pytest

from .harness import Stage, attempt, attempt_await

var: contextvars.ContextVar[int] = contextvars.ContextVar("var", default=0)


def test_wait_does_not_retrieve_the_exceptions_of_its_tasks(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def fail() -> None:
        raise LookupError("never retrieved")

    async def main() -> None:
        task = aio.create_task(fail())
        await aio.wait([task])
        log(task.done())

    assert stage.run(main) == [True]
    stage.collect()
    (line,) = stage.logged()
    assert "Task exception was never retrieved" in line


def test_run_accepts_an_empty_context(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        log(var.get())

    token = var.set(5)
    try:
        with aio.Runner(loop_factory=aio.SelectorEventLoop) as runner:
            runner.run(main())
            runner.run(main(), context=contextvars.Context())
    finally:
        var.reset(token)
    assert log == [5, 0]


def test_a_memoryview_of_numbers_is_sent_as_bytes(stage: Stage) -> None:
    aio, log = stage.aio, stage.log
    numbers = array.array("i", [1, 2, 3])

    class Listener(aio.Protocol):  # type: ignore[misc, name-defined]
        def connection_lost(self, exc: Exception | None) -> None:
            log("lost")

    async def main() -> None:
        ours, theirs = socket.socketpair()
        transport, _ = await aio.get_running_loop().create_connection(Listener, sock=ours)
        transport.write(memoryview(numbers))
        log(transport.get_write_buffer_size())
        transport.close()
        await aio.sleep(0)
        log(theirs.recv(100) == numbers.tobytes())
        theirs.close()

    assert stage.run(main, real=True) == [0, "lost", True]


def test_a_reader_accepts_all_data_if_the_transport_cannot_be_paused(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        reader = aio.StreamReader(limit=4, loop=aio.get_running_loop())
        reader.set_transport(aio.Transport())
        for _ in range(5):
            reader.feed_data(b"0123456789")
        reader.feed_eof()
        log(len(await reader.read()))

    assert stage.run(main) == [50]


def test_in_debug_mode_call_soon_and_call_at_accept_keyword_arguments(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        loop = aio.get_running_loop()
        loop.call_soon(callback=lambda: log("soon"))
        loop.call_at(when=1, callback=lambda: log("at 1"))
        log(attempt(loop.call_soon, callback="text").partition(":")[0])
        await aio.sleep(2)

    assert stage.run(main, debug=True) == ["raised TypeError", "soon", "at 1"]


def test_a_task_without_a_context_does_not_prevent_a_report(stage: Stage) -> None:
    aio, log, loop = stage.aio, stage.log, stage.new_loop()

    class Subject:
        def get_context(self) -> None:
            return None

    loop.set_exception_handler(lambda loop, context: log(context["message"]))
    loop.call_exception_handler({"message": "reported", "task": Subject()})
    assert log == ["reported"]
    assert aio


def test_ctrl_c_during_set_result_does_not_overwrite_the_result(stage: Stage) -> None:
    # A signal handler may run wherever a Python function is called. Here one "arrives" at each call
    # that set_result makes. By then the future is done and cannot be cancelled.
    log, loop = stage.log, stage.new_loop()
    for end in ("set_result", "set_exception", "cancel"):
        future = loop.create_future()
        argument = [] if end == "cancel" else [LookupError("expected")]

        def on_call(
            frame: Any, event: str, _: object, future: Any = future, end: str = end
        ) -> None:
            if event == "call" and frame.f_code.co_name not in (
                end,
                "__init__",
                "_checked",
                "cancel",
            ):
                sys.setprofile(None)
                log(future.cancel())

        sys.setprofile(on_call)
        try:
            getattr(future, end)(*argument)
        finally:
            sys.setprofile(None)
        log(end, future.done(), future.cancelled() is (end == "cancel"))
        if end == "set_exception":
            future.exception()
    ends = [entry for entry in log if entry is not False]
    assert ends == [(end, True, True) for end in ("set_result", "set_exception", "cancel")]
    assert True not in log


@pytest.mark.parametrize("port", [1])
def test_a_refused_connection_leaves_no_garbage(stage: Stage, port: int) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        loop = aio.get_running_loop()
        for round_ in range(2):
            gc.collect()
            gc.disable()
            try:
                with socket.socket() as sock:
                    sock.setblocking(False)
                    with pytest.raises(ConnectionRefusedError):
                        await loop.sock_connect(sock, ("127.0.0.1", port))
                await aio.sleep(0)
            finally:
                gc.enable()
            if round_:
                log(gc.collect())

    assert stage.run(main, real=True) == [0]


def test_in_debug_mode_a_coroutine_function_as_callback_of_a_done_future_raises(
    stage: Stage,
) -> None:
    aio, log = stage.aio, stage.log

    async def not_a_callback(future: Any) -> None:
        log("never")

    async def main() -> None:
        future = aio.get_running_loop().create_future()
        future.set_result(1)
        log(attempt(future.add_done_callback, not_a_callback))

    assert stage.run(main, debug=True) == [
        "raised TypeError: coroutines cannot be used with call_soon()"
    ]


# The moment when a task starts to wait, and futures of other classes


def test_a_cancellation_that_arrives_while_a_task_starts_to_wait_is_not_lost(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    class CancellingFuture(aio.Future):  # type: ignore[name-defined,misc]
        def add_done_callback(self, fn: Any, *, context: Any = None) -> None:
            super().add_done_callback(fn, context=context)
            aio.current_task().cancel()  # as a signal handler may do at this moment

    async def main() -> None:
        future = CancellingFuture(loop=aio.get_running_loop())
        try:
            await future
        except aio.CancelledError:
            log("cancelled", future.cancelled())

    assert stage.run(main) == [("cancelled", True)]


def test_add_done_callback_of_another_class_is_called_in_the_context_of_the_task(
    stage: Stage,
) -> None:
    aio, log = stage.aio, stage.log
    place: ContextVar[str] = ContextVar("place", default="outside")

    class LoggingFuture(aio.Future):  # type: ignore[name-defined,misc]
        def add_done_callback(self, fn: Any, *, context: Any = None) -> None:
            log(place.get())
            super().add_done_callback(fn, context=context)

    async def main() -> None:
        place.set("in the task")
        loop = aio.get_running_loop()
        future = LoggingFuture(loop=loop)
        loop.call_soon(future.set_result, None)
        await future

    assert stage.run(main) == ["in the task"]


def test_the_message_of_a_cancelled_gather_does_not_come_from_its_children(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def ignore_cancellation() -> Any:
        try:
            await aio.sleep(1)
        except aio.CancelledError as error:
            return error

    async def main() -> None:
        child = aio.create_task(ignore_cancellation())
        gathering = aio.gather(child)
        await aio.sleep(0)
        gathering.cancel("enough")
        try:
            await gathering
        except aio.CancelledError as error:
            log(error.args)
        log(type(child.result()).__name__)

    assert stage.run(main) == [(), "CancelledError"]


def test_the_message_of_a_cancelled_gather_is_that_of_the_last_request_to_its_last_child(
    stage: Stage,
) -> None:
    aio, log = stage.aio, stage.log

    async def ignore_cancellation(ending: str) -> str:
        try:
            await aio.sleep(10)
        except aio.CancelledError:
            if ending == "fails":
                raise ValueError from None
        return "ended"

    async def main() -> None:
        for ending in ("returns", "fails"):
            for cancelled in (0, 1):
                children = [aio.create_task(ignore_cancellation(ending)) for _ in range(2)]
                gathering = aio.gather(*children, return_exceptions=True)
                await aio.sleep(0)
                gathering.cancel("enough")
                children[cancelled].cancel("at once")  # after "enough", before the child runs
                log(ending, cancelled, await attempt_await(gathering))

    assert stage.run(main) == [
        ("returns", 0, "raised CancelledError"),
        ("returns", 1, "raised CancelledError: at once"),
        ("fails", 0, "raised CancelledError"),
        ("fails", 1, "raised CancelledError: at once"),
    ]


def test_a_group_survives_a_cancel_method_that_raises(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    class RaisingFuture(aio.Future):  # type: ignore[name-defined,misc]
        raised = False

        def cancel(self, msg: Any = None) -> bool:
            if self.raised:
                return bool(super().cancel(msg))
            self.raised = True
            raise aio.CancelledError

    async def fail() -> None:
        raise ValueError("a child fails")

    async def block() -> None:
        async with aio.TaskGroup() as group:
            group.create_task(fail())
            await raising

    raising: Any = None

    async def main() -> None:
        nonlocal raising
        loop = aio.get_running_loop()
        loop.set_exception_handler(lambda _, context: log(type(context["exception"]).__name__))
        raising = RaisingFuture(loop=loop)
        task = aio.create_task(block())
        await aio.sleep(1)
        task.cancel()
        log(type((await aio.wait({task}))[0].pop().exception()).__name__)

    assert stage.run(main) == ["CancelledError", "ExceptionGroup"]


def test_timers_with_the_same_time_do_not_compare_their_arguments(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    class Array:
        def __eq__(self, other: object) -> Any:
            raise ValueError("the truth value of an array is ambiguous")

        __hash__ = None  # type: ignore[assignment]

    async def main() -> None:
        def note(_: Array, number: int) -> None:
            log(number)

        loop = aio.get_running_loop()
        soon = loop.time() + 1
        for number in range(4):
            loop.call_at(soon, note, Array(), number)
        await aio.sleep(2)
        log("all")

    assert sorted(map(str, stage.run(main))) == ["0", "1", "2", "3", "all"]


def test_a_program_may_set_coroutine_origin_tracking_itself(stage: Stage) -> None:
    log = stage.log
    before = sys.get_coroutine_origin_tracking_depth()

    async def main() -> None:
        sys.set_coroutine_origin_tracking_depth(5)

    stage.run(main)
    log(sys.get_coroutine_origin_tracking_depth())
    sys.set_coroutine_origin_tracking_depth(before)

    assert log == [5]


def test_result_called_in_the_exception_handler_keeps_the_traceback_complete(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    def handler(_: Any, context: dict[str, Any]) -> None:
        try:
            context["future"].result()
        except ValueError as error:
            frames = traceback.extract_tb(error.__traceback__)
            log([frame.name for frame in frames if frame.name in ("handler", "failing")])

    async def failing() -> None:
        raise ValueError("lost")

    async def main() -> None:
        aio.get_running_loop().set_exception_handler(handler)
        task = aio.create_task(failing())
        await aio.wait({task})
        del task
        stage.collect()

    assert stage.run(main) == [["handler", "failing"]]


def test_the_wake_up_socket_logs_nothing_after_system_exit(stage: Stage) -> None:
    aio, log = stage.aio, stage.log
    loop = stage.new_loop(real=True)
    loop.set_exception_handler(lambda _, context: log(context["message"]))
    ours, theirs = socket.socketpair()

    def leave() -> None:
        raise SystemExit

    def wake_and_exit() -> None:
        loop.call_soon_threadsafe(int)
        loop.call_soon(leave)

    with ours, theirs:
        loop.add_reader(ours, print)
        loop.call_soon(wake_and_exit)
        with pytest.raises(SystemExit):
            loop.run_forever()
        loop.run_until_complete(aio.sleep(0))
        loop.remove_reader(ours)
    log("nothing reported")

    assert log == ["nothing reported"]


@pytest.mark.parametrize("where", ["class", "loop"])
def test_call_later_calls_an_overridden_call_at(stage: Stage, where: str) -> None:
    aio, log = stage.aio, stage.log

    class Derived(aio.SelectorEventLoop):  # type: ignore[name-defined,misc]
        def call_at(self, when: float, *args: Any, **options: Any) -> Any:
            log("call_at", round(when - self.time()))
            return super().call_at(when, *args, **options)

    def replacement(when: float, *args: Any, **options: Any) -> Any:
        log("call_at", round(when - loop.time()))
        return original(when, *args, **options)

    loop = Derived() if where == "class" else aio.SelectorEventLoop()
    original = loop.call_at
    if where == "loop":
        loop.call_at = replacement  # type: ignore[method-assign]
    loop.call_later(60, print).cancel()
    loop.close()

    assert log == [("call_at", 60)]


def test_all_tasks_of_a_loop_that_only_has_the_abstract_base_is_empty(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    class Loop(aio.AbstractEventLoop):  # type: ignore[name-defined,misc]
        """A loop of another library."""

    async def main() -> None:
        log(aio.all_tasks(Loop()), aio.current_task(Loop()))

    assert stage.run(main) == [(set(), None)]


def test_removing_none_leaves_the_waiting_tasks(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        future = aio.get_running_loop().create_future()
        waiting = aio.create_task(aio.wait_for(future, 60))
        await aio.sleep(0)
        log(future.remove_done_callback(None))
        future.set_result("woken")
        log(await waiting)

    assert stage.run(main) == [0, "woken"]
