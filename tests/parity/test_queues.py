"""Queue, PriorityQueue, LifoQueue: order, waiting for items and for space, join, shutdown."""

from __future__ import annotations

import heapq
import inspect
from functools import partial
from typing import Any

from tests.parity.harness import (
    Stage,
    attempt,
    attempt_await,
    normalise,
    older_asyncio_differs,
    outcome,
)

ITERATIONS = range(6)
"""How many iterations to run before a task is cancelled. After the last of them it has finished."""

SHUTDOWN = older_asyncio_differs("3.13", "queues have no shutdown()")


async def iterations(stage: Stage, count: int) -> None:
    for _ in range(count):
        await stage.aio.sleep(0)


def getters(stage: Stage, queue: Any, *names: str) -> list[Any]:
    """Start a task for each name; it logs the outcome of `get()`. Return the tasks."""

    async def getter(name: str) -> None:
        stage.log(name, await attempt_await(queue.get()))

    return [stage.aio.create_task(getter(name)) for name in names]


def putters(stage: Stage, queue: Any, *items: str) -> list[Any]:
    """Start a task for each item; it logs the outcome of `put(item)`. Return the tasks."""

    async def putter(item: str) -> None:
        stage.log(f"put {item}", await attempt_await(queue.put(item)))

    return [stage.aio.create_task(putter(item)) for item in items]


def plain_signature(function: Any) -> str:
    """Return the parameters of `function` as text, without annotations."""
    parameters = inspect.signature(function).parameters.values()
    return ", ".join(str(p.replace(annotation=p.empty)) for p in parameters)


# Order


def test_each_kind_of_queue_has_its_own_order(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        for kind in (aio.Queue, aio.LifoQueue, aio.PriorityQueue):
            queue = kind()
            for item in (2, 3, 1):
                await queue.put(item)
            log(kind.__name__, [await queue.get() for _ in range(queue.qsize())])

    assert stage.run(main) == [
        ("Queue", [2, 3, 1]),
        ("LifoQueue", [1, 3, 2]),
        ("PriorityQueue", [1, 2, 3]),
    ]


def test_a_subclass_can_define_its_own_order(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    class LargestFirst(aio.Queue):  # type: ignore[name-defined, misc]
        def _init(self, maxsize: int) -> None:
            log("init", maxsize)
            self._queue: list[int] = []

        def _put(self, item: int) -> None:
            heapq.heappush(self._queue, -item)

        def _get(self) -> int:
            return -heapq.heappop(self._queue)

    async def main() -> None:
        queue = LargestFirst(3)
        for item in (2, 3, 1):
            queue.put_nowait(item)
        log(queue.full(), attempt(queue.put_nowait, 4))
        log([await queue.get() for _ in range(3)], queue.empty(), str(queue))

    assert stage.run(main) == [
        ("init", 3),
        (True, "raised QueueFull"),
        ([3, 2, 1], True, "<LargestFirst maxsize=3 tasks=3>"),
    ]


def test_put_raises_if_a_priority_queue_cannot_compare_the_items(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        queue = aio.PriorityQueue()
        queue.put_nowait((1, "first"))
        queue.put_nowait((0, "second"))
        log(attempt(queue.put_nowait, "text"))
        log(str(queue))

    assert stage.run(main) == [
        "raised TypeError: '<' not supported between instances of 'str' and 'tuple'",
        "<PriorityQueue maxsize=0 _queue=[(0, 'second'), (1, 'first'), 'text'] tasks=2>",
    ]


# Full and empty queues


def test_get_nowait_raises_if_the_queue_is_empty_and_put_nowait_if_it_is_full(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        queue = aio.Queue(2)
        log(queue.maxsize, queue.qsize(), queue.empty(), queue.full())
        log(attempt(queue.get_nowait))
        log(attempt(queue.put_nowait, "a"), attempt(queue.put_nowait, "b"))
        log(queue.maxsize, queue.qsize(), queue.empty(), queue.full())
        log(attempt(queue.put_nowait, "c"))
        log(attempt(queue.get_nowait), queue.full())

    assert stage.run(main) == [
        (2, 0, True, False),
        "raised QueueEmpty",
        ("returned None", "returned None"),
        (2, 2, False, True),
        "raised QueueFull",
        ("returned 'a'", False),
    ]


def test_a_maxsize_of_zero_or_less_means_no_limit(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        for queue in (aio.Queue(), aio.Queue(0), aio.LifoQueue(-1), aio.PriorityQueue(maxsize=-2)):
            for number in range(100):
                await queue.put(number)
            log(queue.maxsize, queue.qsize(), queue.full())

    assert stage.run(main) == [(0, 100, False), (0, 100, False), (-1, 100, False), (-2, 100, False)]


def test_put_and_get_do_not_run_an_iteration_if_they_need_not_wait(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        queue = aio.Queue(1)
        aio.get_running_loop().call_soon(log, "a callback that was ready before")
        for item in "abc":
            await queue.put(item)
            log(await queue.get())
            queue.task_done()
        await queue.join()
        log("joined")
        await aio.sleep(0)

    assert stage.run(main) == ["a", "b", "c", "joined", "a callback that was ready before"]


def test_the_repr_shows_the_items_and_the_numbers_of_getters_and_putters(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        empty, full = aio.Queue(), aio.LifoQueue(1)
        log(str(empty), normalise(repr(full)))
        full.put_nowait("item")
        tasks = getters(stage, empty, "a", "b") + putters(stage, full, "c")
        await aio.sleep(0)
        log(str(empty), normalise(repr(full)))
        for task in tasks:
            task.cancel()
        await aio.wait(tasks)
        log(str(empty), normalise(repr(full)))

    assert stage.run(main) == [
        ("<Queue maxsize=0>", "<LifoQueue at 0x… maxsize=1>"),
        (
            "<Queue maxsize=0 _getters[2]>",
            "<LifoQueue at 0x… maxsize=1 _queue=['item'] _putters[1] tasks=1>",
        ),
        ("a", "raised CancelledError"),
        ("b", "raised CancelledError"),
        ("put c", "raised CancelledError"),
        ("<Queue maxsize=0>", "<LifoQueue at 0x… maxsize=1 _queue=['item'] tasks=1>"),
    ]


def test_a_queue_class_can_be_subscripted_with_the_type_of_its_items(stage: Stage) -> None:
    aio, log = stage.aio, stage.log
    for kind in (aio.Queue, aio.PriorityQueue, aio.LifoQueue):
        alias = kind[int]
        log(type(alias).__name__, alias.__origin__ is kind, alias.__args__ == (int,))
    assert log == [
        ("GenericAlias", True, True),
        ("GenericAlias", True, True),
        ("GenericAlias", True, True),
    ]


# Waiting


def test_getters_are_served_in_the_order_of_arrival(stage: Stage) -> None:
    aio = stage.aio

    async def main() -> None:
        queue = aio.Queue()
        tasks = getters(stage, queue, "first", "second", "third")
        await aio.sleep(0)
        for item in "abc":
            queue.put_nowait(item)
        await aio.wait(tasks)

    assert stage.run(main) == [
        ("first", "returned 'a'"),
        ("second", "returned 'b'"),
        ("third", "returned 'c'"),
    ]


def test_putters_get_space_in_the_order_of_arrival(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        queue = aio.Queue(1)
        tasks = putters(stage, queue, "a", "b", "c")
        await aio.sleep(0)
        for _ in range(3):
            log(queue.get_nowait(), queue.qsize())
            await iterations(stage, 2)
        await aio.wait(tasks)

    assert stage.run(main) == [
        ("put a", "returned None"),
        ("a", 0),
        ("put b", "returned None"),
        ("b", 0),
        ("put c", "returned None"),
        ("c", 0),
    ]


def test_a_woken_getter_that_finds_the_queue_empty_goes_to_the_back_of_the_queue(
    stage: Stage,
) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        queue = aio.Queue()
        tasks = getters(stage, queue, "first", "second")
        await aio.sleep(0)
        queue.put_nowait("a")
        log("taken by main", queue.get_nowait())
        await iterations(stage, 2)
        queue.put_nowait("b")
        queue.put_nowait("c")
        await aio.wait(tasks)

    assert stage.run(main) == [
        ("taken by main", "a"),
        ("second", "returned 'b'"),
        ("first", "returned 'c'"),
    ]


def test_a_bounded_queue_makes_the_producer_wait_for_the_consumer(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        queue = aio.Queue(2)

        async def produce() -> None:
            for item in range(5):
                await queue.put(item)
                log("put", item, stage.now)

        async def consume() -> None:
            for _ in range(5):
                await aio.sleep(1)
                log("got", await queue.get(), stage.now)

        await aio.gather(produce(), consume())

    assert stage.run(main) == [
        ("put", 0, 0.0),
        ("put", 1, 0.0),
        ("got", 0, 1.0),
        ("put", 2, 1.0),
        ("got", 1, 2.0),
        ("put", 3, 2.0),
        ("got", 2, 3.0),
        ("put", 4, 3.0),
        ("got", 3, 4.0),
        ("got", 4, 5.0),
    ]


def test_a_getter_or_putter_that_timed_out_has_no_effect_later(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        queue = aio.Queue(1)
        log(await attempt_await(aio.wait_for(queue.get(), 1)), stage.now)
        queue.put_nowait("a")
        log(await attempt_await(aio.wait_for(queue.put("b"), 1)), stage.now)
        log(queue.get_nowait(), str(queue))

    assert stage.run(main) == [
        ("raised TimeoutError", 1.0),
        ("raised TimeoutError", 2.0),
        ("a", "<Queue maxsize=1 tasks=1>"),
    ]


# Cancellation


def test_if_a_getter_with_an_item_is_cancelled_the_next_one_gets_the_item(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        queue = aio.Queue()
        a, b, c = getters(stage, queue, "a", "b", "c")
        await aio.sleep(0)
        queue.put_nowait("item")
        log(a.cancel(), b.cancel(), str(queue))
        await aio.wait([a, b, c])
        log(str(queue))

    assert stage.run(main) == [
        (True, True, "<Queue maxsize=0 _queue=['item'] _getters[2] tasks=1>"),
        ("a", "raised CancelledError"),
        ("b", "raised CancelledError"),
        ("c", "returned 'item'"),
        "<Queue maxsize=0 tasks=1>",
    ]


def test_if_a_putter_with_space_is_cancelled_the_next_one_gets_the_space(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        queue = aio.Queue(1)
        queue.put_nowait("first")
        a, b, c = putters(stage, queue, "a", "b", "c")
        await aio.sleep(0)
        log(queue.get_nowait())
        log(a.cancel(), b.cancel(), str(queue))
        await aio.wait([a, b, c])
        log(str(queue))

    assert stage.run(main) == [
        "first",
        (True, True, "<Queue maxsize=1 _putters[2] tasks=1>"),
        ("put a", "raised CancelledError"),
        ("put b", "raised CancelledError"),
        ("put c", "returned None"),
        "<Queue maxsize=1 _queue=['c'] tasks=2>",
    ]


def test_if_the_only_getter_is_cancelled_its_item_stays_in_the_queue(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        queue = aio.Queue()
        (getter,) = getters(stage, queue, "getter")
        await aio.sleep(0)
        queue.put_nowait("item")
        getter.cancel("by main")
        await aio.wait([getter])
        log(queue.get_nowait())

    assert stage.run(main) == [("getter", "raised CancelledError: by main"), "item"]


def test_a_cancelled_getter_whose_item_is_already_taken_does_not_wake_another(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        queue = aio.Queue()
        tasks = getters(stage, queue, "a", "b", "c")
        await aio.sleep(0)
        queue.put_nowait("item")
        log("taken by main", queue.get_nowait())
        tasks[0].cancel()
        await iterations(stage, 2)
        queue.put_nowait("for b")
        queue.put_nowait("for c")
        await aio.wait(tasks)

    assert stage.run(main) == [
        ("taken by main", "item"),
        ("a", "raised CancelledError"),
        ("b", "returned 'for b'"),
        ("c", "returned 'for c'"),
    ]


def test_at_whatever_iteration_a_getter_is_cancelled_no_item_is_lost(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def story(count: int) -> None:
        queue = aio.Queue()
        steps = []

        async def getter(name: str) -> None:
            try:
                steps.append(f"{name} got {await queue.get()}")
            except aio.CancelledError as error:
                steps.append(f"{name} cancelled {error}")

        async def putter() -> None:
            await aio.sleep(0)
            for item in range(2):
                await queue.put(item)

        tasks = [aio.create_task(getter(name)) for name in "abc"]
        tasks.append(aio.create_task(putter()))
        await iterations(stage, count)
        tasks[0].cancel("by main")
        await iterations(stage, 5)
        log(count, ", ".join(steps), str(queue))
        tasks[2].cancel()
        await aio.gather(*tasks, return_exceptions=True)

    for count in ITERATIONS:
        stage.run(partial(story, count))
    assert log == [
        (0, "b got 0, c got 1", "<Queue maxsize=0 tasks=2>"),
        (1, "a cancelled by main, b got 0, c got 1", "<Queue maxsize=0 tasks=2>"),
        (2, "a cancelled by main, b got 0, c got 1", "<Queue maxsize=0 tasks=2>"),
        (3, "a got 0, b got 1", "<Queue maxsize=0 _getters[1] tasks=2>"),
        (4, "a got 0, b got 1", "<Queue maxsize=0 _getters[1] tasks=2>"),
        (5, "a got 0, b got 1", "<Queue maxsize=0 _getters[1] tasks=2>"),
    ]


def test_at_whatever_iteration_a_putter_is_cancelled_no_space_is_lost(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def story(count: int) -> None:
        queue = aio.Queue(1)
        steps = []

        async def putter(item: str) -> None:
            try:
                await queue.put(item)
                steps.append(f"put {item}")
            except aio.CancelledError as error:
                steps.append(f"{item} cancelled {error}")

        async def getter() -> None:
            while True:
                await aio.sleep(0)
                steps.append(f"got {await queue.get()}")

        tasks = [aio.create_task(putter(item)) for item in "abc"]
        tasks.append(aio.create_task(getter()))
        await iterations(stage, count)
        tasks[1].cancel("by main")
        await iterations(stage, 12)
        log(count, ", ".join(steps), str(queue))
        tasks[3].cancel()
        await aio.gather(*tasks, return_exceptions=True)

    for count in ITERATIONS:
        stage.run(partial(story, count))
    assert log == [
        (0, "put a, got a, put c, got c", "<Queue maxsize=1 _getters[1] tasks=2>"),
        (
            1,
            "put a, got a, b cancelled by main, put c, got c",
            "<Queue maxsize=1 _getters[1] tasks=2>",
        ),
        (
            2,
            "put a, got a, b cancelled by main, put c, got c",
            "<Queue maxsize=1 _getters[1] tasks=2>",
        ),
        (3, "put a, got a, put b, got b, put c, got c", "<Queue maxsize=1 _getters[1] tasks=3>"),
        (4, "put a, got a, put b, got b, put c, got c", "<Queue maxsize=1 _getters[1] tasks=3>"),
        (5, "put a, got a, put b, got b, put c, got c", "<Queue maxsize=1 _getters[1] tasks=3>"),
    ]


# join and task_done


def test_join_waits_until_task_done_was_called_for_every_item(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        queue = aio.Queue()
        await queue.join()
        log("nothing to wait for")
        for item in range(3):
            queue.put_nowait(item)

        async def worker() -> None:
            while True:
                item = await queue.get()
                await aio.sleep(1)
                log("done", item, stage.now)
                queue.task_done()

        task = aio.create_task(worker())
        await queue.join()
        log("joined", stage.now)
        task.cancel()
        await aio.wait([task])

    assert stage.run(main) == [
        "nothing to wait for",
        ("done", 0, 1.0),
        ("done", 1, 2.0),
        ("done", 2, 3.0),
        ("joined", 3.0),
    ]


def test_task_done_raises_if_it_is_called_too_often(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        queue = aio.Queue()
        log(attempt(queue.task_done))
        queue.put_nowait("item")
        log(str(queue))
        log("before get()", attempt(queue.task_done))
        log(attempt(queue.task_done), str(queue))

    assert stage.run(main) == [
        "raised ValueError: task_done() called too many times",
        "<Queue maxsize=0 _queue=['item'] tasks=1>",
        ("before get()", "returned None"),
        (
            "raised ValueError: task_done() called too many times",
            "<Queue maxsize=0 _queue=['item']>",
        ),
    ]


def test_join_returns_although_a_new_item_was_added_after_the_wake_up(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        queue = aio.Queue()
        queue.put_nowait("old")

        async def joiner(name: str) -> None:
            await queue.join()
            log(name, str(queue))

        tasks = [aio.create_task(joiner(name)) for name in "ab"]
        await aio.sleep(0)
        queue.get_nowait()
        queue.task_done()
        queue.put_nowait("new")
        tasks.append(aio.create_task(joiner("late")))
        await iterations(stage, 3)
        log([task.done() for task in tasks])
        queue.task_done()
        await aio.wait(tasks)

    assert stage.run(main) == [
        ("a", "<Queue maxsize=0 _queue=['new'] tasks=1>"),
        ("b", "<Queue maxsize=0 _queue=['new'] tasks=1>"),
        [True, True, False],
        ("late", "<Queue maxsize=0 _queue=['new']>"),
    ]


# Shutdown


@SHUTDOWN
def test_after_shutdown_a_queue_still_gives_its_items_but_accepts_no_new_ones(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        queue = aio.Queue()
        queue.put_nowait("a")
        queue.put_nowait("b")
        log(attempt(queue.shutdown), str(queue))
        log(await attempt_await(queue.put("c")), attempt(queue.put_nowait, "c"))
        log(await attempt_await(queue.get()), attempt(queue.get_nowait))
        log(await attempt_await(queue.get()), attempt(queue.get_nowait))
        log(attempt(queue.shutdown), str(queue))

    assert stage.run(main) == [
        ("returned None", "<Queue maxsize=0 _queue=['a', 'b'] tasks=2 shutdown>"),
        ("raised QueueShutDown", "raised QueueShutDown"),
        ("returned 'a'", "returned 'b'"),
        ("raised QueueShutDown", "raised QueueShutDown"),
        ("returned None", "<Queue maxsize=0 tasks=2 shutdown>"),
    ]


@SHUTDOWN
def test_shutdown_wakes_getters_and_putters_in_the_order_of_arrival(stage: Stage) -> None:
    aio = stage.aio

    async def main() -> None:
        empty, full = aio.Queue(), aio.Queue(1)
        full.put_nowait("first")
        tasks = putters(stage, full, "a", "b") + getters(stage, empty, "c", "d")
        await aio.sleep(0)
        empty.shutdown()
        full.shutdown()
        await aio.wait(tasks)

    assert stage.run(main) == [
        ("c", "raised QueueShutDown"),
        ("d", "raised QueueShutDown"),
        ("put a", "raised QueueShutDown"),
        ("put b", "raised QueueShutDown"),
    ]


@SHUTDOWN
def test_a_getter_that_was_woken_for_an_item_gets_it_despite_shutdown(stage: Stage) -> None:
    aio = stage.aio

    async def main() -> None:
        queue = aio.Queue()
        tasks = getters(stage, queue, "first", "second")
        await aio.sleep(0)
        queue.put_nowait("item")
        queue.shutdown()
        await aio.wait(tasks)

    assert stage.run(main) == [("first", "returned 'item'"), ("second", "raised QueueShutDown")]


@SHUTDOWN
def test_a_putter_that_was_woken_for_space_raises_after_shutdown(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        queue = aio.Queue(1)
        queue.put_nowait("first")
        tasks = putters(stage, queue, "second")
        await aio.sleep(0)
        log(queue.get_nowait())
        queue.shutdown()
        await aio.wait(tasks)
        log(str(queue))

    assert stage.run(main) == [
        "first",
        ("put second", "raised QueueShutDown"),
        "<Queue maxsize=1 tasks=1 shutdown>",
    ]


@SHUTDOWN
def test_after_shutdown_join_still_waits_for_the_remaining_items(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        queue = aio.Queue()
        queue.put_nowait("a")
        queue.put_nowait("b")
        queue.shutdown()
        joined = aio.create_task(queue.join())
        for _ in range(2):
            await aio.sleep(0)
            log(queue.get_nowait(), outcome(joined))
            queue.task_done()
        await joined
        log(str(queue))

    assert stage.run(main) == [("a", "pending"), ("b", "pending"), "<Queue maxsize=0 shutdown>"]


@SHUTDOWN
def test_an_immediate_shutdown_drops_the_items_and_wakes_join(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        queue = aio.Queue(2)
        queue.put_nowait("a")
        queue.put_nowait("b")

        async def joiner() -> None:
            log("join", await attempt_await(queue.join()))

        tasks = [*putters(stage, queue, "c"), aio.create_task(joiner())]
        await aio.sleep(0)
        queue.shutdown(immediate=True)
        log(str(queue), queue.empty())
        log("main", await attempt_await(queue.get()))
        await aio.wait(tasks)
        log(attempt(queue.task_done))

    assert stage.run(main) == [
        ("<Queue maxsize=2 shutdown>", True),
        ("main", "raised QueueShutDown"),
        ("join", "returned None"),
        ("put c", "raised QueueShutDown"),
        "raised ValueError: task_done() called too many times",
    ]


@SHUTDOWN
def test_after_an_immediate_shutdown_join_still_waits_for_items_in_progress(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        queue = aio.Queue()
        for item in "abc":
            queue.put_nowait(item)
        log("gets", queue.get_nowait())
        queue.shutdown(True)
        log(str(queue))
        joined = aio.create_task(queue.join())
        await iterations(stage, 3)
        log(outcome(joined))
        queue.task_done()
        await joined
        log(str(queue))

    assert stage.run(main) == [
        ("gets", "a"),
        "<Queue maxsize=0 tasks=1 shutdown>",
        "pending",
        "<Queue maxsize=0 shutdown>",
    ]


@SHUTDOWN
def test_an_immediate_shutdown_ignores_items_that_were_done_before_they_were_got(
    stage: Stage,
) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        queue = aio.Queue()
        queue.put_nowait("a")
        queue.put_nowait("b")
        queue.task_done()
        queue.task_done()
        queue.shutdown(immediate=True)
        log(str(queue), await attempt_await(queue.join()))

    assert stage.run(main) == [("<Queue maxsize=0 shutdown>", "returned None")]


@SHUTDOWN
def test_a_shutdown_can_be_made_immediate_later(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        for kind in (aio.Queue, aio.LifoQueue, aio.PriorityQueue):
            queue = kind()
            for item in (2, 3, 1):
                queue.put_nowait(item)
            queue.shutdown()
            log(await queue.get())
            queue.shutdown(immediate=True)
            log(str(queue), attempt(queue.get_nowait))

    assert stage.run(main) == [
        2,
        ("<Queue maxsize=0 tasks=1 shutdown>", "raised QueueShutDown"),
        1,
        ("<LifoQueue maxsize=0 tasks=1 shutdown>", "raised QueueShutDown"),
        1,
        ("<PriorityQueue maxsize=0 tasks=1 shutdown>", "raised QueueShutDown"),
    ]


@SHUTDOWN
def test_at_whatever_iteration_the_queue_is_shut_down_the_workers_finish(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def story(count: int) -> None:
        queue = aio.Queue(1)
        steps = []

        async def producer() -> None:
            try:
                for item in range(9):
                    await queue.put(item)
            except aio.QueueShutDown:
                steps.append(f"refused {item}")

        async def worker(name: str) -> None:
            try:
                while True:
                    steps.append(f"{name} got {await queue.get()}")
                    await aio.sleep(0)
            except aio.QueueShutDown:
                steps.append(f"{name} ends")

        tasks = [aio.create_task(coro) for coro in (producer(), worker("a"), worker("b"))]
        await iterations(stage, count)
        queue.shutdown()
        await aio.wait(tasks)
        log(count, ", ".join(steps))

    for count in ITERATIONS:
        stage.run(partial(story, count))
    assert log == [
        (0, "refused 0, a ends, b ends"),
        (1, "a got 0, refused 1, a ends, b ends"),
        (2, "a got 0, a got 1, b ends, refused 2, a ends"),
        (3, "a got 0, a got 1, a got 2, b ends, refused 3, a ends"),
        (4, "a got 0, a got 1, a got 2, a got 3, b ends, refused 4, a ends"),
        (5, "a got 0, a got 1, a got 2, a got 3, a got 4, b ends, refused 5, a ends"),
    ]


# Binding to one loop


def test_waiting_binds_a_queue_to_the_running_loop(stage: Stage) -> None:
    aio, log = stage.aio, stage.log
    queue = aio.Queue(1)

    async def use() -> None:
        await queue.put("item")
        log(await queue.get())

    async def wait() -> None:
        refusal = await attempt_await(aio.wait_for(queue.get(), 1))
        log(*refusal.split(" is "))

    for main in (use, use, wait, use, wait):
        stage.run(main)
    assert log == [
        "item",
        "item",
        "raised TimeoutError",
        "item",
        (
            "raised RuntimeError: <Queue at 0x… maxsize=1 tasks=3>",
            "bound to a different event loop",
        ),
    ]


# Names


@SHUTDOWN
def test_queues_have_the_methods_and_signatures_of_asyncio(stage: Stage) -> None:
    aio, log = stage.aio, stage.log
    log("Queue", plain_signature(aio.Queue))
    for name in dir(aio.Queue):
        member = getattr(aio.Queue, name)
        if not name.startswith("_"):
            log(name, plain_signature(member) if callable(member) else type(member).__name__)
    assert log == [
        ("Queue", "maxsize=0"),
        ("empty", "self"),
        ("full", "self"),
        ("get", "self"),
        ("get_nowait", "self"),
        ("join", "self"),
        ("maxsize", "property"),
        ("put", "self, item"),
        ("put_nowait", "self, item"),
        ("qsize", "self"),
        ("shutdown", "self, immediate=False"),
        ("task_done", "self"),
    ]
