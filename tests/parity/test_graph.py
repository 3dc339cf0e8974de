"""Call graphs: where each task is paused, and which tasks wait for it."""

from __future__ import annotations

import io
import re
from typing import Any

import pytest

from tests.parity.harness import Stage, attempt, older_asyncio_differs

pytestmark = older_asyncio_differs("3.14", "asyncio before 3.14 has no call graphs")

#: Frames of asyncio's own functions: their names and number are no part of its behaviour.
OWN_FILES = re.compile(r"/(?:asyncio|miniloop)/\w+\.py$")


def tree(graph: Any) -> list[Any]:
    """Describe a graph by names: the future, its frames, and the trees of what waits for it."""
    frames = [
        entry.frame.f_code.co_name
        for entry in graph.call_stack
        if not OWN_FILES.search(entry.frame.f_code.co_filename)
    ]
    name = graph.future.get_name() if hasattr(graph.future, "get_name") else "future"
    return [name, frames, sorted(tree(parent) for parent in graph.awaited_by)]


def text_of(text: str) -> list[str]:
    """Return the lines of a formatted graph without addresses, files and frames of asyncio."""
    lines = [line for line in text.splitlines() if not re.search(r"/(asyncio|miniloop)/", line)]
    lines = [re.sub(r"File '[^']*', line \d+", "File …", line) for line in lines]
    return [re.sub(r"0x[0-9a-f]+", "0x…", line).replace("<locals>.", "") for line in lines]


async def settle(aio: Any) -> None:
    """Let all tasks run until they wait."""
    for _ in range(6):
        await aio.sleep(0)


def test_a_future_shows_the_tasks_that_await_it_and_where(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def inner(future: Any) -> None:
        await future

    async def outer(future: Any) -> None:
        await inner(future)

    async def main() -> None:
        aio.current_task().set_name("main")
        future = aio.get_running_loop().create_future()
        waiting = aio.create_task(outer(future), name="A"), aio.create_task(inner(future), name="B")
        log(tree(aio.capture_call_graph(future)))
        await settle(aio)
        log(tree(aio.capture_call_graph(future)))
        future.set_result(None)
        await aio.wait(waiting)
        log(tree(aio.capture_call_graph(future)))

    assert stage.run(main) == [
        ["future", [], []],
        ["future", [], [["A", ["inner", "outer"], []], ["B", ["inner"], []]]],
        ["future", [], []],
    ]


@pytest.mark.parametrize("way", ["await", "gather", "wait", "wait_for", "shield", "timeout",
                                 "as_completed", "async as_completed", "TaskGroup",
                                 "gather of gather", "shield of gather",
                                 "wait for gather"])  # fmt: skip
def test_each_way_to_wait_for_a_task_shows_in_its_graph(stage: Stage, way: str) -> None:
    aio, log = stage.aio, stage.log

    async def child(ready: Any) -> None:
        await ready

    async def parent(ready: Any) -> None:
        if way == "TaskGroup":
            async with aio.TaskGroup() as group:
                group.create_task(child(ready), name="child")
            return
        task = aio.create_task(child(ready), name="child")
        if way == "await":
            await task
        elif way == "gather":
            await aio.gather(task, aio.sleep(0))
        elif way == "wait":
            await aio.wait([task])
        elif way == "gather of gather":
            await aio.gather(aio.gather(task))
        elif way == "shield of gather":
            await aio.shield(aio.gather(task))
        elif way == "wait for gather":
            await aio.wait([aio.gather(task)])
        elif way == "wait_for":
            await aio.wait_for(task, 10)
        elif way == "shield":
            await aio.shield(task)
        elif way == "timeout":
            async with aio.timeout(10):
                await task
        elif way == "as_completed":
            for future in aio.as_completed([task]):
                await future
        else:
            async for future in aio.as_completed([task]):
                await future

    async def main() -> None:
        ready = aio.get_running_loop().create_future()
        waiting = aio.create_task(parent(ready), name="parent")
        await settle(aio)
        log(tree(aio.capture_call_graph(ready)))
        ready.set_result(None)
        await waiting

    assert stage.run(main) == [["future", [], [["child", ["child"], [["parent", ["parent"], []]]]]]]


def test_a_child_that_outlives_a_gather_is_no_longer_awaited(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def fails() -> None:
        raise ValueError

    async def main() -> None:
        survivor = aio.create_task(aio.sleep(60), name="survivor")
        await aio.gather(aio.gather(survivor, fails()), return_exceptions=True)
        log(tree(aio.capture_call_graph(survivor)))
        waiter = aio.create_task(aio.wait([survivor], timeout=1), name="waiter")
        await waiter
        log(tree(aio.capture_call_graph(survivor)))
        survivor.cancel()

    assert stage.run(main) == [["survivor", [], []], ["survivor", [], []]]


def test_the_current_task_shows_the_frames_from_here_to_its_coroutine(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    def here(**options: Any) -> Any:
        graph = aio.capture_call_graph(**options)
        return tree(graph)

    async def deep() -> None:
        log(here())
        log(here(depth=2))
        log(here(limit=1), here(limit=-1), here(limit=0))

    async def generator() -> Any:
        yield 1
        await deep()

    async def middle() -> None:
        async for _ in generator():
            pass

    async def main() -> None:
        await aio.create_task(middle(), name="child")

    logged: Any = stage.run(main)
    full, skipped, limits = logged
    (parent,) = full[2]
    assert full[:2] == ["child", ["here", "deep", "generator", "middle"]]
    assert parent[1:] == [["main"], []]
    assert skipped[1] == ["deep", "generator", "middle"]
    assert [one[1] for one in limits] == [["middle"], ["here"], []]


def test_a_graph_without_a_task_or_without_a_loop(stage: Stage) -> None:
    aio, log = stage.aio, stage.log
    log(attempt(aio.capture_call_graph), attempt(aio.capture_call_graph, 1))

    async def main() -> None:
        called = aio.get_running_loop().create_future()

        def callback() -> None:
            log(aio.capture_call_graph(), aio.format_call_graph())
            called.set_result(None)

        aio.get_running_loop().call_soon(callback)
        await called
        log(attempt(aio.capture_call_graph, 1))

    where = "outside of a running event loop and no *future* to introspect was provided"
    no_future = "raised TypeError: 1 object does not appear to be compatible with asyncio.Future"
    assert stage.run(main) == [
        (f"raised RuntimeError: capture_call_graph() is called {where}", no_future),
        (None, ""),
        no_future,
    ]


def test_a_task_that_is_done_has_no_frames(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def fails() -> None:
        raise ValueError

    async def main() -> None:
        done = [aio.create_task(aio.sleep(0), name="slept"), aio.create_task(fails(), name="fails")]
        await aio.gather(*done, return_exceptions=True)
        log(*(tree(aio.capture_call_graph(task)) for task in done))

    assert stage.run(main) == [(["slept", [], []], ["fails", [], []])]


def test_a_printed_graph_is_a_tree_of_call_stacks(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def inner(future: Any) -> None:
        await future

    async def outer(future: Any) -> None:
        await aio.create_task(inner(future), name="inner")

    async def main() -> None:
        future = aio.get_running_loop().create_future()
        task = aio.create_task(outer(future), name="outer")
        await settle(aio)
        log(*text_of(aio.format_call_graph(future)))
        file = io.StringIO()
        aio.print_call_graph(future, limit=0, file=file)
        log(*text_of(file.getvalue()))
        future.set_result(None)
        await task

    where = "test_a_printed_graph_is_a_tree_of_call_stacks"
    assert stage.run(main) == [
        (
            "* Future(id=0x…)",
            "  + Awaited by:",
            "    * Task(name='inner', id=0x…)",
            "      + Call stack:",
            f"      |   File …, in async {where}.inner()",
            "      + Awaited by:",
            "        * Task(name='outer', id=0x…)",
            "          + Call stack:",
            f"          |   File …, in async {where}.outer()",
        ),
        (
            "* Future(id=0x…)",
            "  + Awaited by:",
            "    * Task(name='inner', id=0x…)",
            "      + Awaited by:",
            "        * Task(name='outer', id=0x…)",
        ),
    ]


def test_a_library_can_record_that_one_future_waits_for_another(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        future, waiter = aio.get_running_loop().create_future(), aio.current_task()
        waiter.set_name("main")
        aio.future_add_to_awaited_by(future, waiter)
        aio.future_add_to_awaited_by(future, waiter)
        log([parent.future is waiter for parent in aio.capture_call_graph(future).awaited_by])
        aio.future_discard_from_awaited_by(future, waiter)
        aio.future_discard_from_awaited_by(future, waiter)
        log(aio.capture_call_graph(future).awaited_by)
        aio.future_add_to_awaited_by(1, waiter)
        aio.future_discard_from_awaited_by(future, 1)

    assert stage.run(main) == [[True], ()]
