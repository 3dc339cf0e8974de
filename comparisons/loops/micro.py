"""The micro workloads: each repeats one operation of an event loop many times.

The sizes are chosen so that asyncio takes about 10 to 50 ms for most of them. Nothing here waits
for time to pass: a timer that fires is due before the loop can handle it, and one that is
cancelled is far in the future.
"""

from collections.abc import Callable, Coroutine
from itertools import repeat
from types import ModuleType
from typing import Any, Final, TypeAlias

from comparisons.loops.workload import Loop, OnLoop, Standalone

Work: TypeAlias = Callable[[ModuleType, int], Coroutine[Any, Any, int]]
Answer: TypeAlias = Callable[[int], int]

GROUP: Final = "micro"
VALUES: Final = 20
"""Runs per process. A run is short, so some of many runs are not disturbed by other processes."""
FEW_VALUES: Final = 4
"""Runs per process of longer workloads."""
QUICK_SHARE: Final = 5
SWITCHERS: Final = 500
CROWD: Final = 1000
BATCH: Final = 100
CONTENDERS: Final = 20
PERMITS: Final = 5
ROOM: Final = 16
"""The maxsize of the queue: small, so that both producer and consumer sometimes wait."""
DEPTH: Final = 50
FAR: Final = 3600.0
"""Seconds; longer than any run."""
SOON: Final = 0.005
"""Seconds; less than it takes to create the sleepers, so the loop is never idle."""


# tasks


async def _nothing(result: int) -> int:
    return result


async def task_switch(aio: ModuleType, times: int) -> int:
    async def switch() -> int:
        count = 0
        for _ in range(times):
            await aio.sleep(0)
            count += 1
        return count

    tasks = [aio.create_task(switch()) for _ in range(SWITCHERS)]
    return sum([await task for task in tasks])


async def spawn(aio: ModuleType, times: int) -> int:
    total = 0
    for number in range(times):
        total += await aio.create_task(_nothing(number))
    return total


async def gather(aio: ModuleType, times: int) -> int:
    total = 0
    for _ in range(times):
        total += sum(await aio.gather(*map(_nothing, range(CROWD))))
    return total


async def task_group(aio: ModuleType, times: int) -> int:
    total = 0
    for _ in range(times):
        async with aio.TaskGroup() as group:
            tasks = [group.create_task(_nothing(number)) for number in range(BATCH)]
        total += sum(task.result() for task in tasks)
    return total


async def shield(aio: ModuleType, times: int) -> int:
    total = 0
    for number in range(times):
        total += await aio.shield(_nothing(number))
    return total


async def cancel_sleepers(aio: ModuleType, times: int) -> int:
    cancelled = 0
    for _ in range(times):
        tasks = [aio.create_task(aio.sleep(FAR)) for _ in range(CROWD)]
        await aio.sleep(0)
        for task in tasks:
            task.cancel()
        await aio.wait(tasks)
        cancelled += sum(task.cancelled() for task in tasks)
    return cancelled


async def deep_await(aio: ModuleType, times: int) -> int:
    async def descend(level: int) -> int:
        if level:
            return 1 + await descend(level - 1)
        for _ in range(times):
            await aio.sleep(0)
        return 0

    return sum(await aio.gather(*[descend(DEPTH) for _ in range(BATCH)]))


# futures, callbacks and timers


async def future_wake_up(aio: ModuleType, times: int) -> int:
    """Let two tasks wake each other alternately, each through its own future."""
    loop = aio.get_running_loop()
    ping, pong = loop.create_future(), loop.create_future()

    async def answer() -> None:
        nonlocal ping
        for _ in range(times):
            number = await ping
            ping = loop.create_future()
            pong.set_result(number + 1)

    answering = aio.create_task(answer())
    number = 0
    for _ in range(times):
        ping.set_result(number)
        number = await pong
        pong = loop.create_future()
    await answering
    return number


async def call_soon_chain(aio: ModuleType, links: int) -> int:
    loop = aio.get_running_loop()
    done = loop.create_future()

    def link(number: int) -> None:
        if number == links:
            done.set_result(number)
        else:
            loop.call_soon(link, number + 1)

    link(0)
    result: int = await done
    return result


async def timers_fired(aio: ModuleType, sleepers: int) -> int:
    delays = [SOON * (number * 7919 % sleepers + 1) / sleepers for number in range(sleepers)]
    return sum(await aio.gather(*map(aio.sleep, delays, repeat(1))))


async def timers_cancelled(aio: ModuleType, times: int) -> int:
    loop = aio.get_running_loop()
    cancelled = 0
    for _ in range(times):
        handles = [loop.call_later(FAR, _never) for _ in range(BATCH)]
        for handle in handles:
            handle.cancel()
        cancelled += sum(handle.cancelled() for handle in handles)
        await aio.sleep(0)
    return cancelled


def _never() -> None:
    raise AssertionError("a cancelled timer fired")


async def wait_for(aio: ModuleType, times: int) -> int:
    async def switch() -> int:
        await aio.sleep(0)
        return 1

    return sum([await aio.wait_for(switch(), FAR) for _ in range(times)])


async def timeout(aio: ModuleType, times: int) -> int:
    count = 0
    for _ in range(times):
        async with aio.timeout(FAR):
            await aio.sleep(0)
            count += 1
    return count


# queues and synchronization primitives


async def queue(aio: ModuleType, items: int) -> int:
    items_queue: Any = aio.Queue(ROOM)

    async def produce() -> None:
        for number in range(items):
            await items_queue.put(number)

    producing = aio.create_task(produce())
    total = 0
    for _ in range(items):
        total += await items_queue.get()
    await producing
    return total


async def lock(aio: ModuleType, times: int) -> int:
    """Hold the lock across a task switch, so that all other tasks wait for it."""
    return await _contend(aio, aio.Lock(), times, most=1)


async def semaphore(aio: ModuleType, times: int) -> int:
    return await _contend(aio, aio.Semaphore(PERMITS), times, most=PERMITS)


async def _contend(aio: ModuleType, gate: Any, times: int, most: int) -> int:
    inside = passages = 0

    async def contend() -> None:
        nonlocal inside, passages
        for _ in range(times):
            async with gate:
                inside += 1
                await aio.sleep(0)
                passages += inside <= most
                inside -= 1

    await aio.gather(*[contend() for _ in range(CONTENDERS)])
    return passages


async def event(aio: ModuleType, times: int) -> int:
    """Let one task wake a batch of others, again and again."""
    gates = [aio.Event() for _ in range(times)]

    async def pass_all() -> int:
        return sum([await gate.wait() for gate in gates])

    tasks = [aio.create_task(pass_all()) for _ in range(BATCH)]
    for gate in gates:
        await aio.sleep(0)
        gate.set()
    return sum([await task for task in tasks])


# threads, and whole runs of a loop


async def to_thread(aio: ModuleType, times: int) -> int:
    total = 0
    for number in range(times):
        total += await aio.to_thread(abs, -number)
    return total


def run_noop(loop: Loop, times: int) -> int:
    """Create, run and close a loop: like `asyncio.run`, but on the loop of the column."""
    total = 0
    for number in range(times):
        with loop.runner() as runner:
            total += runner.run(_nothing(number))
    return total


# the expected answers


def _times(factor: int) -> Answer:
    return lambda size: size * factor


def _depth(_size: int) -> int:
    return DEPTH * BATCH


def _sum_below(size: int) -> int:
    return size * (size - 1) // 2


def _on_loop(
    name: str, size: int, work: Work, expected: Answer, about: str, values: int = VALUES
) -> OnLoop:
    return OnLoop(
        name=name,
        group=GROUP,
        about=about,
        size=size,
        quick=max(1, size // QUICK_SHARE),
        values=values,
        work=work,
        expected=expected,
    )


MICRO: Final[tuple[OnLoop | Standalone, ...]] = (
    _on_loop("task switch", 200, task_switch, _times(SWITCHERS), "500 tasks × {size} sleep(0)"),
    _on_loop(
        "future wake-up",
        5_000,
        future_wake_up,
        _times(1),
        "two tasks wake each other, {size} times",
    ),
    _on_loop("spawn", 5_000, spawn, _sum_below, "create_task and await, {size} times"),
    _on_loop("gather", 5, gather, _times(_sum_below(CROWD)), "1,000 coroutines, {size} times"),
    _on_loop("call_soon chain", 20_000, call_soon_chain, _times(1), "{size} callbacks"),
    _on_loop(
        "timers fired", 30_000, timers_fired, _times(1), "{size} concurrent sleeps", FEW_VALUES
    ),
    _on_loop("timers cancelled", 100, timers_cancelled, _times(BATCH), "{size} × 100 call_later"),
    _on_loop("queue", 10_000, queue, _sum_below, "{size} items, maxsize 16"),
    _on_loop("lock", 200, lock, _times(CONTENDERS), "20 tasks × {size}, held across a switch"),
    _on_loop("event", 100, event, _times(BATCH), "100 tasks wait for {size} events"),
    _on_loop("semaphore", 200, semaphore, _times(CONTENDERS), "20 tasks × {size}, 5 at a time"),
    _on_loop("wait_for", 2_000, wait_for, _times(1), "{size} times, around one sleep(0)"),
    _on_loop("timeout", 5_000, timeout, _times(1), "{size} times, around one sleep(0)"),
    _on_loop("TaskGroup", 50, task_group, _times(_sum_below(BATCH)), "{size} groups of 100 tasks"),
    _on_loop("shield", 3_000, shield, _sum_below, "{size} coroutines, one after the other"),
    _on_loop("cancel", 3, cancel_sleepers, _times(CROWD), "1,000 sleeping tasks, {size} times"),
    _on_loop("deep await", 100, deep_await, _depth, "100 tasks × {size} sleep(0), 50 awaits deep"),
    _on_loop("to_thread", 500, to_thread, _sum_below, "{size} calls, one after the other"),
    Standalone(
        name="run(noop)",
        group=GROUP,
        about="a loop created, run and closed, {size} times",
        size=100,
        quick=100 // QUICK_SHARE,
        values=VALUES,
        work=run_noop,
        expected=_sum_below,
    ),
)
