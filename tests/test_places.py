"""Names are where asyncio has them, also the private ones that libraries read."""

from __future__ import annotations

import asyncio
import asyncio.staggered
import importlib
import importlib.util
import pkgutil
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

import miniloop
import miniloop.trace.places

#: Modules of other systems, and what only `python -m asyncio` and later interpreters' tools use.
NOT_HERE = {"windows_events", "windows_utils", "proactor_events", "__main__"}


def public_names() -> Iterator[tuple[str, str]]:
    """Each module of asyncio with each name in its `__all__`, save child watchers."""
    for place in pkgutil.iter_modules(asyncio.__path__):
        if place.name not in NOT_HERE:
            module = importlib.import_module(f"asyncio.{place.name}")
            yield from ((place.name, name) for name in getattr(module, "__all__", ()))


PUBLIC = [(place, name) for place, name in public_names() if "hild" not in name]


@pytest.mark.parametrize(("place", "name"), PUBLIC)
def test_a_public_name_is_in_asyncios_module_and_is_the_packages_own(place: str, name: str) -> None:
    found = getattr(importlib.import_module(f"miniloop.{place}"), name)
    if name in miniloop.__all__:
        assert found is getattr(miniloop, name)


#: Private places that something reads, and what reads them.
READ = {
    "base_events.BaseEventLoop": "aiohttp",
    "base_events.Server": "uvicorn, websockets (in annotations)",
    "base_events._run_until_complete_cb": "anyio, to find the task that run() started",
    "base_futures.isfuture": "old applications",
    "base_subprocess.BaseSubprocessTransport": "patches of its __del__",
    "base_tasks._task_print_stack": "debuggers",
    "base_tasks._task_get_stack": "debuggers",
    "constants.ACCEPT_RETRY_DELAY": "applications",
    "constants.DEBUG_STACK_DEPTH": "applications",
    "constants.LOG_THRESHOLD_FOR_CONNLOST_WRITES": "applications",
    "constants.SENDFILE_FALLBACK_READBUFFER_SIZE": "applications",
    "constants.SSL_HANDSHAKE_TIMEOUT": "servers, for the default of an option",
    "constants.SSL_SHUTDOWN_TIMEOUT": "servers, for the default of an option",
    "events._get_running_loop": "uvloop, pytest-asyncio",
    "events._set_running_loop": "uvloop",
    "futures._PyFuture": "nest_asyncio",
    "log.logger": "uvloop",
    "mixins._LoopBoundMixin": "applications' own locks",
    "staggered.staggered_race": "aiohappyeyeballs",
    "subprocess.Process": "anyio, which makes one",
    "subprocess.SubprocessStreamProtocol": "anyio, which derives from it",
    "tasks._PyTask": "anyio's tests, nest_asyncio",
    "transports._FlowControlMixin": "uvloop",
    "trsock.TransportSocket": "PyMongo's tests",
}


@pytest.mark.parametrize("implementation", ["asyncio", "miniloop"])
@pytest.mark.parametrize("name", READ)
def test_a_private_name_that_something_reads_is_there(implementation: str, name: str) -> None:
    place, _, attribute = name.partition(".")
    module = importlib.import_module(f"{implementation}.{place}")
    assert hasattr(module, attribute)
    # As an attribute of the package as well: `import asyncio` is enough for `asyncio.log.logger`.
    assert getattr(sys.modules[implementation], place) is module


#: Private attributes of objects: an expression, what it is worth, and a reader.
ATTRIBUTES = {
    "task._callbacks": (None, "anyio, in all_tasks(), to find the task that run() started"),
    "task._fut_waiter": (None, "anyio, for wait_all_tasks_blocked()"),
    "task._must_cancel": (False, "anyio, before it cancels again"),
    "task._log_destroy_pending": (True, "tornado and nest_asyncio set it to False"),
    "task._loop is loop": (True, "anyio"),
    "future._log_traceback": (False, "websockets' tests"),
    "len(event._waiters)": (0, "anyio, for the statistics of an Event"),
    "timer._timeout_handler": (None, "async-timeout's tests"),
    "server._ssl_context": (None, "websockets' tests"),
    "server._loop is loop": (True, "servers that look for a server's loop"),
    "writer._protocol._paused": (False, "anyio, to send without an extra checkpoint"),
    "writer._transport is writer.transport": (True, "anyio, when it ends its processes"),
    "reader._transport is writer.transport": (True, "anyio, when it ends its processes"),
    "len(loop._ready)": (1, "aiostream's loop, to know when to move its clock"),
}


async def look(aio: ModuleType) -> dict[str, object]:
    """The value of every expression of ATTRIBUTES, or the exception in its place."""

    async def answer(reader: Any, writer: Any) -> None:
        await reader.read()
        writer.close()

    server = await aio.start_server(answer, "127.0.0.1", 0)
    reader, writer = await aio.open_connection(*server.sockets[0].getsockname())
    loop = aio.get_running_loop()
    task = loop.create_task(aio.sleep(0))
    objects = {"loop": loop, "task": task, "server": server, "reader": reader, "writer": writer}
    waited = {"future": loop.create_future(), "event": aio.Event(), "timer": aio.timeout(None)}
    found: dict[str, object] = {}
    for expression in ATTRIBUTES:
        try:
            found[expression] = eval(expression, {**objects, **waited})
        except AttributeError as error:
            found[expression] = repr(error)
    await task
    writer.close()
    await writer.wait_closed()
    server.close()
    await server.wait_closed()
    return found


@pytest.mark.parametrize("implementation", ["asyncio", "miniloop"])
def test_a_private_attribute_that_something_reads_means_the_same(implementation: str) -> None:
    module = sys.modules[implementation]
    found = module.run(look(module))
    assert found == {expression: value for expression, (value, _) in ATTRIBUTES.items()}


@pytest.mark.parametrize("implementation", ["asyncio", "miniloop"])
def test_the_private_attributes_of_a_task_follow_what_happens_to_it(implementation: str) -> None:
    aio: Any = sys.modules[implementation]

    async def main() -> None:
        # anyio finds the task that run_until_complete() started in this way.
        callbacks = [callback for callback, context in aio.current_task()._callbacks]
        assert callbacks == [aio.base_events._run_until_complete_cb]

        event = aio.Event()
        waiting = aio.create_task(event.wait())
        await aio.sleep(0)
        assert isinstance(waiting._fut_waiter, aio.Future)
        assert not waiting._fut_waiter.done()

        waiting.cancel()
        assert waiting._fut_waiter.cancelled()
        assert not waiting._must_cancel  # the waiter carries the cancellation to the task

        not_started = aio.create_task(aio.sleep(0))
        not_started.cancel()
        assert not_started._must_cancel
        await aio.wait([waiting, not_started])
        assert (waiting.cancelled(), not_started.cancelled()) == (True, True)
        assert (waiting._must_cancel, not_started._must_cancel) == (False, False)

    aio.run(main())


@pytest.mark.parametrize("implementation", ["asyncio", "miniloop"])
def test_log_traceback_says_whether_an_exception_would_be_logged(implementation: str) -> None:
    aio: Any = sys.modules[implementation]

    async def main() -> None:
        future = aio.get_running_loop().create_future()
        future.set_exception(ValueError("never retrieved"))
        assert future._log_traceback
        future._log_traceback = False  # silences the report

        future = aio.get_running_loop().create_future()
        future.set_exception(ValueError("retrieved"))
        assert isinstance(future.exception(), ValueError)
        assert not future._log_traceback

    aio.run(main())


def test_a_module_that_is_no_file_can_be_found() -> None:
    # find_spec() raises ValueError for a module in sys.modules that has no spec.
    assert importlib.util.find_spec("miniloop.log") is not None
