"""The harness itself: the virtual clock, deadlocks, and errors that a scenario does not expect."""

from __future__ import annotations

import threading
import time

import pytest

from tests.parity.clock import Deadlock
from tests.parity.harness import Stage, chain, describe, normalise, outcome

pytest_plugins = ["pytester"]


def test_a_week_of_sleep_takes_no_time_and_is_exact(stage: Stage) -> None:
    week = 7 * 24 * 3600

    async def main() -> None:
        await stage.aio.sleep(week)
        stage.log("after a week", stage.now)

    assert stage.run(main) == [("after a week", week)]


def test_a_scenario_that_never_finishes_is_a_deadlock(stage: Stage) -> None:
    async def main() -> None:
        while True:
            await stage.aio.sleep(24 * 3600)

    with pytest.raises(Deadlock, match="did not finish"):
        stage.run(main)


def test_waiting_for_something_that_cannot_happen_is_a_deadlock_and_does_not_hang(
    stage: Stage,
) -> None:
    loop = stage.new_loop()
    forever = loop.create_future()
    with pytest.raises(Deadlock, match="no timer is set"):
        loop.run_until_complete(forever)


def test_the_clock_stands_still_while_a_thread_works(stage: Stage) -> None:
    aio, log = stage.aio, stage.log
    proceed = threading.Event()

    async def main() -> None:
        loop = aio.get_running_loop()
        answer = loop.run_in_executor(None, proceed.wait)
        threading.Thread(target=proceed.set).start()
        async with aio.timeout(0.001):
            log(await answer, stage.now)
        await aio.sleep(1)
        log("the pool's idle thread does not stop the clock", stage.now)

    assert stage.run(main) == [(True, 0.0), ("the pool's idle thread does not stop the clock", 1.0)]


def test_a_real_loop_uses_real_time(stage: Stage) -> None:
    async def main() -> None:
        before = time.monotonic()
        await stage.aio.sleep(0.002)
        stage.log(time.monotonic() > before, stage.now)

    assert stage.run(main, real=True) == [(True, 0.0)]


def test_logged_errors_are_returned_once(stage: Stage) -> None:
    def fail() -> None:
        raise ValueError("broken")

    async def main() -> None:
        stage.aio.get_running_loop().call_soon(fail)
        await stage.aio.sleep(0)

    stage.run(main)
    lines = stage.logged()
    assert len(lines) == 1
    assert lines[0].startswith("ERROR Exception in callback")
    assert lines[0].endswith("[ValueError: broken]")
    assert stage.logged() == []


def test_normalise_removes_what_must_differ() -> None:
    text = "<Task 'miniloop' coro=<test.<locals>.main() at /some/where/story.py:12> at 0x7f00>"
    assert normalise(text) == "<Task 'asyncio' coro=<main() at story.py:…> at 0x…>"


def test_a_group_is_described_with_its_members() -> None:
    group = ExceptionGroup("two", [ValueError("one"), KeyError()])
    assert describe(group) == "ExceptionGroup: two [ValueError: one, KeyError]"


def test_a_chain_contains_causes_and_contexts() -> None:
    def fail() -> None:
        try:
            try:
                raise KeyError("first")
            finally:
                raise ValueError("second")
        except ValueError as second:
            raise TimeoutError from second

    with pytest.raises(TimeoutError) as caught:
        fail()
    assert chain(caught.value) == [
        "TimeoutError",
        "from ValueError: second",
        "during KeyError: 'first'",
    ]


def test_an_outcome_is_one_of_four(stage: Stage) -> None:
    loop = stage.new_loop()
    pending, cancelled, failed, done = (loop.create_future() for _ in range(4))
    cancelled.cancel()
    failed.set_exception(ValueError("broken"))
    done.set_result(3)
    assert [outcome(future) for future in (pending, cancelled, failed, done)] == [
        "pending",
        "cancelled",
        "raised ValueError: broken",
        "returned 3",
    ]


def test_an_unexpected_error_in_the_log_fails_the_scenario(pytester: pytest.Pytester) -> None:
    pytester.makeconftest("from tests.parity.conftest import *\n")
    pytester.makepyfile(
        """
        import logging
        from tests.parity.harness import older_asyncio_differs

        def test_silent(stage):
            pass

        def test_unexpected(stage):
            logging.getLogger(stage.aio.__name__).error("unexpected")

        @older_asyncio_differs("99.0", "the test is expected to fail")
        def test_differs(stage):
            assert stage.aio.__name__ != "asyncio"

        @older_asyncio_differs("99.0", "it is an error if the test passes")
        def test_does_not_differ(stage):
            pass
        """
    )
    result = pytester.runpytest_inprocess("-p", "no:cacheprovider")
    result.assert_outcomes(passed=6, failed=1, errors=2, xfailed=1)
    result.stdout.fnmatch_lines(["*logged, but not expected by the scenario: *unexpected*"])
