"""Where miniloop means to differ from asyncio: both sides, one beside the other.

Purpose: each test holds a row of the README's table *Where miniloop differs*, and has its name. It
shows what asyncio does and what miniloop does, and fails when there is no difference any more.
Rules: what differs only because an interpreter's asyncio is older than 3.13 is no difference; the
parity scenarios say so where it matters. A fault of one asyncio release is shown on that release.
"""

from __future__ import annotations

import array
import asyncio
import gc
import selectors
import socket
import sys
import weakref
from collections.abc import Coroutine
from typing import Any

import pytest

import miniloop

BOTH = (asyncio, miniloop)
RELEASE = sys.version_info[:3]


def run(aio: Any, main: Coroutine[Any, Any, Any], loop: Any = None) -> Any:
    loop = loop or aio.SelectorEventLoop()
    try:
        return loop.run_until_complete(main)
    finally:
        loop.close()


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


def test_abstract_classes_have_no_methods() -> None:
    def complaint(aio: Any) -> str:
        with pytest.raises(Exception) as caught:
            aio.Transport().write(b"")
        return type(caught.value).__name__

    assert [complaint(aio) for aio in BOTH] == ["NotImplementedError", "AttributeError"]


def test_waiting_for_a_lock_where_no_loop_runs() -> None:
    def complaint(aio: Any) -> str:
        lock = aio.Lock()
        with pytest.raises(StopIteration):
            lock.acquire().send(None)
        second = lock.acquire()
        with pytest.raises(Exception) as caught:
            second.send(None)
        return type(caught.value).__name__

    assert [complaint(aio) for aio in BOTH] == ["AttributeError", "RuntimeError"]


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
