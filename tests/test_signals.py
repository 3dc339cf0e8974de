"""Signal handlers: when the loop polls for signals, and clean-up."""

from __future__ import annotations

import signal
import sys
from typing import Any

import pytest

import miniloop
from tests.virtual import VirtualLoop, logged, virtual_loop

SIGNAL = signal.SIGUSR1


def nothing() -> None:
    """A handler."""


def polls_while_busy(loop: VirtualLoop) -> int:
    before = len(loop.counter.timeouts)
    loop.run_turns(5)
    return len(loop.counter.timeouts) - before


def test_a_busy_loop_polls_the_selector_only_while_a_signal_has_a_handler() -> None:
    with virtual_loop() as loop:
        steps = [polls_while_busy(loop)]
        loop.add_signal_handler(SIGNAL, nothing)
        loop.add_signal_handler(SIGNAL, nothing)
        steps.append(polls_while_busy(loop))
        loop.add_signal_handler(signal.SIGUSR2, nothing)
        loop.remove_signal_handler(SIGNAL)
        steps.append(polls_while_busy(loop))
        loop.remove_signal_handler(signal.SIGUSR2)
        steps.append(polls_while_busy(loop))
    assert steps == [0, 5, 5, 0]


def test_a_handler_that_could_not_be_set_is_not_registered() -> None:
    with virtual_loop() as loop:
        with pytest.raises(RuntimeError, match=r"^sig 19 cannot be caught$"):
            loop.add_signal_handler(signal.SIGSTOP, nothing)
        steps = [loop.remove_signal_handler(signal.SIGSTOP), signal.set_wakeup_fd(-1)]
        assert [*steps, polls_while_busy(loop)] == [False, -1, 0]


def test_system_calls_are_restarted_only_while_there_is_a_handler(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    steps: list[str] = []
    for name in ("signal", "siginterrupt"):  # signal() alone makes system calls interruptible
        monkeypatch.setattr(signal, name, lambda *_, name=name: steps.append(name))
    with virtual_loop() as loop:
        loop.add_signal_handler(signal.SIGINT, nothing)
        loop.remove_signal_handler(signal.SIGINT)
    assert steps == ["signal", "siginterrupt", "signal"]


def test_signals_and_wake_ups_share_the_socket() -> None:
    steps: list[str] = []

    async def story(loop: Any) -> None:
        for count in range(3):
            loop.call_soon_threadsafe(steps.append, f"call {count}")
            signal.raise_signal(SIGNAL)
        await miniloop.sleep(1)

    with virtual_loop() as loop:
        loop.add_signal_handler(SIGNAL, steps.append, "signal")
        loop.run_until_complete(story(loop))
    assert steps == ["call 0", "call 1", "call 2", "signal", "signal", "signal"]


def test_a_signal_without_a_handler_here_runs_the_programs_own_handler() -> None:
    told: list[str] = []
    before = signal.signal(signal.SIGUSR2, lambda *_: told.append("the program's"))

    async def story() -> None:
        signal.raise_signal(signal.SIGUSR2)
        await miniloop.sleep(1)

    try:
        with virtual_loop() as loop:
            loop.add_signal_handler(SIGNAL, told.append, "ours")
            loop.run_until_complete(story())
    finally:
        signal.signal(signal.SIGUSR2, before)
    assert told == ["the program's"]


def test_an_exception_in_a_handler_is_reported_and_the_handler_stays() -> None:
    def fail() -> None:
        raise LookupError("in the handler")

    async def story() -> None:
        for _ in range(2):
            signal.raise_signal(SIGNAL)
            await miniloop.sleep(1)

    with virtual_loop() as loop:
        loop.add_signal_handler(SIGNAL, fail)
        loop.run_until_complete(story())
        assert [error for _, error in loop.told] == ["LookupError('in the handler')"] * 2


def test_a_wake_up_descriptor_that_cannot_be_reset_is_logged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(fd: int) -> int:
        raise ValueError(f"not {fd}")

    with virtual_loop() as loop, logged(20) as lines:
        loop.add_signal_handler(SIGNAL, nothing)
        with monkeypatch.context() as patch:
            patch.setattr(signal, "set_wakeup_fd", refuse)
            assert loop.remove_signal_handler(SIGNAL)
        signal.set_wakeup_fd(-1)
    assert lines == ["INFO set_wakeup_fd(-1) failed: not -1"]


def test_a_loop_closed_at_interpreter_exit_does_not_remove_signal_handlers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with virtual_loop() as loop:
        loop.add_signal_handler(SIGNAL, nothing)
        handler = signal.getsignal(SIGNAL)
        with monkeypatch.context() as patch:
            patch.setattr(sys, "is_finalizing", lambda: True)
            with pytest.warns(ResourceWarning, match="skipping signal handlers removal"):
                loop.close()
        assert signal.getsignal(SIGNAL) is handler
        signal.signal(SIGNAL, signal.SIG_DFL)
        signal.set_wakeup_fd(-1)
