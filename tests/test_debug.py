"""Debug mode: its checks and reports, and no trace of it remains when it is turned off."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any

import pytest

import miniloop
from miniloop import kernel
from tests.virtual import VirtualLoop, logged, virtual_loop


def shadowed(loop: Any) -> set[str]:
    """Return the methods that instance attributes of this loop shadow."""
    return {name for name in vars(loop) if hasattr(type(loop), name)}


def test_debug_mode_exchanges_how_entries_are_run_and_shadows_no_method() -> None:
    with virtual_loop() as loop:
        before, outside = set(vars(loop)), kernel._run_ready
        steps = [loop._run_ready is outside]
        for enabled in (True, True, False, False, True, False):
            loop.set_debug(enabled)
            steps.append(loop._run_ready is outside)
            assert shadowed(loop) == set()
        assert steps == [True, False, False, True, True, False, True]
        assert set(vars(loop)) == before
        handle, future = loop.call_soon(print), loop.create_future()
        assert (getattr(handle, "_source_traceback", None), vars(future)) == (None, {})


def test_enabling_debug_mode_twice_runs_each_check_once() -> None:
    steps: list[int] = []
    with virtual_loop(debug=True) as loop:
        loop.set_debug(True)
        loop.call_soon(steps.append, 1)
        loop.run_turns()
    assert steps == [1]


def test_debug_mode_can_change_while_the_loop_runs() -> None:
    depths: list[int] = []
    outside = sys.get_coroutine_origin_tracking_depth()

    async def story() -> None:
        for enabled in (True, False):
            loop.set_debug(enabled)
            await miniloop.sleep(0)
            await miniloop.sleep(0)
            depths.append(sys.get_coroutine_origin_tracking_depth())

    with virtual_loop() as loop:
        loop.run_until_complete(story())
    assert depths == [10, outside]


def test_coroutine_origins_are_tracked_only_while_the_loop_runs() -> None:
    outside = sys.get_coroutine_origin_tracking_depth()
    with virtual_loop(debug=True) as loop:
        steps = [sys.get_coroutine_origin_tracking_depth()]
        loop.call_soon(lambda: steps.append(sys.get_coroutine_origin_tracking_depth()))
        loop.run_turns()
        steps.append(sys.get_coroutine_origin_tracking_depth())
    assert steps == [outside, 10, outside]


# Checks

Schedule = Callable[[VirtualLoop, Any], object]
SCHEDULE: dict[str, Schedule] = {
    "call_soon": lambda loop, callback: loop.call_soon(callback),
    "call_soon_threadsafe": lambda loop, callback: loop.call_soon_threadsafe(callback),
    "call_at": lambda loop, callback: loop.call_at(1, callback),
}


async def coroutine_function() -> None: ...


@pytest.mark.parametrize("name", SCHEDULE)
def test_an_object_that_is_not_a_callback_raises_with_the_name_of_the_method(name: str) -> None:
    coro = coroutine_function()
    steps = []
    with virtual_loop(debug=True) as loop:
        for wrong in (coro, coroutine_function, 5):
            with pytest.raises(TypeError) as refused:
                SCHEDULE[name](loop, wrong)
            steps.append(str(refused.value))
        assert not loop._ready
    coro.close()
    assert steps == [
        *[f"coroutines cannot be used with {name}()"] * 2,
        f"a callable object was expected by {name}(), got 5",
    ]


def test_run_in_executor_rejects_coroutines() -> None:
    with virtual_loop(debug=True) as loop:
        message = r"^coroutines cannot be used with run_in_executor\(\)$"
        with pytest.raises(TypeError, match=message):
            loop.run_in_executor(None, coroutine_function)


def test_calls_from_another_thread_raise_except_the_thread_safe_ones() -> None:
    steps: list[str] = []

    async def story() -> None:
        future = loop.create_future()
        future.add_done_callback(lambda _: None)

        def from_outside() -> None:
            calls: list[Callable[[], object]] = [
                lambda: loop.call_soon(print),
                lambda: loop.call_later(1, print),
                lambda: loop.call_at(1, print),
                lambda: future.set_result(1),
                lambda: loop.call_soon_threadsafe(steps.append, "woken"),
            ]
            for call in calls:
                try:
                    call()
                except RuntimeError as error:
                    steps.append(str(error))

        thread = threading.Thread(target=from_outside)
        thread.start()
        thread.join()
        await miniloop.sleep(0)

    with virtual_loop(debug=True) as loop:
        loop.run_until_complete(story())
    refusal = "Non-thread-safe operation invoked on an event loop other than the current one"
    assert steps == [*[refusal] * 4, "woken"]


# Reports


def test_a_slow_callback_or_task_step_is_logged() -> None:
    with virtual_loop(debug=True) as loop, logged() as lines:

        def slow(seconds: float) -> None:
            loop.clock.advance(seconds)

        async def slow_step() -> None:
            loop.clock.advance(2)

        loop.slow_callback_duration = 0.5
        for seconds in (0.25, 0.5, 1):
            loop.call_soon(slow, seconds)
        task = loop.create_task(slow_step(), name="slow one")
        loop.run_turns()
        assert task.done()
    starts = [line.partition(" created at")[0].partition(f" at {__file__}")[0] for line in lines]
    ends = [line.rpartition(" took ")[2] for line in lines]
    name, step = slow.__qualname__, slow_step.__qualname__
    assert starts == [
        f"WARNING Executing <Handle {name}(0.5)",
        f"WARNING Executing <Handle {name}(1)",
        f"WARNING Executing <Task finished name='slow one' coro=<{step}() done, defined",
    ]
    assert ends == ["0.500 seconds", "1.000 seconds", "2.000 seconds"]


def test_a_slow_callback_that_cancels_its_own_handle_is_logged() -> None:
    with virtual_loop(debug=True) as loop, logged() as lines:

        def slow() -> None:
            loop.clock.advance(1)
            handle.cancel()

        handle = loop.call_soon(slow)
        loop.run_turns()
    (line,) = lines
    assert line.startswith(f"WARNING Executing <Handle cancelled {slow.__qualname__}() at ")


def test_a_report_shows_the_running_handle_and_where_it_was_created() -> None:
    with virtual_loop(debug=True) as loop, logged() as lines:

        def trouble() -> None:
            loop.call_exception_handler({"message": "trouble"})

        loop.set_exception_handler(None)
        loop.call_soon(trouble)
        loop.run_turns()
        loop.call_exception_handler({"message": "from outside"})
    first, second = lines
    assert first.startswith(
        "ERROR trouble\nhandle_traceback: Handle created at (most recent call last):\n"
    )
    assert first.endswith("    loop.call_soon(trouble)")
    assert second == "ERROR from outside"


# How it is turned on

PROGRAM = (
    "import miniloop as aio; loop = aio.new_event_loop(); print(loop.get_debug()); loop.close()"
)


@pytest.mark.parametrize(
    ("options", "variable", "debug"),
    [
        ([], "", "False"),
        ([], "1", "True"),
        (["-X", "dev"], "", "True"),
        (["-E"], "1", "False"),
        (["-E", "-X", "dev"], "", "True"),
    ],
)
def test_environment_and_options_turn_on_debug_mode(
    options: list[str], variable: str, debug: str
) -> None:
    environment = {**os.environ, "PYTHONASYNCIODEBUG": variable}
    environment.pop("PYTHONDEVMODE", None)
    done = subprocess.run(
        [sys.executable, *options, "-c", PROGRAM],
        env=environment, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert (done.stdout.split(), done.stderr) == ([debug], "")
