"""Where miniloop means to differ from asyncio: both sides, one beside the other.

Purpose: each test holds a row of the README's table *Where miniloop differs*, and has its name. It
shows what asyncio does and what miniloop does, and fails when there is no difference any more.
Rules: what differs only because an interpreter's asyncio is older than 3.13 is no difference; the
parity scenarios say so where it matters. A fault of one asyncio release is shown on that release.
"""

from __future__ import annotations

import array
import asyncio
import contextlib
import contextvars
import gc
import importlib.util
import io
import logging
import os
import selectors
import socket
import ssl
import sys
import warnings
import weakref
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pytest

import miniloop
from tests.certificates import NAME, TLSPeer, client_context, server_context, stranger_context

BOTH = (asyncio, miniloop)
RELEASE = sys.version_info[:3]


def run(aio: Any, main: Coroutine[Any, Any, Any], loop: Any = None) -> Any:
    loop = loop or aio.SelectorEventLoop()
    try:
        return loop.run_until_complete(main)
    finally:
        loop.close()


def _fill(sock: socket.socket) -> int:
    """Send until the kernel takes no more; return how many bytes it took."""
    taken = 0
    with contextlib.suppress(BlockingIOError):
        while True:
            taken += sock.send(bytes(1 << 16))
    return taken


class Recorder:
    """A protocol that writes down what it is told; its methods may be replaced."""

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


async def turns(aio: Any) -> None:
    """Let everything happen that needs nobody else."""
    for _ in range(20):
        await aio.sleep(0)


@asynccontextmanager
async def tls(aio: Any, factory: Any = Recorder) -> AsyncIterator[tuple[Any, Any, TLSPeer]]:
    """A TLS connection: its transport, its protocol and the server at the other end."""
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
            await turns(aio)


def test_its_own_name() -> None:
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


def test_tasks_do_not_go_through_call_soon() -> None:
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


def test_a_busy_turn_does_not_ask_the_selector() -> None:
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


def test_a_pending_future_with_callbacks_waits_for_the_collector() -> None:
    def goes_with_its_last_reference(aio: Any) -> bool:
        loop = aio.SelectorEventLoop()
        future = loop.create_future()
        future.add_done_callback(print)
        watched = weakref.ref(future)
        gc.disable()
        try:
            del future
            return watched() is None
        finally:
            gc.enable()
            loop.close()

    assert [goes_with_its_last_reference(aio) for aio in BOTH] == [True, False]


def test_a_lost_exception_is_reported_with_a_twin() -> None:
    def reported_is_the_future_itself(aio: Any) -> bool:
        loop = aio.SelectorEventLoop()
        reports: list[dict[str, Any]] = []
        loop.set_exception_handler(lambda loop, context: reports.append(context))
        future = loop.create_future()
        future.set_exception(ValueError("lost"))
        address, shown = id(future), repr(future)
        del future
        loop.close()
        (report,) = reports
        assert repr(report["future"]) == shown
        return id(report["future"]) == address

    assert [reported_is_the_future_itself(aio) for aio in BOTH] == [True, False]


def test_a_task_of_a_gather_that_refuses_another_argument() -> None:
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
        told = [report["message"] for report in reports]
        assert told in ([], ["Task exception was never retrieved"])
        return bool(told)

    assert [is_reported(aio) for aio in BOTH] == [False, True]


def test_a_future_whose_class_forgot_to_call_init() -> None:
    def use_it(aio: Any) -> tuple[str, bool]:
        class Forgetful(aio.Future):  # type: ignore[misc]
            def __init__(self) -> None:
                pass

        future = Forgetful()
        with pytest.raises((RuntimeError, AttributeError)) as caught:
            future.set_result(1)
        return type(caught.value).__name__, future.done()

    assert [use_it(aio) for aio in BOTH] == [("RuntimeError", False), ("AttributeError", True)]


def test_a_loop_derived_from_abstracteventloop_alone() -> None:
    def carries_futures(aio: Any) -> bool:
        class Loop(aio.AbstractEventLoop):  # type: ignore[misc]
            def get_debug(self) -> bool:
                return False

        try:
            future = aio.Future(loop=Loop())
            future.set_result(1)
        except AttributeError:
            return False
        return bool(future.result())

    assert [carries_futures(aio) for aio in BOTH] == [True, False]


def test_waiting_for_a_lock_where_no_loop_runs() -> None:
    def complaint(aio: Any) -> str:
        lock = aio.Lock()
        with pytest.raises(StopIteration):
            lock.acquire().send(None)
        second = lock.acquire()
        with pytest.raises(Exception) as caught:
            second.send(None)
        return type(caught.value).__name__

    def complaint_once_bound(aio: Any) -> str:
        lock = aio.Lock()

        async def main() -> Any:
            await lock.acquire()
            waiting = aio.create_task(lock.acquire())
            await aio.sleep(0)  # now the lock knows its loop
            waiting.cancel()
            return lock.acquire()

        with pytest.raises(RuntimeError) as caught:
            aio.run(main()).send(None)
        return str(caught.value).partition("> ")[2] or str(caught.value)

    assert [complaint(aio) for aio in BOTH] == ["AttributeError", "RuntimeError"]
    assert [complaint_once_bound(aio) for aio in BOTH] == [
        "is bound to a different event loop", "no running event loop",
    ]  # fmt: skip


@pytest.mark.parametrize("call", ["get", "put"])
def test_waiting_at_a_queue_that_is_closed_after_its_loop(call: str) -> None:
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
        return "ends"

    assert [close_it(aio) for aio in BOTH] == ["Event loop is closed", "ends"]


def test_an_empty_piece_among_the_lines_to_write() -> None:
    def closes(aio: Any) -> bool:
        lost = []

        class Listener(aio.Protocol):  # type: ignore[misc]
            def connection_lost(self, exc: Exception | None) -> None:
                lost.append(exc)

        async def main() -> bool:
            ours, theirs = socket.socketpair()
            loop = aio.get_running_loop()
            transport, _ = await loop.create_connection(Listener, sock=ours)
            transport.writelines([b""])
            transport.close()
            for _ in range(10):
                await aio.sleep(0)
            closed = bool(lost)
            transport.abort()
            await aio.sleep(0)
            theirs.close()
            return closed

        return bool(run(aio, main()))

    # Up to 3.11 asyncio joined the pieces. From then on an empty one stays in its buffer for ever.
    assert [closes(aio) for aio in BOTH] == [RELEASE < (3, 12), True]


def test_a_call_to_a_transport_that_has_drained_and_closed() -> None:
    async def main(aio: Any) -> tuple[bytes, str]:
        class Late(aio.Protocol):  # type: ignore[misc]
            def connection_lost(self, exc: Exception | None) -> None:
                transport.write(b", and more")

        ours, peer = socket.socketpair()
        ours.setblocking(False)
        filled = _fill(ours)
        loop = aio.get_running_loop()
        transport, _ = await loop.create_connection(Late, sock=ours)
        transport.write(b"the last")
        transport.close()
        with peer:
            while filled > 0:
                filled -= len(peer.recv(1 << 20))
            for _ in range(5):
                await aio.sleep(0)
            received = peer.recv(100)
        try:
            transport.abort()
        except AttributeError as exc:
            return received, str(exc)
        return received, "nothing"

    told = [run(aio, main(aio)) for aio in BOTH]
    assert told == [
        (b"the last, and more", "'NoneType' object has no attribute 'call_soon'"),
        (b"the last", "nothing"),
    ]


def test_lines_to_write_while_the_transport_closes() -> None:
    async def main(aio: Any) -> str:
        ours, peer = socket.socketpair()
        ours.setblocking(False)
        _fill(ours)
        loop = aio.get_running_loop()
        transport, _ = await loop.create_connection(aio.Protocol, sock=ours)
        transport.write(b"kept")
        transport.close()
        try:
            transport.writelines([b"1", b"2"])
        except TypeError as exc:
            return str(exc)
        else:
            return f"{transport.get_write_buffer_size()} bytes wait"
        finally:
            transport.abort()
            await aio.sleep(0)
            peer.close()

    # Up to 3.11 asyncio handed the pieces, joined, to write().
    theirs = "6 bytes wait" if RELEASE < (3, 12) else "'NoneType' object is not callable"
    assert [run(aio, main(aio)) for aio in BOTH] == [theirs, "6 bytes wait"]


def test_lines_to_write_behind_others() -> None:
    class Narrow(socket.socket):
        """Takes one byte at a time."""

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


def test_a_wide_view_given_to_sock_sendall() -> None:
    def ends(aio: Any) -> bool:
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

    # asyncio compares the bytes that were sent with the number of items, and goes on sending.
    assert [ends(aio) for aio in BOTH] == [False, True]


def test_what_a_foreign_future_raises_while_it_is_awaited() -> None:
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

    # In asyncio the task then never ends, whatever becomes of the future.
    assert [outcome(aio) for aio in BOTH] == [["reported"], ["LookupError('no callbacks today')"]]


def test_the_name_of_a_task_from_a_factory() -> None:
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

    # A fault of 3.13.0: a factory's task is given the name None.
    assert [name(aio) for aio in BOTH] == ["None" if RELEASE == (3, 13, 0) else "Task-", "Task-"]


def test_when_what_an_error_holds_is_freed() -> None:
    class Held:
        pass

    def goes_with_the_error(aio: Any) -> bool:
        held: list[weakref.ref[Held]] = []

        async def wait_in_a_group() -> None:
            local = Held()
            held.append(weakref.ref(local))
            async with aio.TaskGroup():
                await aio.sleep(1)

        async def main() -> bool:
            task = aio.create_task(wait_in_a_group())
            await aio.sleep(0)
            task.cancel()
            await aio.wait([task])
            del task
            return held[0]() is None

        gc.disable()
        try:
            return bool(run(aio, main()))
        finally:
            gc.enable()

    mended = (3, 12, 8) <= RELEASE < (3, 13) or RELEASE >= (3, 13, 1)
    assert [goes_with_the_error(aio) for aio in BOTH] == [mended, True]


@pytest.mark.skipif(RELEASE < (3, 12), reason="asyncio has eager tasks since 3.12")
def test_the_exit_of_an_eager_task_that_nobody_holds() -> None:
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


def test_a_loop_refused_inside_another() -> None:
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

    # A fault of 3.13.0: it takes the running loop of the thread away.
    assert [loop_still_runs(aio) for aio in BOTH] == [RELEASE != (3, 13, 0), True]


def test_ordinary_work_in_debug_mode(caplog: pytest.LogCaptureFixture) -> None:
    kinds = {"%r is serving", "%r got a new connection from %r: %r", "Close %r"}
    kinds |= {"%r connected to %s:%r: (%r, %r)", "Get address info %s", "Using selector: %s"}

    def told(aio: Any) -> set[str]:
        async def main() -> None:
            loop = aio.get_running_loop()
            server = await loop.create_server(Recorder, "127.0.0.1", 0)
            address = server.sockets[0].getsockname()
            transport, _ = await loop.create_connection(Recorder, *address)
            await turns(aio)
            transport.abort()
            server.close()
            await loop.getaddrinfo("127.0.0.1", 80)

        caplog.clear()
        with caplog.at_level(logging.DEBUG):
            loop = aio.SelectorEventLoop()
            loop.set_debug(True)
            run(aio, main(), loop)
        return {record.msg for record in caplog.records} & kinds

    assert [told(aio) for aio in BOTH] == [kinds, set()]


def test_pipes_datagrams_and_child_processes_in_debug_mode(
    caplog: pytest.LogCaptureFixture,
) -> None:
    firsts = {"Write pipe", "Datagram endpoint", "execute program", "process 'true'"}

    def told(aio: Any) -> set[str]:
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
            await turns(aio)

        caplog.clear()
        with caplog.at_level(logging.DEBUG):
            run(aio, main())
        return {" ".join(record.getMessage().split()[:2]) for record in caplog.records} & firsts

    assert [told(aio) for aio in BOTH] == [firsts, set()]


def test_child_watchers() -> None:
    name = "ThreadedChildWatcher"
    assert [hasattr(aio, name) for aio in BOTH] == [RELEASE < (3, 14), False]


def test_windows() -> None:
    modules = [importlib.util.find_spec(f"{aio.__name__}.windows_events") for aio in BOTH]
    assert [module is not None for module in modules] == [True, False]


def test_what_the_protocol_of_a_pipe_raises() -> None:
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
            await turns(aio)
            if not transport.is_closing():
                os.write(writing, b"two")
                await turns(aio)
            os.close(writing)
            await turns(aio)
            return [*protocol.steps, f"{len(reports)} reported"]

        return list(run(aio, main()))

    assert [outcome(aio) for aio in BOTH] == [
        [b"one", b"two", "eof", "lost", "2 reported"],
        [b"one", "lost: LookupError", "1 reported"],
    ]


def test_a_bufferedprotocol_at_a_pipe() -> None:
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
            await turns(aio)
            transport.close()
            os.close(writing)
            await turns(aio)
            return bytes(protocol.buffer)

        return bytes(run(aio, main()))

    # asyncio calls the data_received() that such a protocol does not have.
    assert [received(aio) for aio in BOTH] == [bytes(4), b"data"]


@asynccontextmanager
async def write_pipe(aio: Any, factory: Any) -> AsyncIterator[tuple[Any, Any]]:
    reading, writing = os.pipe()
    transport, protocol = await aio.get_running_loop().connect_write_pipe(
        factory, io.FileIO(writing, "w")
    )
    yield transport, protocol
    transport.close()
    await turns(aio)
    os.close(reading)


def test_text_written_to_a_pipe() -> None:
    def complaint(aio: Any) -> str:
        async def main() -> str:
            async with write_pipe(aio, Recorder) as (transport, _):
                with pytest.raises(Exception) as caught:
                    transport.write("text")
            return type(caught.value).__name__

        return str(run(aio, main()))

    assert [complaint(aio) for aio in BOTH] == ["AssertionError", "TypeError"]


def test_waiting_until_the_writer_to_a_pipe_is_closed() -> None:
    def outcome(aio: Any) -> str:
        async def main() -> str:
            loop = aio.get_running_loop()
            # The protocol by which programs make such a writer, for want of another.
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


def test_the_exit_status_of_a_closed_process() -> None:
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

    # asyncio asks Popen whether the process lives; that takes its status from the one who waits.
    assert status(miniloop) == 9
    if RELEASE >= (3, 12):  # before, a thread waits, and either may be first
        assert status(asyncio) == 255


def test_data_before_an_error_of_tls() -> None:
    def steps(aio: Any) -> list[object]:
        async def main() -> list[object]:
            async with tls(aio) as (_, protocol, peer):
                peer.sock.send(peer.encrypted(b"data") + b"no record of TLS")
                await turns(aio)
                return list(protocol.steps)

        return list(run(aio, main()))

    assert [steps(aio) for aio in BOTH] == [["lost: SSLError"], [b"data", "lost: SSLError"]]


def test_records_of_tls_that_come_together() -> None:
    def steps(aio: Any) -> list[object]:
        class Careful(Recorder):
            def data_received(self, data: bytes) -> None:
                super().data_received(data)
                self.transport.pause_reading()

        async def main() -> list[object]:
            async with tls(aio, Careful) as (_, protocol, peer):
                peer.sock.send(peer.encrypted(b"one, ") + peer.encrypted(b"two"))
                await turns(aio)
                return list(protocol.steps)

        return list(run(aio, main()))

    assert [steps(aio) for aio in BOTH] == [[b"one, two"], [b"one, "]]


def test_one_big_write_over_tls() -> None:
    def steps(aio: Any) -> list[object]:
        async def main() -> list[object]:
            async with tls(aio) as (transport, protocol, _):
                transport.write(bytes(4 * 1024 * 1024))
                return [*protocol.steps, transport.get_write_buffer_size() > 512 * 1024]

        return list(run(aio, main()))

    # asyncio passes all of it on to the transport below, whose buffer it does not count.
    assert [steps(aio) for aio in BOTH] == [[False], ["pause", True]]


def test_an_empty_buffer_for_what_tls_has_decrypted() -> None:
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
                await turns(aio)
                return str(protocol.steps[0])

        return str(run(aio, main()))

    assert [first_step(aio) for aio in BOTH] == ["eof", "RuntimeError"]


def test_a_server_whose_certificate_is_refused() -> None:
    def told(aio: Any) -> str:
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

    assert [told(aio) for aio in BOTH] == ["UNEXPECTED_EOF_WHILE_READING", "TLSV1_ALERT_UNKNOWN_CA"]


def test_a_start_tls_that_fails() -> None:
    def told(aio: Any) -> list[str]:
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
                await turns(aio)
                upgrading.cancel()
                await aio.wait([upgrading])
                await turns(aio)
                return list(protocol.steps)

        return list(run(aio, main()))

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        assert [told(aio) for aio in BOTH] == [[], ["connection_lost"]]
        gc.collect()


def test_a_closed_server_that_shall_start_serving() -> None:
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


def test_a_proxy_that_only_looks_like_a_coroutine() -> None:
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


def test_two_timers_of_the_same_call_that_wait() -> None:
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


def test_start_tls_on_a_connection_that_is_lost() -> None:
    def outcome(aio: Any) -> str:
        async def main() -> str:
            loop = aio.get_running_loop()
            ours, theirs = socket.socketpair()
            with theirs:
                transport, protocol = await loop.create_connection(Recorder, sock=ours)
                transport.abort()
                await turns(aio)
                options: dict[str, Any] = {"server_hostname": NAME}
                upgrade = loop.start_tls(transport, protocol, client_context(), **options)
                upgrading = aio.create_task(upgrade)
                await turns(aio)
                if not upgrading.done():
                    upgrading.cancel()
                    await aio.wait([upgrading])
                    return "waits for ever"
                return type(upgrading.exception()).__name__

        return str(run(aio, main()))

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # nobody can close what asyncio has begun
        outcomes = [outcome(aio) for aio in BOTH]
        gc.collect()
    assert outcomes == ["waits for ever", "ConnectionResetError"]


@pytest.mark.skipif(RELEASE < (3, 12), reason="asyncio has no eager tasks")
def test_an_eager_task_in_a_context_that_is_already_entered() -> None:
    def told(aio: Any) -> list[str]:
        reports: list[str] = []

        async def nothing() -> None:
            reports.append("never run")

        async def inside(context: contextvars.Context) -> None:
            eager = aio.create_task(nothing(), context=context)
            reports.append(f"it has ended with {eager.exception()}".partition(":")[0])

        async def main(loop: Any) -> None:
            context = contextvars.copy_context()
            loop.set_task_factory(getattr(aio, "eager_task_factory"))  # noqa: B009
            await aio.sleep(0)
            task = aio.Task(inside(context), loop=loop, context=context)
            await aio.wait([task])
            reports.append("others go on")

        def report(loop: Any, context: dict[str, Any]) -> None:
            reports.append(str(context.get("exception")).partition(" <")[0])
            loop.stop()

        loop = aio.SelectorEventLoop()
        loop.set_exception_handler(report)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the coroutine that was never awaited
            try:
                loop.run_until_complete(main(loop))
            except RuntimeError as error:
                reports.append(str(error))
            finally:
                loop.close()
        return reports

    assert [told(aio) for aio in BOTH] == [
        ["Leaving task", "Event loop stopped before Future completed."],
        ["it has ended with cannot enter context", "others go on"],
    ]


def test_a_task_that_awaits_itself_and_is_awaited_again() -> None:
    def told(aio: Any) -> list[str]:
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
    assert [told(aio) for aio in BOTH] == [
        [itself, "await wasn't used with future"],
        [itself, itself],
    ]


def test_the_message_of_a_gather_whose_last_child_refuses_to_be_cancelled() -> None:
    def message(aio: Any) -> str:
        async def refuse() -> None:
            try:
                await aio.sleep(10)
            except aio.CancelledError:
                return

        async def main() -> str:
            child = aio.ensure_future(refuse())
            gathered = aio.gather(child)
            await aio.sleep(0)
            gathered.cancel("enough")
            child.cancel("at once")  # it has been woken, but has not had its turn
            with pytest.raises(aio.CancelledError) as caught:
                await gathered
            return str(caught.value)

        return str(run(aio, main()))

    assert [message(aio) for aio in BOTH] == ["at once", ""]


def test_how_much_is_read_at_a_time() -> None:
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


def test_flow_control_in_debug_mode(caplog: pytest.LogCaptureFixture) -> None:
    kinds = {"%r pauses reading", "%r resumes reading", "%r received EOF"}

    def told(aio: Any) -> set[str]:
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

    assert [told(aio) for aio in BOTH] == [kinds, set()]
