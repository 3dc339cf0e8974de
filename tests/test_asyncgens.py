"""Asynchronous generators that a program abandons before they finish."""

from __future__ import annotations

import gc
import sys
from collections.abc import AsyncGenerator
from typing import Any

import pytest

import miniloop
from tests.virtual import virtual_loop

Ticks = AsyncGenerator[int, None]


async def ticks(steps: list[str], name: str = "ticks", trouble: str = "") -> Ticks:
    try:
        yield 1
        yield 2
    finally:
        await miniloop.sleep(0)
        steps.append(f"{name} closed")
        if trouble:
            raise KeyError(trouble)


def test_the_loop_sets_its_hooks_while_it_runs_and_restores_the_old_ones() -> None:
    def theirs(_: Any) -> None:
        """A hook of another library."""

    before = tuple(sys.get_asyncgen_hooks())
    sys.set_asyncgen_hooks(theirs, theirs)
    try:
        with virtual_loop() as loop:
            steps: list[object] = []
            loop.call_soon(lambda: steps.append(tuple(sys.get_asyncgen_hooks())))
            loop.run_turns()
            steps.append(tuple(sys.get_asyncgen_hooks()))
            loop.call_soon(sys.exit)
            with pytest.raises(SystemExit):
                loop.run_forever()
            steps.append(tuple(sys.get_asyncgen_hooks()))
            hooks = (loop._asyncgen_firstiter_hook, loop._asyncgen_finalizer_hook)
        assert steps == [hooks, (theirs, theirs), (theirs, theirs)]
    finally:
        sys.set_asyncgen_hooks(*before)


def test_the_loop_closes_a_dropped_generator_shortly_afterwards() -> None:
    steps: list[str] = []

    async def story() -> None:
        generator = ticks(steps)
        await anext(generator)
        assert list(loop._asyncgens) == [generator]
        del generator
        gc.collect()
        steps.append("dropped")
        for _ in range(4):
            await miniloop.sleep(0)
        assert list(loop._asyncgens) == []

    with virtual_loop() as loop:
        loop.run_until_complete(story())
    assert steps == ["dropped", "ticks closed"]


def test_a_generator_dropped_after_the_loop_was_closed_is_not_closed() -> None:
    steps: list[str] = []
    with virtual_loop() as loop:
        generator = ticks(steps)
        loop.run_until_complete(anext(generator))
    loop._asyncgen_finalizer_hook(generator)
    assert (list(loop._asyncgens), len(loop._ready), steps) == ([], 0, [])
    with pytest.raises(StopIteration):  # closed manually, because no loop does it
        closing = generator.aclose().__await__()
        while True:
            next(closing)


def test_shutdown_closes_all_generators_and_reports_failures() -> None:
    steps: list[str] = []

    async def story() -> None:
        generators = [ticks(steps, "good"), ticks(steps, "bad", "in finally")]
        for generator in generators:
            await anext(generator)
        await loop.shutdown_asyncgens()
        steps.append("shut down")
        (report,) = loop.reports
        assert report["asyncgen"] is generators[1]

    with virtual_loop() as loop:
        loop.run_until_complete(story())
        ((message, error),) = loop.told
    assert sorted(steps[:2]) + steps[2:] == ["bad closed", "good closed", "shut down"]
    assert message.startswith("an error occurred during closing of asynchronous generator <async")
    assert error == "KeyError('in finally')"


def test_a_generator_that_starts_after_the_shutdown_warns() -> None:
    steps: list[str] = []

    async def story() -> None:
        await loop.shutdown_asyncgens()
        generator = ticks(steps)
        with pytest.warns(
            ResourceWarning, match=r"was scheduled after loop.shutdown_asyncgens\(\)"
        ):
            await anext(generator)
        await generator.aclose()

    with virtual_loop() as loop:
        loop.run_until_complete(story())
    assert steps == ["ticks closed"]
