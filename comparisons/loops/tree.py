"""async_tree, a benchmark of pyperformance, reimplemented from its description.

A tree of tasks with six levels and six branches at each node. Every node starts all its branches
and waits for them; the leaves do one of four kinds of work. Branches are awaited with `gather` or
started in a TaskGroup (`_tg`). With `eager_`, the tasks are eager tasks.
"""

from collections.abc import Callable, Coroutine
from itertools import product
from math import factorial
from random import Random
from types import ModuleType
from typing import Any, Final, TypeAlias

from comparisons.loops.workload import Loop, OnLoop

BRANCHES: Final = 6
LEVELS: Final = 6
QUICK_LEVELS: Final = 4
WARMUP_LEVELS: Final = 2
IO_SECONDS: Final = 0.05
CACHED: Final = 0.9
COMPUTING: Final = 0.5
COMPUTED: Final = 500
SEED: Final = 0

Leaf: TypeAlias = Callable[[], Coroutine[Any, Any, int]]
Kind: TypeAlias = Callable[[ModuleType, Random], Leaf]


# The kinds of tree. Each function returns a coroutine function that does the work of one leaf and
# returns 1.


def none(_aio: ModuleType, _generator: Random) -> Leaf:
    async def leaf() -> int:
        return 1

    return leaf


def io(aio: ModuleType, _generator: Random) -> Leaf:
    async def leaf() -> int:
        one: int = await aio.sleep(IO_SECONDS, 1)
        return one

    return leaf


def memoization(aio: ModuleType, generator: Random) -> Leaf:
    known: dict[float, int] = {}

    async def leaf() -> int:
        drawn = generator.random()
        key = 0.0 if drawn < CACHED else drawn
        if key not in known:
            known[key] = 1  # before the await, so that no other leaf waits for the same key
            await aio.sleep(IO_SECONDS)
        return known[key]

    return leaf


def cpu_io_mixed(aio: ModuleType, generator: Random) -> Leaf:
    async def leaf() -> int:
        if generator.random() < COMPUTING:
            return 1 if factorial(COMPUTED) else 0
        one: int = await aio.sleep(IO_SECONDS, 1)
        return one

    return leaf


KINDS: Final[dict[str, Kind]] = {
    "none": none,
    "io": io,
    "memoization": memoization,
    "cpu_io_mixed": cpu_io_mixed,
}


async def with_gather(aio: ModuleType, levels: int, leaf: Leaf) -> int:
    if levels == 0:
        return await leaf()
    branches = [with_gather(aio, levels - 1, leaf) for _ in range(BRANCHES)]
    return sum(await aio.gather(*branches))


async def with_task_group(aio: ModuleType, levels: int, leaf: Leaf) -> int:
    if levels == 0:
        return await leaf()
    async with aio.TaskGroup() as group:
        branches = [
            group.create_task(with_task_group(aio, levels - 1, leaf)) for _ in range(BRANCHES)
        ]
    return sum(branch.result() for branch in branches)


def has_eager_tasks(loop: Loop) -> bool:
    """Return whether the loop can create eager tasks.

    asyncio can since 3.12. uvloop passes an argument to the task factory that asyncio's eager task
    factory accepts only in 3.12 and since 3.13.3.
    """
    factory = getattr(loop.aio, "eager_task_factory", None)
    if factory is None:
        return False

    async def try_one() -> bool:
        running, leaf = loop.aio.get_running_loop(), none(loop.aio, Random(SEED))()
        running.set_task_factory(factory)
        try:
            return bool(await running.create_task(leaf))
        except TypeError:
            leaf.close()
            return False
        finally:
            running.set_task_factory(None)

    with loop.runner() as runner:
        return bool(runner.run(try_one()))


def _tree(name: str, *, in_group: bool, eager: bool) -> OnLoop:
    grow = with_task_group if in_group else with_gather

    async def work(aio: ModuleType, levels: int) -> int:
        if eager:
            aio.get_running_loop().set_task_factory(aio.eager_task_factory)
        return await grow(aio, levels, KINDS[name](aio, Random(SEED)))

    return OnLoop(
        name=f"{'eager_' if eager else ''}{name}{'_tg' if in_group else ''}",
        group="async_tree",
        about=f"{{size}} levels, {BRANCHES} branches",
        size=LEVELS,
        quick=QUICK_LEVELS,
        warmup=WARMUP_LEVELS,
        in_quick=name == "none" or not eager,
        values=3 if name in ("none", "memoization") else 1,  # the other kinds take seconds
        possible=has_eager_tasks if eager else None,
        work=work,
        expected=lambda levels: BRANCHES**levels,
    )


TREES: Final = tuple(
    _tree(name, in_group=in_group, eager=eager)
    for eager, name, in_group in product((False, True), KINDS, (False, True))
)
