"""The workloads: those of `python -m comparisons loops`, and a few for certain fast paths only."""

from dataclasses import replace
from itertools import repeat
from types import ModuleType
from typing import Final

from comparisons.loops import micro
from comparisons.loops.workload import OnLoop

CROWD: Final = 1000
LINE: Final = b"x" * 59 + b"\n"
LINES: Final = 1000
"""Lines in the buffer; together they are less than the limit of a StreamReader."""


async def spawn_eager(aio: ModuleType, times: int) -> int:
    aio.get_running_loop().set_task_factory(aio.eager_task_factory)
    return await micro.spawn(aio, times)


async def sleepers(aio: ModuleType, times: int) -> int:
    """Let crowds sleep that are small enough for the garbage collector not to matter much."""
    delays = [micro.SOON * (number * 7919 % CROWD + 1) / CROWD for number in range(CROWD)]
    total = 0
    for _ in range(times):
        total += sum(await aio.gather(*map(aio.sleep, delays, repeat(1))))
    return total


async def call_at(aio: ModuleType, timers: int) -> int:
    """Fire timers without tasks; their times are in mixed order."""
    loop = aio.get_running_loop()
    done, fired = loop.create_future(), 0

    def fire() -> None:
        nonlocal fired
        fired += 1
        if fired == timers:
            done.set_result(None)

    now = loop.time()
    for number in range(timers):
        loop.call_at(now + micro.SOON * (number * 7919 % timers) / timers, fire)
    await done
    return fired


async def lock(aio: ModuleType, times: int) -> int:
    """Take a lock that no other task wants."""
    gate, passages = aio.Lock(), 0
    for _ in range(times):
        async with gate:
            passages += 1
    return passages


async def lines(aio: ModuleType, times: int) -> int:
    """Read lines that have arrived already."""
    reader, total = aio.StreamReader(), 0
    for _ in range(times):
        reader.feed_data(LINE * LINES)
        for _ in range(LINES):
            total += len(await reader.readline())
    return total // len(LINE)


def _own(name: str, size: int, work: micro.Work, expected: micro.Answer, about: str) -> OnLoop:
    return OnLoop(
        name=name,
        group="fast paths",
        about=about,
        size=size,
        quick=max(1, size // micro.QUICK_SHARE),
        values=micro.VALUES,
        work=work,
        expected=expected,
    )


_OWN: Final = (
    _own(
        "spawn eager", 5_000, spawn_eager, lambda size: size * (size - 1) // 2, "spawn, eager tasks"
    ),
    _own("sleepers", 5, sleepers, lambda size: size * CROWD, "{size} × 1,000 concurrent sleeps"),
    _own("call_at", 10_000, call_at, lambda size: size, "{size} × call_at within 5 ms"),
    _own("lock", 20_000, lock, lambda size: size, "{size} times, with no other task"),
    _own("lines", 10, lines, lambda size: size * LINES, "{size} × 1,000 lines of 60 bytes"),
)
FEWER_SLEEPERS: Final = 10_000

WORKLOADS: Final = {
    workload.name: workload for workload in (*micro.MICRO, *_OWN) if isinstance(workload, OnLoop)
}
WORKLOADS["timers fired"] = replace(WORKLOADS["timers fired"], size=FEWER_SLEEPERS, quick=2_000)
