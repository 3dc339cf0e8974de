"""run and Runner: Ctrl-C, the states of a runner, and clean-up."""

from __future__ import annotations

import selectors
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

import pytest

import miniloop
from tests.virtual import VirtualLoop, logged


def interrupt() -> None:
    """Send the signal of Ctrl-C."""
    signal.raise_signal(signal.SIGINT)


@pytest.fixture(autouse=True)
def handler_of_python() -> Iterator[None]:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


# Ctrl-C


def test_the_first_ctrl_c_cancels_the_main_task_and_is_raised_when_it_is_done() -> None:
    steps: list[str] = []

    async def main() -> None:
        try:
            interrupt()
            await miniloop.sleep(60)
        finally:
            await miniloop.sleep(1)
            steps.append("cleaned up")

    with pytest.raises(KeyboardInterrupt) as raised:
        miniloop.run(main(), loop_factory=VirtualLoop)
    assert (steps, raised.value.__cause__) == (["cleaned up"], None)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_second_ctrl_c_is_raised_at_once() -> None:
    steps: list[str] = []

    async def main() -> None:
        try:
            interrupt()
            await miniloop.sleep(60)
        except miniloop.CancelledError:
            steps.append("cancelled")
            interrupt()
            steps.append("this is never recorded")

    with pytest.raises(KeyboardInterrupt):
        miniloop.run(main(), loop_factory=VirtualLoop)
    assert steps == ["cancelled"]


class InterruptedSelector(selectors.DefaultSelector):
    """Receives Ctrl-C when it starts to wait without a timeout."""

    def select(self, timeout: float | None = None) -> Any:
        if timeout is None:
            interrupt()
        return super().select(timeout)


def test_ctrl_c_wakes_a_waiting_loop() -> None:
    async def main() -> None:
        await miniloop.get_running_loop().create_future()

    with pytest.raises(KeyboardInterrupt):
        miniloop.run(main(), loop_factory=lambda: miniloop.SelectorEventLoop(InterruptedSelector()))


def test_a_main_task_that_suppresses_the_cancellation_returns_its_result() -> None:
    async def main() -> str:
        try:
            interrupt()
            await miniloop.sleep(60)
        except miniloop.CancelledError:
            return "refused"
        return "not interrupted"

    assert miniloop.run(main(), loop_factory=VirtualLoop) == "refused"


def test_if_other_code_also_cancels_the_main_task_it_raises_cancellederror() -> None:
    async def main() -> None:
        task: Any = miniloop.current_task()
        interrupt()
        task.cancel()
        await miniloop.sleep(60)

    with pytest.raises(miniloop.CancelledError):
        miniloop.run(main(), loop_factory=VirtualLoop)


def test_a_signal_handler_of_the_program_is_not_replaced() -> None:
    steps: list[str] = []

    def own(signum: int, frame: FrameType | None) -> None:
        steps.append("own handler")

    async def main() -> str:
        steps.append(str(signal.getsignal(signal.SIGINT) is own))
        interrupt()
        await miniloop.sleep(0)
        return "not cancelled"

    signal.signal(signal.SIGINT, own)
    steps.append(miniloop.run(main(), loop_factory=VirtualLoop))
    assert steps == ["True", "own handler", "not cancelled"]
    assert signal.getsignal(signal.SIGINT) is own


def test_a_signal_handler_set_by_the_main_task_stays() -> None:
    def own(signum: int, frame: FrameType | None) -> None: ...

    async def main() -> None:
        signal.signal(signal.SIGINT, own)

    miniloop.run(main(), loop_factory=VirtualLoop)
    assert signal.getsignal(signal.SIGINT) is own


def test_in_another_thread_the_signal_handler_is_not_changed() -> None:
    steps: list[object] = []

    async def main() -> None:
        steps.append(signal.getsignal(signal.SIGINT) is signal.default_int_handler)

    thread = threading.Thread(target=lambda: miniloop.run(main(), loop_factory=VirtualLoop))
    thread.start()
    thread.join()
    assert steps == [True]


# The runner


def test_a_runner_creates_its_loop_lazily_and_closes_it_once() -> None:
    runner = miniloop.Runner(loop_factory=VirtualLoop)
    runner.close()  # there is no loop yet
    with runner:
        loop = runner.get_loop()
        assert runner.get_loop() is loop
        assert runner.run(miniloop.sleep(1, "slept")) == "slept"
        assert not loop.is_closed()
    runner.close()
    assert loop.is_closed()
    coro = miniloop.sleep(0)
    uses: list[Callable[[], Any]] = [runner.get_loop, lambda: runner.run(coro), runner.__enter__]
    for use in uses:
        with pytest.raises(RuntimeError, match=r"^Runner is closed$"):
            use()
    coro.close()


def test_a_runner_without_a_factory_sets_the_current_loop_and_resets_it() -> None:
    with miniloop.Runner() as runner:
        assert miniloop.get_event_loop() is runner.get_loop()
    with pytest.raises(RuntimeError, match="There is no current event loop"):
        miniloop.get_event_loop()


@pytest.mark.parametrize("debug", [True, False])
def test_a_runner_sets_debug_mode(debug: bool) -> None:
    async def main() -> bool:
        return miniloop.get_running_loop().get_debug()  # type: ignore[no-any-return]

    assert miniloop.run(main(), debug=debug) is debug


def test_an_object_that_cannot_be_awaited_raises() -> None:
    with miniloop.Runner(loop_factory=VirtualLoop) as runner:
        for wrong in (5, main_function, print):
            with pytest.raises(TypeError, match=r"a coroutine or an awaitable is required$"):
                runner.run(wrong)  # type: ignore[arg-type]


async def main_function() -> None: ...


def test_a_nested_run_raises_with_the_name_of_the_package() -> None:
    async def main() -> list[str]:
        steps = []
        for run in (miniloop.run, miniloop.Runner().run):
            coro = main_function()
            with pytest.raises(RuntimeError) as refused:
                run(coro)
            coro.close()
            steps.append(str(refused.value))
        return steps

    assert miniloop.run(main(), loop_factory=VirtualLoop) == [
        "miniloop.run() cannot be called from a running event loop",
        "Runner.run() cannot be called from a running event loop",
    ]


def test_an_exception_during_shutdown_is_reported() -> None:
    async def fail_when_cancelled() -> None:
        try:
            await miniloop.sleep(60)
        finally:
            raise KeyError("clean-up")

    async def main() -> None:
        tasks.append(miniloop.create_task(fail_when_cancelled()))
        await miniloop.sleep(0)

    tasks: list[miniloop.Task[None]] = []
    with logged() as lines:
        miniloop.run(main())
    (line,) = lines
    first, second, *_ = line.splitlines()
    assert first == "ERROR unhandled exception during miniloop.run() shutdown"
    assert second.startswith("task: <Task finished name=")
