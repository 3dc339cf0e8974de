"""Ctrl-C, tested in child processes: the main task is cancelled, cleans up, and the program exits.

The child prints a line when it is ready, and the parent sends SIGINT. Each line of the child and
its exit status are the steps. Both implementations run the same programs.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

from tests.parity.harness import Stage

ROOT = Path(__file__).parents[2]

PROLOGUE = """\
import faulthandler, importlib, os, signal, sys
faulthandler.dump_traceback_later(60, exit=True)  # so that no test hangs
signal.signal(signal.SIGINT, signal.default_int_handler)  # the parent may ignore it
asyncio = importlib.import_module(sys.argv[1])

def log(*step):
    print(*step, flush=True)

def stay_awake():
    # A signal that arrives just before select() starts to wait does not interrupt it.
    asyncio.get_running_loop().call_later(0.05, stay_awake)

async def ready(line="ready"):
    stay_awake()
    # Log only when this task waits: a second Ctrl-C is raised in the code that runs.
    loop = asyncio.get_running_loop()
    loop.call_soon(log, line)
    await loop.create_future()

"""

READY = ("ready", "ready again")


def play(stage: Stage, program: str) -> list[str]:
    """Run `program`; send SIGINT whenever it is ready; return all steps."""
    command = [sys.executable, "-W", "error", "-c", PROLOGUE + textwrap.dedent(program)]
    with subprocess.Popen(
        [*command, stage.aio.__name__],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    ) as child:
        assert child.stdout is not None
        assert child.stderr is not None
        steps = []
        for line in child.stdout:
            steps.append(line.rstrip())
            if steps[-1] in READY:
                child.send_signal(signal.SIGINT)
        last_line = child.stderr.read().splitlines()[-1:]
    return [*steps, *last_line, f"exit {child.returncode}"]


def test_ctrl_c_cancels_the_main_task_and_its_cleanup_runs(stage: Stage) -> None:
    assert play(
        stage,
        """
        async def main():
            try:
                await ready()
            except asyncio.CancelledError:
                log("cancelled", asyncio.current_task().cancelling())
                await asyncio.sleep(0)
                log("cleaned up")
                raise
        try:
            asyncio.run(main())
        except KeyboardInterrupt:
            log("interrupted")
        """,
    ) == ["ready", "cancelled 1", "cleaned up", "interrupted", "exit 0"]


def test_a_program_that_does_not_catch_it_is_killed_by_the_signal(stage: Stage) -> None:
    assert play(stage, "asyncio.run(ready())") == ["ready", "KeyboardInterrupt", "exit -2"]


def test_the_main_coroutine_may_catch_the_cancellation_and_return(stage: Stage) -> None:
    assert play(
        stage,
        """
        async def main():
            try:
                await ready()
            except asyncio.CancelledError:
                return "ignored"
        log(asyncio.run(main()))
        """,
    ) == ["ready", "ignored", "exit 0"]


def test_an_exception_in_the_cleanup_replaces_keyboard_interrupt(stage: Stage) -> None:
    assert play(
        stage,
        """
        async def main():
            try:
                await ready()
            finally:
                raise ValueError("in the clean-up")
        asyncio.run(main())
        """,
    ) == ["ready", "ValueError: in the clean-up", "exit 1"]


def test_a_second_ctrl_c_interrupts_the_cleanup(stage: Stage) -> None:
    assert play(
        stage,
        """
        async def main():
            try:
                await ready()
            finally:
                try:
                    await ready("ready again")
                except asyncio.CancelledError:
                    log("cancelled again")
                    raise
        try:
            asyncio.run(main())
        except KeyboardInterrupt:
            log("interrupted")
        """,
    ) == ["ready", "ready again", "cancelled again", "interrupted", "exit 0"]


def test_other_tasks_are_cancelled_after_the_main_task(stage: Stage) -> None:
    assert play(
        stage,
        """
        async def other():
            try:
                await asyncio.sleep(1000)
            finally:
                log("other task is done")
        async def main():
            task = asyncio.create_task(other())
            await asyncio.sleep(0)
            try:
                await ready()
            finally:
                log("main is done", task.cancelling())
        try:
            asyncio.run(main())
        except KeyboardInterrupt:
            log("interrupted")
        """,
    ) == ["ready", "main is done 0", "other task is done", "interrupted", "exit 0"]


def test_a_group_cancels_its_tasks_before_the_program_exits(stage: Stage) -> None:
    assert play(
        stage,
        """
        async def member():
            try:
                await asyncio.sleep(1000)
            finally:
                log("the member is done")
        async def main():
            async with asyncio.TaskGroup() as group:
                group.create_task(member())
                group.create_task(ready())
                log("the group waits")
        try:
            asyncio.run(main())
        except KeyboardInterrupt:
            log("interrupted")
        """,
    ) == ["the group waits", "ready", "the member is done", "interrupted", "exit 0"]


def test_code_that_does_not_await_is_not_interrupted(stage: Stage) -> None:
    assert play(
        stage,
        """
        async def main():
            log("ready")
            task = asyncio.current_task()
            while not task.cancelling():
                pass
            log("continues to the next await")
            await asyncio.sleep(0)
            log("never")
        try:
            asyncio.run(main())
        except KeyboardInterrupt:
            log("interrupted")
        """,
    ) == ["ready", "continues to the next await", "interrupted", "exit 0"]


def test_without_a_runner_ctrl_c_interrupts_the_loop_and_it_can_be_run_again(stage: Stage) -> None:
    assert play(
        stage,
        """
        loop = asyncio.new_event_loop()
        async def main():
            try:
                await ready()
            finally:
                log("main is done")
        task = loop.create_task(main())
        try:
            loop.run_until_complete(task)
        except KeyboardInterrupt:
            log("interrupted", task.done())
        task.cancel()
        try:
            loop.run_until_complete(task)
        except asyncio.CancelledError:
            log("cancelled")
        loop.close()
        """,
    ) == ["ready", "interrupted False", "main is done", "cancelled", "exit 0"]


def test_a_signal_handler_of_the_program_is_not_replaced(stage: Stage) -> None:
    assert play(
        stage,
        """
        async def main():
            loop = asyncio.get_running_loop()
            called = asyncio.Event()
            def handle(*_):
                os.write(1, b"the program's handler\\n")  # print() may be running: see "ready"
                loop.call_soon_threadsafe(called.set)
            signal.signal(signal.SIGINT, handle)
            stay_awake()
            log("ready")
            await called.wait()
            return signal.getsignal(signal.SIGINT) is handle
        log(asyncio.run(main()))
        """,
    ) == ["ready", "the program's handler", "True", "exit 0"]


def test_the_handler_is_installed_only_while_a_runner_runs(stage: Stage) -> None:
    assert play(
        stage,
        """
        def is_default():
            return signal.getsignal(signal.SIGINT) is signal.default_int_handler
        async def main():
            return is_default()
        log(is_default(), asyncio.run(main()), is_default())
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        async def ignoring():
            return signal.getsignal(signal.SIGINT) is signal.SIG_IGN
        log(asyncio.run(ignoring()))
        """,
    ) == ["True False True", "True", "exit 0"]


def test_a_runner_can_run_again_after_ctrl_c(stage: Stage) -> None:
    assert play(
        stage,
        """
        with asyncio.Runner() as runner:
            for line in ("ready", "ready again"):
                try:
                    runner.run(ready(line))
                except KeyboardInterrupt:
                    log("interrupted")
            log(runner.run(asyncio.sleep(0, "still works")))
        """,
    ) == ["ready", "interrupted", "ready again", "interrupted", "still works", "exit 0"]
