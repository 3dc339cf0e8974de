"""What is freed with its last reference, and what only the garbage collector frees.

A reference cycle delays `__del__`, and with it the report of a lost exception, until the garbage
collector runs. Each scenario makes some objects, drops them, and records which are gone while the
collector is switched off. The traceback of an exception refers to the frame of the scenario, so the
scenario deletes its own variables.
"""

from __future__ import annotations

import contextlib
import gc
import socket
import weakref
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest

from tests.certificates import NAME, client_context
from tests.parity.harness import Stage, older_asyncio_differs
from tests.parity.network import HOST, pair

Watched = dict[str, "weakref.ref[Any]"]
Story = Callable[[Any], Coroutine[Any, Any, Watched]]


class Failure(Exception):
    """An exception that supports weak references."""


@contextlib.contextmanager
def gc_disabled() -> Iterator[None]:
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def refs(**objects: Any) -> Watched:
    return {name: weakref.ref(thing) for name, thing in objects.items()}


async def fail() -> None:
    raise Failure


async def fail_later(aio: Any) -> None:
    await aio.sleep(0)
    raise Failure


def callback(_: Any) -> None:
    """A done-callback."""


async def a_failed_task(aio: Any) -> Watched:
    task = aio.create_task(fail())
    await aio.sleep(0)
    return refs(task=task, error=task.exception())


async def a_task_that_failed_at_its_second_step(aio: Any) -> Watched:
    task = aio.create_task(fail_later(aio))
    await aio.wait([task])
    return refs(task=task, error=task.exception())


async def a_failed_task_that_was_awaited(aio: Any) -> Watched:
    task = aio.create_task(fail())
    try:
        await task
    except Failure as error:
        return refs(task=task, error=error)
    finally:
        del task
    raise AssertionError


async def a_failed_task_that_another_task_awaited(aio: Any) -> Watched:
    async def await_it() -> Watched:
        return await a_failed_task_that_was_awaited(aio)

    outer = aio.create_task(await_it())
    return {**await outer, **refs(outer=outer)}


async def a_failed_future_that_was_awaited(aio: Any) -> Watched:
    future = aio.get_running_loop().create_future()
    aio.get_running_loop().call_soon(future.set_exception, Failure())
    try:
        await future
    except Failure as error:
        return refs(future=future, error=error)
    finally:
        del future
    raise AssertionError


async def a_pending_future(aio: Any) -> Watched:
    return refs(future=aio.get_running_loop().create_future())


async def a_pending_future_with_done_callbacks(aio: Any) -> Watched:
    future = aio.get_running_loop().create_future()
    future.add_done_callback(callback)
    future.add_done_callback(callback)
    return refs(future=future)


async def a_pending_future_whose_callback_was_removed(aio: Any) -> Watched:
    future = aio.get_running_loop().create_future()
    future.add_done_callback(callback)
    future.remove_done_callback(callback)
    return refs(future=future)


async def a_done_future_with_a_done_callback(aio: Any) -> Watched:
    future = aio.get_running_loop().create_future()
    future.add_done_callback(callback)
    future.set_result(None)
    return refs(future=future)


async def a_pending_future_that_a_dropped_task_awaits(aio: Any) -> Watched:
    async def wait(futures: list[Any]) -> None:
        await futures.pop()

    future = aio.get_running_loop().create_future()
    task = aio.create_task(wait([future]))
    await aio.sleep(0)
    return refs(future=future, task=task)


async def a_task_that_finished(aio: Any) -> Watched:
    task = aio.create_task(aio.sleep(1))
    await task
    return refs(task=task)


async def a_task_that_never_started(aio: Any) -> Watched:
    task = aio.create_task(aio.sleep(1))
    task.cancel()
    return refs(task=task)


async def a_cancelled_task(aio: Any) -> Watched:
    task = aio.create_task(aio.sleep(1))
    await aio.sleep(0)
    task.cancel()
    await aio.wait([task])
    return refs(task=task)


async def a_cancelled_task_that_was_awaited(aio: Any) -> Watched:
    task = aio.create_task(aio.sleep(1))
    await aio.sleep(0)
    task.cancel()
    try:
        await task
    except aio.CancelledError as error:
        return refs(task=task, error=error)
    finally:
        del task
    raise AssertionError


async def a_task_that_cancelled_itself(aio: Any) -> Watched:
    async def cancel_me() -> None:
        aio.current_task().cancel()
        await aio.sleep(0)

    task = aio.create_task(cancel_me())
    await aio.wait([task])
    return refs(task=task)


async def the_children_of_a_gather(aio: Any) -> Watched:
    children = [aio.create_task(aio.sleep(delay)) for delay in (1, 2)]
    gathering = aio.gather(*children)
    await gathering
    return refs(first=children[0], second=children[1], gathering=gathering)


async def a_failed_child_of_a_gather(aio: Any) -> Watched:
    child = aio.create_task(fail_later(aio))
    gathering = aio.gather(child)
    try:
        await gathering
    except Failure as error:
        return refs(child=child, gathering=gathering, error=error)
    finally:
        del child, gathering
    raise AssertionError


async def a_gather_that_returns_exceptions(aio: Any) -> Watched:
    child = aio.create_task(fail_later(aio))
    gathering = aio.gather(child, return_exceptions=True)
    (error,) = await gathering
    return refs(child=child, gathering=gathering, error=error)


async def a_cancelled_gather(aio: Any) -> Watched:
    child = aio.create_task(aio.sleep(1))
    gathering = aio.gather(child)
    await aio.sleep(0)
    gathering.cancel()
    try:
        await gathering
    except aio.CancelledError as error:
        return refs(child=child, gathering=gathering, error=error)
    finally:
        del child, gathering
    raise AssertionError


async def a_timeout_that_did_not_expire(aio: Any) -> Watched:
    async with aio.timeout(2) as limit:
        await aio.sleep(1)
    return refs(limit=limit)


async def a_timeout_that_expired(aio: Any) -> Watched:
    limit = aio.timeout(1)
    try:
        async with limit:
            await aio.sleep(2)
    except TimeoutError:  # it has no weak references
        return refs(limit=limit)
    finally:
        del limit
    raise AssertionError


async def a_task_that_wait_for_gave_up(aio: Any) -> Watched:
    task = aio.create_task(aio.sleep(2))
    try:
        await aio.wait_for(task, 1)
    except TimeoutError:
        return refs(task=task)
    finally:
        del task
    raise AssertionError


async def the_children_of_a_group(aio: Any) -> Watched:
    async with aio.TaskGroup() as group:
        first = group.create_task(aio.sleep(1))
        second = group.create_task(aio.sleep(2))
    return refs(group=group, first=first, second=second)


async def a_shielded_task(aio: Any) -> Watched:
    task = aio.create_task(aio.sleep(1))
    outer = aio.shield(task)
    await outer
    return refs(task=task, outer=outer)


async def handles(aio: Any) -> Watched:
    loop = aio.get_running_loop()
    soon, later, cancelled = loop.call_soon(int), loop.call_later(1, int), loop.call_later(9, int)
    cancelled.cancel()
    await aio.sleep(2)
    return refs(soon=soon, later=later, cancelled=cancelled)


async def locks_and_queues(aio: Any) -> Watched:
    lock, queue, event = aio.Lock(), aio.Queue(), aio.Event()
    waiting = [aio.create_task(wait()) for wait in (lock.acquire, queue.get, event.wait)]
    await aio.sleep(0)
    for task in waiting:
        task.cancel()
    await aio.wait(waiting)
    del task
    return refs(lock=lock, queue=queue, event=event, task=waiting[2])


class ForeignFuture:
    """A future of another library; it has failed."""

    _asyncio_future_blocking = False

    def __init__(self, aio: Any) -> None:
        self.loop = aio.get_running_loop()

    def get_loop(self) -> Any:
        return self.loop

    def add_done_callback(self, callback: Any, *, context: Any = None) -> None:
        self.loop.call_soon(callback, self, context=context)

    def result(self) -> None:
        raise Failure

    def __await__(self) -> Iterator[Any]:
        self._asyncio_future_blocking = True
        yield self
        self.result()


async def await_a_foreign_future(aio: Any) -> None:
    with contextlib.suppress(Failure):
        await ForeignFuture(aio)  # type: ignore[misc]


async def a_task_that_awaited_a_failed_foreign_future(aio: Any) -> Watched:
    task = aio.create_task(await_a_foreign_future(aio))
    await task
    return refs(task=task)


#: What remains until the garbage collector runs: the task and its future refer to each other.
REMAINS: dict[Story, list[str]] = {a_pending_future_that_a_dropped_task_awaits: ["future", "task"]}

STORIES: list[Story] = [
    a_failed_task,
    a_task_that_failed_at_its_second_step,
    a_failed_task_that_was_awaited,
    a_failed_task_that_another_task_awaited,
    a_failed_future_that_was_awaited,
    a_pending_future,
    a_pending_future_with_done_callbacks,
    a_pending_future_whose_callback_was_removed,
    a_done_future_with_a_done_callback,
    a_pending_future_that_a_dropped_task_awaits,
    a_task_that_finished,
    a_task_that_never_started,
    a_cancelled_task,
    a_cancelled_task_that_was_awaited,
    a_task_that_cancelled_itself,
    the_children_of_a_gather,
    a_failed_child_of_a_gather,
    a_gather_that_returns_exceptions,
    a_cancelled_gather,
    a_timeout_that_did_not_expire,
    a_timeout_that_expired,
    a_task_that_wait_for_gave_up,
    the_children_of_a_group,
    a_shielded_task,
    a_task_that_awaited_a_failed_foreign_future,
    handles,
    locks_and_queues,
]


@pytest.mark.parametrize("debug", [False, True], ids=["", "debug"])
@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
def test_these_objects_are_freed_with_their_last_reference(
    stage: Stage, story: Story, debug: bool
) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        loop = aio.get_running_loop()
        loop.set_exception_handler(lambda _, context: log(context["message"]))
        watched = await story(aio)
        await aio.sleep(0)
        await aio.sleep(0)
        remaining = [name for name, reference in watched.items() if reference() is not None]
        log(remaining)
        stage.collect()
        remaining = [name for name, reference in watched.items() if reference() is not None]
        log(remaining)

    with gc_disabled():
        stage.run(main, debug=debug)
    remains = REMAINS.get(story, [])
    reports = ["Task was destroyed but it is pending!"] if remains else []
    assert stage.log == [remains, *reports, []]


class Refused(OSError):
    """An OSError that supports weak references."""


@older_asyncio_differs("3.14", "gh-124858: a list of all errors stays in a reference cycle")
def test_the_error_of_connections_that_were_tried_in_parallel_is_freed(stage: Stage) -> None:
    aio = stage.aio

    async def refuse(_: Any, __: Any) -> None:
        raise Refused("nobody listens")

    async def main() -> None:
        loop = aio.get_running_loop()
        loop.sock_connect = refuse
        with gc_disabled():
            try:
                await loop.create_connection(aio.Protocol, HOST, 1, happy_eyeballs_delay=1)
            except Refused as error:
                watched = weakref.ref(error)
            await aio.sleep(0)
            stage.log(watched() is None)
        del loop.sock_connect

    assert stage.run(main) == [True]


@older_asyncio_differs("3.14.9", "gh-159049: the waiter stays in a reference cycle")
@pytest.mark.parametrize("start_tls", [False, True])
def test_the_protocol_of_a_failed_handshake_is_freed(stage: Stage, start_tls: bool) -> None:
    aio = stage.aio

    class Quiet(aio.Protocol):  # type: ignore[misc, name-defined]
        """A protocol that supports weak references."""

    async def fail_to_connect(ours: socket.socket) -> weakref.ref[Any]:
        loop, protocol = aio.get_running_loop(), Quiet()
        options: dict[str, Any] = {"server_hostname": NAME}
        try:
            if start_tls:
                transport, _ = await loop.create_connection(aio.Protocol, sock=ours)
                await loop.start_tls(transport, protocol, client_context(), **options)
            options["ssl"] = client_context()
            await loop.create_connection(lambda: protocol, sock=ours, **options)
        except OSError:
            return weakref.ref(protocol)
        raise AssertionError

    async def main() -> None:
        with pair() as (ours, peer), gc_disabled():
            peer.send(b"this is not TLS" * 10)
            watched = await fail_to_connect(ours)
            await aio.sleep(1)
            stage.log(watched() is None)

    assert stage.run(main) == [True]
