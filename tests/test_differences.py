"""Deliberate differences between asyncio and miniloop, one test per difference.

Purpose: each test pins one row of the table *Where miniloop differs* in tests/README.md, and has
the name of that row. It asserts what asyncio does and what miniloop does, and fails if the
difference disappears.
Rules: if an interpreter's asyncio differs only because it is older than 3.15, that is not listed
here; the parity tests mark it. A bug of one asyncio release is asserted for that release. A row
that is about the behaviour that miniloop keeps on older interpreters says so.
"""

from __future__ import annotations

import array
import asyncio
import contextlib
import gc
import importlib.util
import inspect
import io
import logging
import os
import selectors
import socket
import ssl
import subprocess
import sys
import tempfile
import warnings
import weakref
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pytest

import miniloop
from tests.certificates import NAME, TLSPeer, client_context, server_context, stranger_context
from tests.parity.harness import Stage

BOTH = (asyncio, miniloop)
RELEASE = sys.version_info[:3]


def run(aio: Any, main: Coroutine[Any, Any, Any], loop: Any = None) -> Any:
    loop = loop or aio.SelectorEventLoop()
    try:
        return loop.run_until_complete(main)
    finally:
        loop.close()


def _fill(sock: socket.socket) -> int:
    """Send until the kernel accepts no more; return the number of bytes sent."""
    taken = 0
    with contextlib.suppress(BlockingIOError):
        while True:
            taken += sock.send(bytes(1 << 16))
    return taken


class Recorder:
    """A protocol that records its calls; tests may override its methods."""

    def __init__(self) -> None:
        self.steps: list[object] = []
        self.transport: Any = None

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.steps.append(data)

    def eof_received(self) -> None:
        self.steps.append("eof")

    def pause_writing(self) -> None:
        self.steps.append("pause")

    def resume_writing(self) -> None:
        self.steps.append("resume")

    def connection_lost(self, exc: Exception | None) -> None:
        self.steps.append("lost" if exc is None else f"lost: {type(exc).__name__}")


async def settle(aio: Any) -> None:
    """Run 20 iterations: enough for everything that needs no other thread or process."""
    for _ in range(20):
        await aio.sleep(0)


@asynccontextmanager
async def tls(aio: Any, factory: Any = Recorder) -> AsyncIterator[tuple[Any, Any, TLSPeer]]:
    """Yield the transport and the protocol of a TLS connection, and the server's end."""
    loop = aio.get_running_loop()
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    with theirs:
        peer = TLSPeer(loop, theirs, server_context())
        options: dict[str, Any] = {"ssl": client_context(), "server_hostname": NAME}
        opening = loop.create_connection(factory, sock=ours, **options)
        (transport, protocol), _ = await aio.gather(opening, peer.handshake())
        try:
            yield transport, protocol, peer
        finally:
            transport.abort()
            await settle(aio)


def test_package_name_in_log_records_and_messages() -> None:
    def refused(aio: Any) -> str:
        async def main() -> str:
            nested = aio.sleep(0)
            with pytest.raises(RuntimeError) as caught:
                aio.run(nested)
            nested.close()
            return str(caught.value)

        return str(run(aio, main()))

    assert [refused(aio) for aio in BOTH] == [
        "asyncio.run() cannot be called from a running event loop",
        "miniloop.run() cannot be called from a running event loop",
    ]


def test_task_steps_and_call_soon() -> None:
    def calls(aio: Any) -> int:
        class CountingLoop(aio.SelectorEventLoop):  # type: ignore[misc]
            count = 0

            def call_soon(self, *args: Any, **options: Any) -> Any:
                self.count += 1
                return super().call_soon(*args, **options)

        loop = CountingLoop()

        async def main() -> None:
            before = loop.count
            await aio.sleep(0)
            await aio.create_task(aio.sleep(0))
            loop.seen = loop.count - before

        run(aio, main(), loop)
        return int(loop.seen)

    asyncio_calls, miniloop_calls = map(calls, BOTH)
    assert asyncio_calls > miniloop_calls == 0


def test_selector_calls_in_a_busy_iteration() -> None:
    def selects(aio: Any) -> int:
        class CountingSelector(selectors.DefaultSelector):
            count = 0

            def select(self, timeout: float | None = None) -> Any:
                self.count += 1
                return super().select(timeout)

        selector = CountingSelector()

        async def main() -> int:
            before = selector.count
            for _ in range(10):
                await aio.sleep(0)
            return selector.count - before

        return int(run(aio, main(), aio.SelectorEventLoop(selector)))

    assert [selects(aio) for aio in BOTH] == [10, 0]


def test_a_gather_argument_that_fails_after_another_one_was_refused() -> None:
    def is_reported(aio: Any) -> bool:
        reports: list[dict[str, Any]] = []

        async def fail() -> None:
            raise ValueError("lost")

        async def main() -> None:
            aio.get_running_loop().set_exception_handler(lambda _, report: reports.append(report))
            with pytest.raises(TypeError):
                aio.gather(fail(), 42)
            await aio.sleep(0)

        aio.run(main())
        gc.collect()
        observed = [report["message"] for report in reports]
        assert observed in ([], ["Task exception was never retrieved"])
        return bool(observed)

    assert [is_reported(aio) for aio in BOTH] == [False, True]


def test_a_future_subclass_that_does_not_call_init() -> None:
    def use_it(aio: Any) -> tuple[str, bool]:
        class Forgetful(aio.Future):  # type: ignore[misc]
            def __init__(self) -> None:
                pass

        future = Forgetful()
        with pytest.raises((RuntimeError, AttributeError)) as caught:
            future.set_result(1)
        return type(caught.value).__name__, future.done()

    assert [use_it(aio) for aio in BOTH] == [("RuntimeError", False), ("AttributeError", True)]


def test_a_deadline_that_is_not_a_number() -> None:
    nan = float("nan")

    def observed(aio: Any) -> dict[str, str]:
        async def reschedule() -> None:
            async with aio.timeout(None) as limit:
                limit.reschedule(nan)

        async def enter(limit: Any) -> None:
            async with limit:
                pass

        async def main() -> dict[str, str]:
            loop = aio.get_running_loop()
            fired: list[str] = []
            found: dict[str, str] = {}
            calls: dict[str, Any] = {
                "call_at": lambda: loop.call_at(nan, fired.append, "call_at"),
                "call_later": lambda: loop.call_later(nan, fired.append, "call_later"),
                "timeout": lambda: enter(aio.timeout(nan)),
                "timeout_at": lambda: enter(aio.timeout_at(nan)),
                "reschedule": reschedule,
                "wait_for": lambda: aio.wait_for(aio.sleep(0), nan),
            }
            for name, call in calls.items():
                try:
                    made = call()
                    if inspect.isawaitable(made):
                        await made
                except ValueError as error:
                    found[name] = str(error).partition(":")[0]
                else:
                    found[name] = "accepted"
            await settle(aio)
            if fired:
                found["fired at once"] = ", ".join(fired)
            return found

        return dict(run(aio, main()))

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # wait_for() refuses before it awaits its coroutine
        theirs, ours = (observed(aio) for aio in BOTH)
        gc.collect()
    others = ["timeout", "timeout_at", "reschedule", "wait_for"]
    both = {"call_at": "accepted", "call_later": "accepted"}
    fired = {"fired at once": "call_at, call_later"}
    assert theirs == both | dict.fromkeys(others, "accepted") | fired
    refused = {"call_at": "Invalid time", "call_later": "Invalid time"}
    assert ours == refused | dict.fromkeys(others, "Invalid deadline")

    def first_timer(name: str) -> float:
        """Return when a timer for the first second fires, among others and one for NaN."""
        stage = Stage(name)
        loop = stage.new_loop()
        fired: list[float] = []
        for when in (5, nan, 6):
            with contextlib.suppress(ValueError):
                loop.call_at(when, int)
        loop.call_at(1, lambda: fired.append(stage.now))
        loop.call_at(9, loop.stop)
        loop.run_forever()
        stage.close()
        return fired[0]

    assert [first_timer(aio.__name__) for aio in BOTH] == [6.0, 1.0]


def test_a_loop_derived_from_abstracteventloop_alone() -> None:
    def can_complete_a_future(aio: Any) -> bool:
        class Loop(aio.AbstractEventLoop):  # type: ignore[misc]
            def get_debug(self) -> bool:
                return False

        try:
            future = aio.Future(loop=Loop())
            future.set_result(1)
        except AttributeError:
            return False
        return bool(future.result())

    assert [can_complete_a_future(aio) for aio in BOTH] == [True, False]


def test_waiting_for_a_lock_without_a_running_loop() -> None:
    def error_type(aio: Any) -> str:
        lock = aio.Lock()
        with pytest.raises(StopIteration):
            lock.acquire().send(None)
        second = lock.acquire()
        with pytest.raises(Exception) as caught:
            second.send(None)
        return type(caught.value).__name__

    def message_once_bound(aio: Any) -> str:
        lock = aio.Lock()

        async def main() -> Any:
            await lock.acquire()
            waiting = aio.create_task(lock.acquire())
            await aio.sleep(0)  # the lock is now bound to its loop
            waiting.cancel()
            return lock.acquire()

        with pytest.raises(RuntimeError) as caught:
            aio.run(main()).send(None)
        return str(caught.value).partition("> ")[2] or str(caught.value)

    assert [error_type(aio) for aio in BOTH] == ["AttributeError", "RuntimeError"]
    assert [message_once_bound(aio) for aio in BOTH] == [
        "is bound to a different event loop", "no running event loop",
    ]  # fmt: skip


@pytest.mark.parametrize("call", ["get", "put"])
def test_closing_a_pending_get_or_put_after_its_loop(call: str) -> None:
    def close_it(aio: Any) -> str:
        queue = aio.Queue(1)
        loop = aio.SelectorEventLoop()
        if call == "put":
            queue.put_nowait(0)
        waiting = queue.get() if call == "get" else queue.put(1)
        task = loop.create_task(waiting)
        loop.run_until_complete(aio.sleep(0))
        loop.close()
        try:
            waiting.close()
        except RuntimeError as error:
            return str(error)
        finally:
            task._log_destroy_pending = False
        return "closes"

    assert [close_it(aio) for aio in BOTH] == ["Event loop is closed", "closes"]


def test_writelines_while_data_is_buffered() -> None:
    class Narrow(socket.socket):
        """Sends one byte at a time."""

        def send(self, data: Any, flags: int = 0) -> int:
            return super().send(bytes(data)[:1], flags)

        def sendmsg(self, buffers: Any, *_: Any) -> int:
            return self.send(b"".join(buffers))

    async def main(aio: Any) -> int:
        ours, peer = socket.socketpair()
        narrow = Narrow(fileno=ours.detach())
        loop = aio.get_running_loop()
        transport, _ = await loop.create_connection(aio.Protocol, sock=narrow)
        transport.write(b"ab")
        transport.writelines([b"c"])
        waiting: int = transport.get_write_buffer_size()
        transport.abort()
        await aio.sleep(0)
        peer.close()
        return waiting

    assert [run(aio, main(aio)) for aio in BOTH] == [2 if RELEASE < (3, 12) else 1, 2]


def test_a_memoryview_with_itemsize_above_1_given_to_sock_sendall() -> None:
    def finishes(aio: Any) -> bool:
        async def main() -> bool:
            ours, theirs = socket.socketpair()
            with ours, theirs:
                ours.setblocking(False)
                wide = memoryview(array.array("i", [1, 2, 3]))
                task = aio.create_task(aio.get_running_loop().sock_sendall(ours, wide))
                for _ in range(10):
                    await aio.sleep(0)
                ended = bool(task.done())
                task.cancel()
                await aio.wait([task])
                return ended

        return bool(run(aio, main()))

    # asyncio compares the number of bytes sent with the number of items, and keeps sending.
    assert [finishes(aio) for aio in BOTH] == [False, True]


def test_a_file_with_unflushed_data_given_to_sock_sendfile() -> None:
    async def sent(aio: Any) -> int:
        ours, theirs = socket.socketpair()
        with ours, theirs, tempfile.TemporaryFile() as file:
            ours.setblocking(False)
            file.write(b"in the buffer of the file object")
            return int(await aio.get_running_loop().sock_sendfile(ours, file))

    assert [run(aio, sent(aio)) for aio in BOTH] == [0, 32]


def test_an_exception_in_add_done_callback_of_an_awaited_foreign_future() -> None:
    def outcome(aio: Any) -> list[str]:
        class Broken:
            _asyncio_future_blocking = True

            def get_loop(self) -> Any:
                return aio.get_running_loop()

            def add_done_callback(self, fn: Any, *, context: Any = None) -> None:
                raise LookupError("no callbacks today")

            def __await__(self) -> Any:
                yield self

        async def wait_for_it() -> None:
            await Broken()

        async def main() -> list[str]:
            loop = aio.get_running_loop()
            reports: list[str] = []
            loop.set_exception_handler(lambda loop, context: reports.append("reported"))
            task = aio.create_task(wait_for_it())
            for _ in range(5):
                await aio.sleep(0)
            if task.done():
                reports.append(repr(task.exception()))
            task._log_destroy_pending = False
            task.get_coro().close()
            return reports

        return list(run(aio, main()))

    # In asyncio the task never finishes, even if the future does.
    assert [outcome(aio) for aio in BOTH] == [["reported"], ["LookupError('no callbacks today')"]]


def test_the_name_of_a_task_created_by_a_task_factory() -> None:
    def name(aio: Any) -> str:
        async def main() -> str:
            loop = aio.get_running_loop()
            loop.set_task_factory(
                lambda loop, coro, **options: aio.Task(coro, loop=loop, **options)
            )
            task = loop.create_task(aio.sleep(0))
            await task
            return str(task.get_name().rstrip("0123456789"))

        return str(run(aio, main()))

    # Bug of 3.13.0: a task created by a factory gets the name None.
    assert [name(aio) for aio in BOTH] == ["None" if RELEASE == (3, 13, 0) else "Task-", "Task-"]


def test_freeing_objects_that_an_exception_refers_to() -> None:
    class Held:
        pass

    async def left_a_group(aio: Any) -> bool:
        held: list[weakref.ref[Held]] = []

        async def wait_in_a_group() -> None:
            local = Held()
            held.append(weakref.ref(local))
            async with aio.TaskGroup():
                await aio.sleep(1)

        task = aio.create_task(wait_in_a_group())
        await aio.sleep(0)
        task.cancel()
        await aio.wait([task])
        del task
        return held[0]() is None

    async def left_as_completed(aio: Any) -> bool:
        held: list[weakref.ref[Held]] = []

        async def fail() -> None:
            local = Held()
            held.append(weakref.ref(local))
            raise ValueError

        for following in aio.as_completed([fail()]):
            with contextlib.suppress(ValueError):
                await following
        return held[0]() is None

    def is_freed_with_the_exception(aio: Any, case: Any) -> bool:
        gc.disable()
        try:
            return bool(run(aio, case(aio)))
        finally:
            gc.enable()

    fixed = (3, 12, 8) <= RELEASE < (3, 13) or RELEASE >= (3, 13, 1)
    assert [is_freed_with_the_exception(aio, left_a_group) for aio in BOTH] == [fixed, True]
    assert [is_freed_with_the_exception(aio, left_as_completed) for aio in BOTH] == [False, True]


@pytest.mark.skipif(RELEASE < (3, 12), reason="asyncio has eager tasks since 3.12")
def test_systemexit_in_an_eager_task_without_references() -> None:
    def is_reported_at_once(aio: Any) -> bool:
        reports: list[str] = []

        async def leave() -> None:
            raise SystemExit

        async def main() -> bool:
            loop = aio.get_running_loop()
            loop.set_task_factory(aio.eager_task_factory)
            loop.set_exception_handler(lambda _, report: reports.append(report["message"]))
            with contextlib.suppress(SystemExit):
                aio.create_task(leave())
            return reports == ["Task exception was never retrieved"]

        gc.disable()
        try:
            return bool(run(aio, main()))
        finally:
            gc.enable()
            gc.collect()

    assert [is_reported_at_once(aio) for aio in BOTH] == [True, False]


@pytest.mark.skipif(RELEASE < (3, 14), reason="asyncio has call graphs since 3.14")
def test_the_call_graph_of_a_future_that_is_done() -> None:
    async def waiters(aio: Any) -> list[int]:
        future = aio.get_running_loop().create_future()

        async def wait() -> None:
            await future

        task = aio.create_task(wait())
        await aio.sleep(0)
        counts = [len(aio.capture_call_graph(future).awaited_by)]
        future.set_result(None)
        counts.append(len(aio.capture_call_graph(future).awaited_by))
        await task
        return [*counts, len(aio.capture_call_graph(future).awaited_by)]

    assert [run(aio, waiters(aio)) for aio in BOTH] == [[1, 1, 0], [1, 0, 0]]


@pytest.mark.skipif(RELEASE < (3, 14), reason="asyncio has call graphs since 3.14")
@pytest.mark.parametrize(
    ("way", "asyncio_keeps_it"),
    [("gather", True), ("shield", False), ("wait", False), ("as_completed", True)],
)
def test_the_call_graph_of_an_argument_of_gather_shield_wait_and_as_completed(
    way: str, asyncio_keeps_it: bool
) -> None:
    async def waiters(aio: Any) -> list[int]:
        future = aio.get_running_loop().create_future()

        async def wait() -> None:
            if way == "gather":
                await aio.shield(aio.gather(future))
            elif way == "shield":
                await aio.shield(future)
            elif way == "wait":
                await aio.wait([future])
            else:
                await next(aio.as_completed([future]))

        task = aio.create_task(wait())
        await aio.sleep(0)
        counts = [len(aio.capture_call_graph(future).awaited_by)]
        task.cancel()
        counts.append(len(aio.capture_call_graph(future).awaited_by))
        await aio.wait([task])
        return [*counts, len(aio.capture_call_graph(future).awaited_by)]

    expected = [[1, 1, int(asyncio_keeps_it)], [1, 0, 0]]
    assert [run(aio, waiters(aio)) for aio in BOTH] == expected


@pytest.mark.skipif(RELEASE < (3, 14), reason="asyncio has call graphs since 3.14")
def test_the_call_graph_of_a_future_for_which_a_task_waits_in_two_ways() -> None:
    async def waiters(aio: Any) -> list[int]:
        async with aio.TaskGroup() as group:
            task = group.create_task(aio.sleep(0.01))
            counts = [len(aio.capture_call_graph(task).awaited_by)]
            await aio.wait([task], timeout=0)
            counts.append(len(aio.capture_call_graph(task).awaited_by))
        return counts

    assert [run(aio, waiters(aio)) for aio in BOTH] == [[1, 0], [1, 1]]


@pytest.mark.skipif(RELEASE < (3, 14), reason="asyncio has call graphs since 3.14")
def test_the_call_graph_of_an_eager_task() -> None:
    async def functions(aio: Any) -> list[str]:
        async def child() -> list[str]:
            frames = [entry.frame for entry in aio.capture_call_graph().call_stack]
            return [frame.f_code.co_name for frame in frames if frame.f_code in codes]

        async def parent() -> list[str]:
            found: list[str] = await aio.Task(child(), eager_start=True)
            return found

        codes = (child.__code__, parent.__code__)
        return await parent()

    assert [run(aio, functions(aio)) for aio in BOTH] == [["child", "parent"], ["child"]]


@pytest.mark.skipif(RELEASE < (3, 14), reason="asyncio has call graphs since 3.14")
def test_the_classes_of_a_call_graph() -> None:
    for name in ("FutureCallGraph", "FrameCallGraphEntry"):
        theirs, ours = (getattr(aio, name) for aio in BOTH)
        assert "__dataclass_fields__" in vars(theirs)
        assert not issubclass(theirs, tuple)
        assert issubclass(ours, tuple)
        assert tuple(theirs.__dataclass_fields__) == ours._fields


def test_a_task_factory_that_takes_no_name() -> None:
    async def name_of_task(aio: Any) -> str:
        loop = aio.get_running_loop()
        loop.set_task_factory(lambda loop, coro: aio.Task(coro, loop=loop))
        with contextlib.closing(aio.sleep(0)) as coro:
            try:
                task = aio.create_task(coro, name="N")
            except TypeError:
                return "refused"
            await task
            return str(task.get_name())

    expected = "refused" if RELEASE >= (3, 14) else "N"
    assert [run(aio, name_of_task(aio)) for aio in BOTH] == [expected, expected]


def test_starting_a_loop_while_another_one_runs() -> None:
    def loop_still_runs(aio: Any) -> bool:
        async def main() -> bool:
            here = aio.get_running_loop()
            other = aio.SelectorEventLoop()
            with pytest.raises(RuntimeError):
                other.run_forever()
            other.close()
            try:
                return aio.get_running_loop() is here
            except RuntimeError:
                return False

        return bool(run(aio, main()))

    # Bug of 3.13.0: it resets the thread's running loop.
    assert [loop_still_runs(aio) for aio in BOTH] == [RELEASE != (3, 13, 0), True]


def test_logging_of_ordinary_work_in_debug_mode(caplog: pytest.LogCaptureFixture) -> None:
    kinds = {"%r is serving", "%r got a new connection from %r: %r", "Close %r"}
    kinds |= {"%r connected to %s:%r: (%r, %r)", "Get address info %s", "Using selector: %s"}

    def observed(aio: Any) -> set[str]:
        async def main() -> None:
            loop = aio.get_running_loop()
            server = await loop.create_server(Recorder, "127.0.0.1", 0)
            address = server.sockets[0].getsockname()
            transport, _ = await loop.create_connection(Recorder, *address)
            await settle(aio)
            transport.abort()
            server.close()
            await loop.getaddrinfo("127.0.0.1", 80)
            await settle(aio)  # the other end of the connection closes

        caplog.clear()
        with caplog.at_level(logging.DEBUG):
            loop = aio.SelectorEventLoop()
            loop.set_debug(True)
            run(aio, main(), loop)
        return {record.msg for record in caplog.records} & kinds

    assert [observed(aio) for aio in BOTH] == [kinds, set()]


def test_logging_of_pipes_datagrams_and_child_processes_in_debug_mode(
    caplog: pytest.LogCaptureFixture,
) -> None:
    firsts = {"Write pipe", "Datagram endpoint", "execute program", "process 'true'"}

    def observed(aio: Any) -> set[str]:
        async def main() -> None:
            loop = aio.get_running_loop()
            loop.set_debug(True)
            reading, writing = os.pipe()
            pipe, _ = await loop.connect_write_pipe(Recorder, os.fdopen(writing, "wb", 0))
            datagrams, _ = await loop.create_datagram_endpoint(Recorder, ("127.0.0.1", 0))
            process = await aio.create_subprocess_exec("true")
            await process.wait()
            pipe.close()
            datagrams.close()
            os.close(reading)
            await settle(aio)

        caplog.clear()
        with caplog.at_level(logging.DEBUG):
            run(aio, main())
        return {" ".join(record.getMessage().split()[:2]) for record in caplog.records} & firsts

    assert [observed(aio) for aio in BOTH] == [firsts, set()]


def test_child_watchers() -> None:
    assert [hasattr(aio, "get_child_watcher") for aio in BOTH] == [RELEASE < (3, 14)] * 2
    if RELEASE < (3, 14):
        watchers = [vars(aio)["ThreadedChildWatcher"]() for aio in BOTH]
        assert [hasattr(watcher, "add_child_handler") for watcher in watchers] == [True, False]


def test_windows() -> None:
    modules = [importlib.util.find_spec(f"{aio.__name__}.windows_events") for aio in BOTH]
    assert [module is not None for module in modules] == [True, False]


def test_an_exception_raised_by_the_protocol_of_a_pipe() -> None:
    def outcome(aio: Any) -> list[object]:
        class Failing(Recorder):
            def data_received(self, data: bytes) -> None:
                super().data_received(data)
                raise LookupError

        async def main() -> list[object]:
            reading, writing = os.pipe()
            loop = aio.get_running_loop()
            reports: list[Any] = []
            loop.set_exception_handler(lambda loop, context: reports.append(context))
            transport, protocol = await loop.connect_read_pipe(Failing, io.FileIO(reading))
            os.write(writing, b"one")
            await settle(aio)
            if not transport.is_closing():
                os.write(writing, b"two")
                await settle(aio)
            os.close(writing)
            await settle(aio)
            return [*protocol.steps, f"{len(reports)} reported"]

        return list(run(aio, main()))

    assert [outcome(aio) for aio in BOTH] == [
        [b"one", b"two", "eof", "lost", "2 reported"],
        [b"one", "lost: LookupError", "1 reported"],
    ]


def test_a_bufferedprotocol_on_a_pipe() -> None:
    def received(aio: Any) -> bytes:
        class Buffered(aio.BufferedProtocol):  # type: ignore[misc]
            def __init__(self) -> None:
                self.buffer = bytearray(4)

            def get_buffer(self, sizehint: int) -> bytearray:
                return self.buffer

        async def main() -> bytes:
            reading, writing = os.pipe()
            loop = aio.get_running_loop()
            loop.set_exception_handler(lambda loop, context: None)
            transport, protocol = await loop.connect_read_pipe(Buffered, io.FileIO(reading))
            os.write(writing, b"data")
            await settle(aio)
            transport.close()
            os.close(writing)
            await settle(aio)
            return bytes(protocol.buffer)

        return bytes(run(aio, main()))

    # asyncio calls data_received(), which a BufferedProtocol does not have.
    assert [received(aio) for aio in BOTH] == [bytes(4), b"data"]


@asynccontextmanager
async def write_pipe(aio: Any, factory: Any) -> AsyncIterator[tuple[Any, Any]]:
    reading, writing = os.pipe()
    transport, protocol = await aio.get_running_loop().connect_write_pipe(
        factory, io.FileIO(writing, "w")
    )
    yield transport, protocol
    transport.close()
    await settle(aio)
    os.close(reading)


def test_text_written_to_a_pipe() -> None:
    def error_type(aio: Any) -> str:
        async def main() -> str:
            async with write_pipe(aio, Recorder) as (transport, _):
                with pytest.raises(Exception) as caught:
                    transport.write("text")
            return type(caught.value).__name__

        return str(run(aio, main()))

    assert [error_type(aio) for aio in BOTH] == ["AssertionError", "TypeError"]


def test_wait_closed_on_the_writer_of_a_pipe() -> None:
    def outcome(aio: Any) -> str:
        async def main() -> str:
            loop = aio.get_running_loop()
            # Programs use this protocol to create such a writer, because there is no other.
            factory = aio.streams.FlowControlMixin
            async with write_pipe(aio, lambda: factory(loop=loop)) as (transport, protocol):
                writer = aio.StreamWriter(transport, protocol, None, loop)
                writer.close()
                try:
                    await writer.wait_closed()
                except NotImplementedError:
                    return "NotImplementedError"
                return "closed"

        return str(run(aio, main()))

    assert [outcome(aio) for aio in BOTH] == ["NotImplementedError", "closed"]


def test_exit_status_of_a_process_that_exited_before_it_was_closed() -> None:
    def status(aio: Any) -> int:
        class Waiting(aio.SubprocessProtocol):  # type: ignore[misc]
            def __init__(self) -> None:
                self.lost = aio.get_running_loop().create_future()

            def connection_lost(self, exc: Exception | None) -> None:
                self.lost.set_result(None)

        async def main() -> int:
            reading, writing = os.pipe()
            options: dict[str, Any] = {"stdin": reading, "stdout": None, "stderr": None}
            started = aio.get_running_loop().subprocess_shell(Waiting, "read go; exit 9", **options)
            transport, protocol = await started
            os.close(reading)
            os.close(writing)
            os.waitid(os.P_PID, transport.get_pid(), os.WEXITED | os.WNOWAIT)
            transport.close()
            await protocol.lost
            return int(transport.get_returncode())

        return int(run(aio, main()))

    # asyncio calls Popen.poll(), which reaps the child. The watcher then finds no exit status.
    assert status(miniloop) == 9
    if RELEASE >= (3, 12):  # before 3.12 a thread waits, and either may reap first
        assert status(asyncio) == 255


def test_data_received_before_a_tls_error() -> None:
    def steps(aio: Any) -> list[object]:
        async def main() -> list[object]:
            async with tls(aio) as (_, protocol, peer):
                peer.sock.send(peer.encrypted(b"data") + b"no record of TLS")
                await settle(aio)
                return list(protocol.steps)

        return list(run(aio, main()))

    assert [steps(aio) for aio in BOTH] == [["lost: SSLError"], [b"data", "lost: SSLError"]]


def test_several_tls_records_received_at_once() -> None:
    def steps(aio: Any) -> list[object]:
        class Careful(Recorder):
            def data_received(self, data: bytes) -> None:
                super().data_received(data)
                self.transport.pause_reading()

        async def main() -> list[object]:
            async with tls(aio, Careful) as (_, protocol, peer):
                peer.sock.send(peer.encrypted(b"one, ") + peer.encrypted(b"two"))
                await settle(aio)
                return list(protocol.steps)

        return list(run(aio, main()))

    assert [steps(aio) for aio in BOTH] == [[b"one, two"], [b"one, "]]


def test_a_large_write_over_tls() -> None:
    def steps(aio: Any) -> list[object]:
        async def main() -> list[object]:
            async with tls(aio) as (transport, protocol, _):
                transport.write(bytes(4 * 1024 * 1024))
                return [*protocol.steps, transport.get_write_buffer_size() > 512 * 1024]

        return list(run(aio, main()))

    # asyncio passes all of it to the transport below, and does not count that buffer.
    assert [steps(aio) for aio in BOTH] == [[False], ["pause", True]]


def test_an_empty_buffer_from_get_buffer_over_tls() -> None:
    def first_step(aio: Any) -> str:
        class Bottomless(aio.BufferedProtocol):  # type: ignore[misc]
            def __init__(self) -> None:
                self.steps: list[str] = []

            def get_buffer(self, sizehint: int) -> bytearray:
                return bytearray()

            def eof_received(self) -> None:
                self.steps.append("eof")

            def connection_lost(self, exc: Exception | None) -> None:
                self.steps.append(type(exc).__name__)

        async def main() -> str:
            aio.get_running_loop().set_exception_handler(lambda loop, context: None)
            async with tls(aio, Bottomless) as (_, protocol, peer):
                peer.sock.send(peer.encrypted(b"data"))
                await settle(aio)
                return str(protocol.steps[0])

        return str(run(aio, main()))

    assert [first_step(aio) for aio in BOTH] == ["eof", "RuntimeError"]


def test_a_tls_server_whose_certificate_is_refused() -> None:
    def observed(aio: Any) -> str:
        async def main() -> str:
            loop = aio.get_running_loop()
            ours, theirs = socket.socketpair()
            theirs.setblocking(False)
            with theirs:
                greeting = aio.create_task(TLSPeer(loop, theirs, server_context()).handshake())
                options: dict[str, Any] = {"ssl": stranger_context(), "server_hostname": NAME}
                with pytest.raises(ssl.SSLCertVerificationError):
                    await loop.create_connection(Recorder, sock=ours, **options)
                with pytest.raises(ssl.SSLError) as caught:
                    await greeting
                return caught.value.reason or ""

        return str(run(aio, main()))

    assert [observed(aio) for aio in BOTH] == [
        "UNEXPECTED_EOF_WHILE_READING",
        "TLSV1_ALERT_UNKNOWN_CA",
    ]


def test_the_protocol_after_start_tls_fails() -> None:
    def observed(aio: Any) -> list[str]:
        class Listener(aio.Protocol):  # type: ignore[misc]
            def __init__(self) -> None:
                self.steps: list[str] = []

            def connection_lost(self, exc: object) -> None:
                self.steps.append("connection_lost")

        async def main() -> list[str]:
            loop = aio.get_running_loop()
            ours, theirs = socket.socketpair()
            with theirs:
                transport, protocol = await loop.create_connection(Listener, sock=ours)
                options: dict[str, Any] = {"server_hostname": NAME}
                upgrade = loop.start_tls(transport, protocol, client_context(), **options)
                upgrading = aio.create_task(upgrade)
                await settle(aio)
                upgrading.cancel()
                await aio.wait([upgrading])
                await settle(aio)
                return list(protocol.steps)

        return list(run(aio, main()))

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        assert [observed(aio) for aio in BOTH] == [[], ["connection_lost"]]
        gc.collect()


def test_start_serving_on_a_closed_server() -> None:
    def outcome(aio: Any) -> str:
        async def main() -> str:
            server = await aio.get_running_loop().create_server(aio.Protocol, "127.0.0.1", 0)
            server.close()
            try:
                await server.start_serving()
            except Exception as error:
                return type(error).__name__
            return "served"

        return str(run(aio, main()))

    assert [outcome(aio) for aio in BOTH] == ["TypeError", "RuntimeError"]


def test_a_proxy_that_imitates_a_coroutine() -> None:
    class Proxy:
        def __init__(self, inner: Any) -> None:
            self._inner = inner

        __class__ = property(lambda self: type(self._inner))

        def __getattr__(self, name: str) -> Any:
            return getattr(self._inner, name)

    def outcome(aio: Any) -> object:
        async def five() -> int:
            return 5

        async def main() -> object:
            coro = five()
            try:
                return await aio.create_task(Proxy(coro))
            except TypeError:
                coro.close()
                return "TypeError"

        return run(aio, main())

    assert [outcome(aio) for aio in BOTH] == [5, "TypeError"]


def test_two_pending_timers_with_the_same_time_and_callback() -> None:
    def equal(aio: Any) -> tuple[bool, bool]:
        loop = aio.SelectorEventLoop()
        one, other = (loop.call_at(loop.time() + 0 * n, print) for n in range(2))
        one._when = other._when = 0.0
        waiting = one == other
        loop.call_soon(loop.stop)
        loop.run_forever()
        loop.close()
        return waiting, one == other

    assert [equal(aio) for aio in BOTH] == [(True, True), (False, True)]


def test_start_tls_on_a_lost_connection() -> None:
    def outcome(aio: Any) -> str:
        async def main() -> str:
            loop = aio.get_running_loop()
            ours, theirs = socket.socketpair()
            with theirs:
                transport, protocol = await loop.create_connection(Recorder, sock=ours)
                transport.abort()
                await settle(aio)
                options: dict[str, Any] = {"server_hostname": NAME}
                upgrade = loop.start_tls(transport, protocol, client_context(), **options)
                upgrading = aio.create_task(upgrade)
                await settle(aio)
                if not upgrading.done():
                    upgrading.cancel()
                    await aio.wait([upgrading])
                    return "waits forever"
                return type(upgrading.exception()).__name__

        return str(run(aio, main()))

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # from asyncio's unfinished transport
        outcomes = [outcome(aio) for aio in BOTH]
        gc.collect()
    assert outcomes == ["waits forever", "ConnectionResetError"]


def test_a_task_that_awaits_itself_twice() -> None:
    def observed(aio: Any) -> list[str]:
        async def stubborn() -> list[str]:
            messages = []
            for _ in range(2):
                with pytest.raises(RuntimeError) as caught:
                    await aio.current_task()
                messages.append(str(caught.value).partition(":")[0])
            return messages

        async def main() -> list[str]:
            return list(await aio.create_task(stubborn()))

        return list(run(aio, main()))

    itself = "Task cannot await on itself"
    assert [observed(aio) for aio in BOTH] == [
        [itself, "await wasn't used with future"],
        [itself, itself],
    ]


def test_bytes_read_at_once() -> None:
    def largest(aio: Any) -> int:
        async def main() -> int:
            ours, theirs = socket.socketpair()
            for end, option in ((ours, socket.SO_RCVBUF), (theirs, socket.SO_SNDBUF)):
                end.setsockopt(socket.SOL_SOCKET, option, 1 << 20)
            with theirs:
                theirs.setblocking(False)
                sent = theirs.send(bytes(200 * 1024))
                loop = aio.get_running_loop()
                transport, protocol = await loop.create_connection(Recorder, sock=ours)
                while sum(map(len, protocol.steps)) < sent:
                    await aio.sleep(0)
                transport.abort()
            return max(map(len, protocol.steps))

        return int(run(aio, main()))

    theirs, ours = (largest(aio) for aio in BOTH)
    assert theirs > ours
    assert ours == 127 * 1024


def test_logging_of_flow_control_in_debug_mode(caplog: pytest.LogCaptureFixture) -> None:
    kinds = {"%r pauses reading", "%r resumes reading", "%r received EOF"}

    def observed(aio: Any) -> set[str]:
        async def main() -> None:
            ours, theirs = socket.socketpair()
            with theirs:
                loop = aio.get_running_loop()
                transport, protocol = await loop.create_connection(Recorder, sock=ours)
                transport.pause_reading()
                transport.resume_reading()
            while "eof" not in protocol.steps:
                await aio.sleep(0)

        loop = aio.SelectorEventLoop()
        loop.set_debug(True)
        caplog.clear()
        with caplog.at_level(logging.DEBUG):
            run(aio, main(), loop)
        return {record.msg for record in caplog.records} & kinds

    assert [observed(aio) for aio in BOTH] == [kinds, set()]


def test_entering_a_task_of_a_loop_that_does_not_run() -> None:
    async def main(aio: Any) -> str:
        class Loop:
            pass

        loop, task = Loop(), aio.current_task()
        try:
            aio.tasks._enter_task(loop, task)
        except RuntimeError as error:
            return "raised " + str(error).partition("> ")[2]
        entered = aio.current_task(loop) is task
        aio.tasks._leave_task(loop, task)
        return f"entered: {entered}, left: {aio.current_task(loop) is None}"

    allowed = "entered: True, left: True"
    theirs = allowed if RELEASE < (3, 14) else "raised is not the running loop"
    assert [run(aio, main(aio)) for aio in BOTH] == [theirs, allowed]


def test_get_event_loop_in_the_main_thread_before_3_14() -> None:
    program = """
import warnings
warnings.simplefilter("ignore")
try:
    aio.get_event_loop().close()
    print("made a loop")
except RuntimeError:
    print("raised RuntimeError")
"""

    def observed(name: str) -> str:
        command = [sys.executable, "-c", f"import {name} as aio\n{program}"]
        return subprocess.run(command, capture_output=True, check=True, text=True).stdout.strip()

    kept = "made a loop" if RELEASE < (3, 14) else "raised RuntimeError"
    assert [observed(aio.__name__) for aio in BOTH] == [kept, kept]


def test_a_statement_at_the_prompt() -> None:
    def observed(name: str) -> str:
        command = [sys.executable, "-q", "-m", name]
        text = "asyncio.current_task() is None\n"
        done = subprocess.run(command, capture_output=True, check=True, text=True, input=text)
        return done.stdout.replace(">>>", "").strip()

    assert [observed(aio.__name__) for aio in BOTH] == ["True", "False"]


def test_the_commands_ps_and_pstree() -> None:
    def observed(name: str, command: str) -> bool:
        arguments = [sys.executable, "-m", name, command, "--help"]
        done = subprocess.run(arguments, capture_output=True, check=False, text=True, input="")
        return (done.returncode, "PID" in done.stdout.upper()) == (0, True)

    there = [[observed(aio.__name__, command) for command in ("ps", "pstree")] for aio in BOTH]
    assert there == [[RELEASE >= (3, 14)] * 2, [False] * 2]


def test_deprecation_warnings_before_3_14() -> None:
    def warned(aio: Any) -> list[type]:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            aio.iscoroutinefunction(print)
            aio.get_event_loop_policy()
        return [warning.category for warning in caught]

    expected = [DeprecationWarning] * 2 if RELEASE >= (3, 14) else []
    assert [warned(aio) for aio in BOTH] == [expected, expected]


def test_a_reader_that_is_paused_when_start_tls_begins() -> None:
    # The client's first TLS record comes with more data than the limit: the reader pauses the
    # transport below TLS, and must later resume that one.
    def received(aio: Any) -> list[int]:
        lengths: list[int] = []

        async def serve(reader: Any, writer: Any) -> None:
            await writer.start_tls(server_context())
            lengths.append(len(await reader.readexactly(300_000)))

        async def main() -> None:
            loop = aio.get_running_loop()
            ours, theirs = socket.socketpair()
            protocol = aio.StreamReaderProtocol(aio.StreamReader(limit=1000), serve)
            server, _ = await loop.connect_accepted_socket(lambda: protocol, ours)
            _, writer = await aio.open_connection(sock=theirs)
            await writer.start_tls(client_context(), server_hostname=NAME)
            writer.write(bytes(300_000))
            for _ in range(100):
                await settle(aio)
            for transport in (server, writer.transport):
                transport.abort()
            await settle(aio)

        run(aio, main())
        return lengths

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the server's task is destroyed while it waits
        # Since gh-152431.
        assert [received(aio) for aio in BOTH] == [
            [] if RELEASE >= (3, 14, 7) else [300_000],
            [300_000],
        ]
