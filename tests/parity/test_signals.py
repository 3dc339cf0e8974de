"""add_signal_handler: when a handler runs, and invalid arguments."""

from __future__ import annotations

import signal
import threading

from tests.parity.harness import Stage, attempt


def test_a_handler_runs_between_two_callbacks_with_its_arguments(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        loop = aio.get_running_loop()
        loop.add_signal_handler(signal.SIGUSR1, log, "handled", 1)
        signal.raise_signal(signal.SIGUSR1)
        log("raised")
        await aio.sleep(1)
        log("slept", stage.now)
        log(loop.remove_signal_handler(signal.SIGUSR1), loop.remove_signal_handler(signal.SIGUSR1))

    assert stage.run(main) == ["raised", ("handled", 1), ("slept", 1.0), (True, False)]


def test_a_busy_loop_runs_signal_handlers_too(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        loop = aio.get_running_loop()
        handled = loop.create_future()
        loop.add_signal_handler(signal.SIGUSR1, handled.set_result, "handled")
        signal.raise_signal(signal.SIGUSR1)
        for _ in range(10):
            await aio.sleep(0)
        log(handled.done())

    assert stage.run(main) == [True]


def test_a_second_handler_replaces_the_first(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        loop = aio.get_running_loop()
        loop.add_signal_handler(signal.SIGUSR1, log, "first")
        loop.add_signal_handler(signal.SIGUSR1, log, "second")
        loop.add_signal_handler(signal.SIGUSR2, log, "other")
        signal.raise_signal(signal.SIGUSR1)
        signal.raise_signal(signal.SIGUSR2)
        await aio.sleep(1)
        log(loop.remove_signal_handler(signal.SIGUSR1))
        signal.raise_signal(signal.SIGUSR2)
        await aio.sleep(1)

    assert stage.run(main) == ["second", "other", True, "other"]


def test_a_handler_that_is_removed_before_it_ran_does_not_run(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        loop = aio.get_running_loop()
        loop.add_signal_handler(signal.SIGUSR1, log, "never")
        signal.raise_signal(signal.SIGUSR1)
        log(loop.remove_signal_handler(signal.SIGUSR1))
        await aio.sleep(1)

    assert stage.run(main) == [True]


def test_a_handler_of_ctrl_c_is_replaced_by_the_default_one_when_it_is_removed(
    stage: Stage,
) -> None:
    aio, log = stage.aio, stage.log
    before = signal.getsignal(signal.SIGINT)

    async def main() -> None:
        loop = aio.get_running_loop()
        loop.add_signal_handler(signal.SIGINT, log, "interrupted")
        signal.raise_signal(signal.SIGINT)
        await aio.sleep(1)
        loop.remove_signal_handler(signal.SIGINT)
        log(signal.getsignal(signal.SIGINT) is signal.default_int_handler)

    try:
        assert stage.run(main) == ["interrupted", True]
    finally:
        signal.signal(signal.SIGINT, before)


def test_closing_the_loop_removes_its_handlers(stage: Stage) -> None:
    log = stage.log
    loop = stage.new_loop()
    loop.add_signal_handler(signal.SIGUSR1, log, "never")
    loop.add_signal_handler(signal.SIGUSR2, log, "never")
    loop.close()
    for sig in (signal.SIGUSR1, signal.SIGUSR2):
        log(signal.getsignal(sig) is signal.SIG_DFL)
    log(signal.set_wakeup_fd(-1))
    log(attempt(loop.add_signal_handler, signal.SIGUSR1, log))
    assert log == [True, True, -1, "raised RuntimeError: Event loop is closed"]


def test_invalid_handlers_and_signals_raise(stage: Stage) -> None:
    aio, log = stage.aio, stage.log
    loop = stage.new_loop()

    async def coroutine() -> None:
        await aio.sleep(0)

    running = coroutine()
    for arguments in (
        (signal.SIGUSR1, coroutine),
        (signal.SIGUSR1, running),
        ("SIGUSR1", log),
        (signal.NSIG + 1, log),
        (signal.SIGKILL, log),
    ):
        log(attempt(loop.add_signal_handler, *arguments))
    running.close()
    log(attempt(loop.remove_signal_handler, "SIGUSR1"), attempt(loop.remove_signal_handler, -1))
    log(signal.set_wakeup_fd(-1))
    assert log == [
        "raised TypeError: coroutines cannot be used with add_signal_handler()",
        "raised TypeError: coroutines cannot be used with add_signal_handler()",
        "raised TypeError: sig must be an int, not 'SIGUSR1'",
        "raised ValueError: invalid signal number 66",
        "raised RuntimeError: sig 9 cannot be caught",
        ("raised TypeError: sig must be an int, not 'SIGUSR1'",
         "raised ValueError: invalid signal number -1"),
        -1,
    ]  # fmt: skip


def test_only_the_main_thread_may_add_signal_handlers(stage: Stage) -> None:
    log = stage.log
    loop = stage.new_loop()

    def in_thread() -> None:
        log(attempt(loop.add_signal_handler, signal.SIGUSR1, log).partition("main thread")[:2])

    thread = threading.Thread(target=in_thread)
    thread.start()
    thread.join()
    assert log == [("raised RuntimeError: set_wakeup_fd only works in ", "main thread")]
