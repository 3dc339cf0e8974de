"""Loops that a program derives from BaseEventLoop: it brings only the selector.

Test loops of libraries do this: aiostream's moves its clock instead of waiting.
"""

from __future__ import annotations

import signal
import socket
import threading
from collections.abc import AsyncIterator, Callable
from typing import Any
from unittest.mock import Mock

import pytest

from tests.parity.harness import Stage, attempt, attempt_await


def loop_with_a_mock(stage: Stage) -> Any:
    """Return a loop that cannot wait: its selector is a mock."""

    class Loop(stage.aio.BaseEventLoop):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self._selector = Mock()

        def _process_events(self, events: Any) -> None:
            pass

        def _write_to_self(self) -> None:
            pass

    return Loop()


def loop_with_a_clock(stage: Stage) -> Any:
    """Return a loop that waits for other threads, and moves its clock instead of waiting for it."""

    class Loop(stage.aio.BaseEventLoop):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.now = 0.0
            self.woken = threading.Event()
            self._selector = self

        def time(self) -> float:
            return self.now

        def select(self, timeout: float | None) -> list[Any]:
            if timeout is None:
                assert self.woken.wait(30)
            elif not self.woken.is_set():
                self.now += timeout
            self.woken.clear()
            return []

        def _process_events(self, events: list[Any]) -> None:
            assert events == []

        def _write_to_self(self) -> None:
            self.woken.set()

    return Loop()


def ignore(*_: Any) -> None:
    """An exception handler."""


CALLS: dict[str, Callable[[Any], Any]] = {
    "set_debug": lambda loop: loop.set_debug(True) or loop.get_debug(),
    "call_exception_handler": lambda loop: loop.call_exception_handler({"message": "m"}),
    "default_exception_handler": lambda loop: loop.default_exception_handler({"message": "m"}),
    "set_exception_handler": lambda loop: loop.set_exception_handler(ignore),
    "get_exception_handler": lambda loop: loop.get_exception_handler(),
    "run_in_executor": lambda loop: type(loop.run_in_executor(None, int)).__name__,
    "set_default_executor": lambda loop: attempt(loop.set_default_executor, "no executor"),
    "create_future": lambda loop: type(loop.create_future()).__name__,
    "call_soon": lambda loop: loop.call_soon(print).cancel(),
    "call_soon_threadsafe": lambda loop: loop.call_soon_threadsafe(print).cancel(),
    "call_later": lambda loop: loop.call_later(1, print).cancel(),
    "call_at": lambda loop: loop.call_at(1, print).cancel(),
    "set_task_factory": lambda loop: loop.set_task_factory(ignore),
    "get_task_factory": lambda loop: loop.get_task_factory(),
    "is_running": lambda loop: loop.is_running(),
    "is_closed": lambda loop: loop.is_closed(),
    "stop": lambda loop: loop.stop(),
}

RETURNS: dict[str, object] = {
    "set_debug": True,
    "run_in_executor": "Future",
    "set_default_executor": "raised TypeError: executor must be ThreadPoolExecutor instance",
    "create_future": "Future",
    "is_running": False,
    "is_closed": False,
}


@pytest.mark.parametrize("name", CALLS)
def test_a_loop_that_brings_only_its_selector_has_every_method(stage: Stage, name: str) -> None:
    loop = loop_with_a_mock(stage)
    loop.set_debug(False)
    executor = stage.executor()
    if name == "run_in_executor":
        loop.set_default_executor(executor)
    assert CALLS[name](loop) == RETURNS.get(name)
    loop.close()
    executor.shutdown()
    assert loop.is_closed()
    reports = ["ERROR m"] if "call_exception" in name or "default_exception" in name else []
    assert stage.logged() == reports


@pytest.mark.parametrize("debug", [False, True])
def test_a_derived_loop_runs_tasks_timers_and_threads(stage: Stage, debug: bool) -> None:
    aio, log, loop = stage.aio, stage.log, loop_with_a_clock(stage)
    loop.set_debug(debug)
    loop.slow_callback_duration = 1000  # its clock jumps
    loop.set_exception_handler(stage.report)

    async def sleeper(delay: float) -> float:
        await aio.sleep(delay)
        log(f"slept {delay}", loop.time())
        return delay

    async def ticks() -> AsyncIterator[int]:
        try:
            yield 1
            yield 2
        finally:
            await aio.sleep(0)
            log("generator closed")

    async def main() -> str:
        log(await aio.gather(sleeper(2), sleeper(1)))
        with pytest.raises(TimeoutError):
            async with aio.timeout(5):
                await aio.sleep(10)
        log("timeout", loop.time())
        async with aio.TaskGroup() as group:
            group.create_task(sleeper(0.5))
        log(await loop.run_in_executor(None, sum, [1, 2]))
        log(await aio.to_thread(sum, [3, 4]))
        loop.call_soon(fail)
        await aio.sleep(0)
        generator = ticks()
        log(await anext(generator))
        await loop.shutdown_asyncgens()
        (address,) = await loop.getaddrinfo("127.0.0.1", 80, type=socket.SOCK_STREAM)
        log(address[-1])
        await loop.shutdown_default_executor()
        return "done"

    def fail() -> None:
        raise ValueError("in a callback")

    log(loop.run_until_complete(main()))
    log(len(aio.all_tasks(loop)))
    loop.close()
    log(attempt(loop.call_soon, print))

    assert log == [
        ("slept 1", 1.0),
        ("slept 2", 2.0),
        [2, 1],
        ("timeout", 7.0),
        ("slept 0.5", 7.5),
        3,
        7,
        (
            "report",
            "Exception in callback fail() at test_derived_loops.py:…",
            "ValueError: in a callback",
        ),
        1,
        "generator closed",
        ("127.0.0.1", 80),
        "done",
        0,
        "raised RuntimeError: Event loop is closed",
    ]


def test_a_loop_without_a_selector_of_its_own_cannot_watch_descriptors_or_signals(
    stage: Stage,
) -> None:
    loop = loop_with_a_clock(stage)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.setblocking(False)
        for call in (
            lambda: loop.add_reader(ours, print),
            lambda: loop.add_writer(ours, print),
            lambda: loop.remove_reader(ours),
            lambda: loop.remove_writer(ours),
            lambda: loop.add_signal_handler(signal.SIGUSR1, print),
            lambda: loop.remove_signal_handler(signal.SIGUSR1),
        ):
            stage.log(attempt(call))
        waits: list[Callable[[], Any]] = [
            lambda: loop.sock_recv(ours, 1),
            lambda: loop.sock_sendall(ours, b"x"),
            lambda: loop.create_unix_server(stage.aio.Protocol, "/nowhere"),
            lambda: loop.create_unix_connection(stage.aio.Protocol, "/nowhere"),
        ]
        for await_one in waits:
            stage.log(loop.run_until_complete(attempt_await(await_one())))
    loop.close()
    assert stage.log == ["raised NotImplementedError"] * 10


def test_closing_a_derived_loop_leaves_its_selector_alone(stage: Stage) -> None:
    loop = loop_with_a_mock(stage)
    selector = loop._selector
    loop.close()
    loop.close()
    assert selector.mock_calls == []


def test_a_derived_loop_that_is_never_closed_warns(stage: Stage) -> None:
    loops = [loop_with_a_mock(stage)]

    def lose() -> None:
        loops.clear()
        stage.collect()

    with pytest.warns(ResourceWarning, match=r"^unclosed event loop <Loop running=False closed=F"):
        lose()
