"""Ctrl-C, in processes of their own: the main task is cancelled, cleans up, and the program ends.

A child tells by a line that it is ready, and the parent then sends it the signal. Each line, and
how the child ends, is a step. What stands in a child is run by both implementations.
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
import faulthandler, importlib, signal, sys
faulthandler.dump_traceback_later(60, exit=True)  # rather than hang
signal.signal(signal.SIGINT, signal.default_int_handler)  # which the parent may ignore
asyncio = importlib.import_module(sys.argv[1])

def log(*step):
    print(*step, flush=True)

def stay_awake():
    # A signal that comes a moment before select() begins to wait does not end the wait.
    asyncio.get_running_loop().call_later(0.05, stay_awake)

async def ready(line="ready"):
    stay_awake()
    # Not before this task waits: a second Ctrl-C is raised in whatever runs.
    loop = asyncio.get_running_loop()
    loop.call_soon(log, line)
    await loop.create_future()

"""

READY = ("ready", "ready again")


def play(stage: Stage, program: str) -> list[str]:
    """Run `program`, and send Ctrl-C whenever it says that it is ready; return all its steps."""
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
        last_words = child.stderr.read().splitlines()[-1:]
    return [*steps, *last_words, f"exit {child.returncode}"]


def test_ctrl_c_cancels_the_main_task_and_its_clean_up_runs(stage: Stage) -> None:
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


def test_a_program_that_does_not_catch_it_dies_of_the_signal(stage: Stage) -> None:
    assert play(stage, "asyncio.run(ready())") == ["ready", "KeyboardInterrupt", "exit -2"]


def test_a_coroutine_may_swallow_ctrl_c(stage: Stage) -> None:
    assert play(
        stage,
        """
        async def main():
            try:
                await ready()
            except asyncio.CancelledError:
                return "never mind"
        log(asyncio.run(main()))
        """,
    ) == ["ready", "never mind", "exit 0"]


def test_a_coroutine_that_fails_in_its_clean_up_fails_in_place_of_ctrl_c(stage: Stage) -> None:
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


def test_a_second_ctrl_c_does_not_wait_for_the_clean_up(stage: Stage) -> None:
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


def test_other_tasks_are_cancelled_after_the_main_one(stage: Stage) -> None:
    assert play(
        stage,
        """
        async def aside():
            try:
                await asyncio.sleep(1000)
            finally:
                log("aside is over")
        async def main():
            task = asyncio.create_task(aside())
            await asyncio.sleep(0)
            try:
                await ready()
            finally:
                log("main is over", task.cancelling())
        try:
            asyncio.run(main())
        except KeyboardInterrupt:
            log("interrupted")
        """,
    ) == ["ready", "main is over 0", "aside is over", "interrupted", "exit 0"]


def test_a_group_ends_its_tasks_before_the_program_ends(stage: Stage) -> None:
    assert play(
        stage,
        """
        async def member():
            try:
                await asyncio.sleep(1000)
            finally:
                log("the member is over")
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
    ) == ["the group waits", "ready", "the member is over", "interrupted", "exit 0"]


def test_code_that_does_not_await_is_not_interrupted(stage: Stage) -> None:
    assert play(
        stage,
        """
        async def main():
            log("ready")
            task = asyncio.current_task()
            while not task.cancelling():
                pass
            log("works to the end")
            await asyncio.sleep(0)
            log("never")
        try:
            asyncio.run(main())
        except KeyboardInterrupt:
            log("interrupted")
        """,
    ) == ["ready", "works to the end", "interrupted", "exit 0"]


def test_a_loop_without_a_runner_is_interrupted_where_it_stands_and_goes_on(stage: Stage) -> None:
    assert play(
        stage,
        """
        loop = asyncio.new_event_loop()
        async def main():
            try:
                await ready()
            finally:
                log("main is over")
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
    ) == ["ready", "interrupted False", "main is over", "cancelled", "exit 0"]


def test_a_handler_of_the_program_is_left_alone(stage: Stage) -> None:
    assert play(
        stage,
        """
        async def main():
            loop = asyncio.get_running_loop()
            told = asyncio.Event()
            def handle(*_):
                log("the program's own")
                loop.call_soon_threadsafe(told.set)
            signal.signal(signal.SIGINT, handle)
            stay_awake()
            log("ready")
            await told.wait()
            return signal.getsignal(signal.SIGINT) is handle
        log(asyncio.run(main()))
        """,
    ) == ["ready", "the program's own", "True", "exit 0"]


def test_the_handler_is_there_only_while_a_runner_runs(stage: Stage) -> None:
    assert play(
        stage,
        """
        def usual():
            return signal.getsignal(signal.SIGINT) is signal.default_int_handler
        async def main():
            return usual()
        log(usual(), asyncio.run(main()), usual())
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        async def ignoring():
            return signal.getsignal(signal.SIGINT) is signal.SIG_IGN
        log(asyncio.run(ignoring()))
        """,
    ) == ["True False True", "True", "exit 0"]


def test_a_runner_runs_again_after_ctrl_c(stage: Stage) -> None:
    assert play(
        stage,
        """
        with asyncio.Runner() as runner:
            for line in ("ready", "ready again"):
                try:
                    runner.run(ready(line))
                except KeyboardInterrupt:
                    log("interrupted")
            log(runner.run(asyncio.sleep(0, "still good")))
        """,
    ) == ["ready", "interrupted", "ready again", "interrupted", "still good", "exit 0"]
