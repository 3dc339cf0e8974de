"""Workloads from trio's and curio's benchmarks, and two controls that use no event loop."""

from collections.abc import AsyncIterator, Coroutine
from types import ModuleType
from typing import Any, Final

from comparisons.loops.micro import FAR, VALUES
from comparisons.loops.workload import CPU, Loop, OnLoop, Standalone

CONTROL: Final = "control"
DEPTH: Final = 10
NAP: Final = 0.01
NAPS: Final = 100
MOST_NAPS: Final = 200_000
"""The limit for all tasks of a workload together: with more tasks, each one naps less often."""
QUICK_NAPS: Final = 5
MOST_QUICK_NAPS: Final = 10_000
CROWDS: Final = (10, 100, 1_000, 10_000)


# controls: coroutines that are driven by this file, without an event loop


def drive(coroutine: Coroutine[Any, Any, int]) -> int:
    """Run a coroutine that never suspends."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        result: int = done.value
        return result
    raise RuntimeError("a control workload suspended")


def coroutines(_loop: Loop, number: int) -> int:
    return drive(_fibonacci(number))


async def _fibonacci(number: int) -> int:
    if number < 2:
        return number
    return await _fibonacci(number - 1) + await _fibonacci(number - 2)


def fibonacci(number: int) -> int:
    """Return the same number without recursion."""
    before, now = 1, 0
    for _ in range(number):
        before, now = now, before + now
    return now


def async_generators(_loop: Loop, depth: int) -> int:
    async def count() -> int:
        return sum([value async for value in _nodes(depth)])

    return drive(count())


async def _nodes(depth: int) -> AsyncIterator[int]:
    """Yield a binary tree's nodes; each one passes through the generators of its ancestors."""
    if depth:
        async for value in _nodes(depth - 1):
            yield value
        yield 1
        async for value in _nodes(depth - 1):
            yield value


# trio's schedule-timing: one task, ten awaits deep, that only yields to the loop, next to one that
# sleeps.


async def schedule_timing(aio: ModuleType, times: int) -> int:
    async def descend(level: int) -> int:
        if level:
            return await descend(level - 1)
        count = 0
        for _ in range(times):
            await aio.sleep(0)
            count += 1
        return count

    sleeper = aio.create_task(aio.sleep(FAR))
    count = await descend(DEPTH)
    sleeper.cancel()
    await aio.wait([sleeper])
    return count


# curio's benchmark: many tasks that sleep briefly. Most of the wall time is spent waiting, so CPU
# time is compared.


def _naps(crowd: int) -> OnLoop:
    async def work(aio: ModuleType, times: int) -> int:
        async def nap() -> int:
            count = 0
            for _ in range(times):
                await aio.sleep(NAP)
                count += 1
            return count

        return sum(await aio.gather(*[nap() for _ in range(crowd)]))

    return OnLoop(
        name=f"{crowd} tasks",
        group="curio",
        about=f"each sleeps {{size}} times for {NAP} s; CPU time",
        size=min(NAPS, MOST_NAPS // crowd),
        warmup=1,
        quick=min(QUICK_NAPS, MOST_QUICK_NAPS // crowd),
        figure=CPU,
        work=work,
        expected=lambda times: crowd * times,
    )


CLASSICS: Final[tuple[OnLoop | Standalone, ...]] = (
    OnLoop(
        name="schedule-timing",
        group="trio",
        about="one task, 10 awaits deep, {size} sleep(0)",
        size=50_000,
        quick=10_000,
        values=VALUES,
        work=schedule_timing,
        expected=lambda times: times,
    ),
    *map(_naps, CROWDS),
    Standalone(
        name="coroutines",
        group=CONTROL,
        about="fib({size}), every call a coroutine, no event loop",
        size=25,
        quick=20,
        values=VALUES,
        work=coroutines,
        expected=fibonacci,
    ),
    Standalone(
        name="async_generators",
        group=CONTROL,
        about="a tree of {size} levels, no event loop",
        size=14,
        quick=11,
        values=VALUES,
        work=async_generators,
        expected=lambda depth: 2**depth - 1,
    ),
)
