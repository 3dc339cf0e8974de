"""Context variables: which context a callback or a task runs in."""

from __future__ import annotations

import contextvars
import socket
from contextvars import ContextVar
from typing import Any

from tests.parity.harness import Stage, older_asyncio_differs
from tests.parity.network import HOST, Recorder, connected

variable: ContextVar[str] = ContextVar("variable", default="unset")


def test_a_task_copies_the_context_it_is_created_in(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def child() -> None:
        log("child sees", variable.get())
        variable.set("set by the child")
        await aio.sleep(0)
        log("child keeps", variable.get())

    async def main() -> None:
        variable.set("set before")
        task = aio.create_task(child())
        variable.set("set after")
        await task
        log("main keeps", variable.get())

    assert stage.run(main) == [
        ("child sees", "set before"),
        ("child keeps", "set by the child"),
        ("main keeps", "set after"),
    ]


def test_an_awaited_coroutine_shares_the_context(stage: Stage) -> None:
    async def callee() -> None:
        variable.set("set by the callee")

    async def main() -> None:
        await callee()
        stage.log(variable.get())

    assert stage.run(main) == ["set by the callee"]


def test_create_task_accepts_a_context(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def child() -> str:
        before = variable.get()
        variable.set(f"{before}, changed")
        return before

    async def main() -> None:
        loop = aio.get_running_loop()
        context = contextvars.copy_context()
        context.run(variable.set, "given")
        log(await aio.create_task(child(), context=context))
        log(await loop.create_task(child(), context=context))
        log(context[variable], variable.get())

    assert stage.run(main) == ["given", "given, changed", ("given, changed, changed", "unset")]


def test_callbacks_run_in_the_context_they_were_scheduled_in(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    def callback(name: str) -> None:
        log(name, variable.get())
        variable.set(f"set by {name}")

    async def main() -> None:
        loop = aio.get_running_loop()
        variable.set("when scheduled")
        loop.call_soon(callback, "call_soon")
        loop.call_later(1, callback, "call_later")
        loop.call_at(2, callback, "call_at")
        loop.call_soon_threadsafe(callback, "call_soon_threadsafe")
        variable.set("later")
        await aio.sleep(3)
        log("main", variable.get())

    assert stage.run(main) == [
        ("call_soon", "when scheduled"),
        ("call_soon_threadsafe", "when scheduled"),
        ("call_later", "when scheduled"),
        ("call_at", "when scheduled"),
        ("main", "later"),
    ]


def test_callbacks_accept_a_context(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    def callback(name: str) -> None:
        log(name, variable.get())
        variable.set(f"set by {name}")

    async def main() -> None:
        loop = aio.get_running_loop()
        context = contextvars.copy_context()
        context.run(variable.set, "given")
        loop.call_soon(callback, "call_soon", context=context)
        loop.call_soon_threadsafe(callback, "call_soon_threadsafe", context=context)
        loop.call_later(1, callback, "call_later", context=context)
        loop.call_at(2, callback, "call_at", context=context)
        await aio.sleep(3)
        log("main", variable.get())

    assert stage.run(main) == [
        ("call_soon", "given"),
        ("call_soon_threadsafe", "set by call_soon"),
        ("call_later", "set by call_soon_threadsafe"),
        ("call_at", "set by call_later"),
        ("main", "unset"),
    ]


def test_done_callbacks_run_in_the_context_they_were_added_in(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        future = aio.Future()
        given = contextvars.copy_context()
        given.run(variable.set, "given")
        variable.set("when added")
        future.add_done_callback(lambda _: log("by default", variable.get()))
        future.add_done_callback(lambda _: log("with a context", variable.get()), context=given)
        variable.set("when done")
        future.set_result(None)
        variable.set("later")
        await aio.sleep(0)

    assert stage.run(main) == [("by default", "when added"), ("with a context", "given")]


def test_done_callbacks_of_a_task_do_not_see_its_context(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def child() -> None:
        variable.set("set by the child")

    async def main() -> None:
        variable.set("set by main")
        task = aio.create_task(child())
        task.add_done_callback(lambda _: log(variable.get()))
        await task
        await aio.sleep(0)

    assert stage.run(main) == ["set by main"]


def test_gather_and_groups_copy_the_context_for_every_child(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def child(name: str) -> None:
        seen = variable.get()
        variable.set(name)
        await aio.sleep(0)
        log(name, "saw", seen, "and keeps", variable.get())

    async def main() -> None:
        variable.set("main's")
        await aio.gather(child("a"), child("b"))
        async with aio.TaskGroup() as group:
            group.create_task(child("c"))
        log(variable.get())

    assert stage.run(main) == [
        ("a", "saw", "main's", "and keeps", "a"),
        ("b", "saw", "main's", "and keeps", "b"),
        ("c", "saw", "main's", "and keeps", "c"),
        "main's",
    ]


def test_to_thread_copies_the_context_and_run_in_executor_does_not(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        variable.set("main's")
        log("to_thread", await aio.to_thread(variable.get))
        executor_sees = await aio.get_running_loop().run_in_executor(None, variable.get)
        log("run_in_executor", executor_sees)

    assert stage.run(main) == [("to_thread", "main's"), ("run_in_executor", "unset")]


@older_asyncio_differs("3.12", "the handler runs in the context of the loop")
def test_an_exception_handler_runs_in_the_context_of_the_callback_that_raised(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    def handler(_: Any, context: dict[str, Any]) -> None:
        log(variable.get())

    async def main() -> None:
        loop = aio.get_running_loop()
        loop.set_exception_handler(handler)
        variable.set("of the failing callback")
        loop.call_soon(lambda: 1 / 0)
        variable.set("later")
        await aio.sleep(0)

    assert stage.run(main) == ["of the failing callback"]


class Variable(Recorder):
    """Records the variable in each callback, and sets it."""

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self.log(variable.get())
        variable.set("set in connection_made()")

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self.log(variable.get())
        variable.set("set in data_received()")

    def connection_lost(self, error: Exception | None) -> None:
        self.log(variable.get())
        super().connection_lost(error)


CALLBACKS = [
    "set in connection_made()",
    ("protocol", "eof"),
    "set in data_received()",
    ("protocol", "lost", None),
]


@older_asyncio_differs("3.15", "gh-140947: each callback has a context of its own")
def test_all_callbacks_of_a_connection_share_one_context(stage: Stage) -> None:
    log = stage.log

    async def main() -> None:
        variable.set("set before")
        protocol = Variable(stage)
        async with connected(stage, protocol) as (_, peer):
            variable.set("set after")
            peer.send(b"data")
            peer.close()
            await protocol.lost
        log(variable.get())

    assert stage.run(main) == [
        ("protocol", "made"),
        "set before",
        ("protocol", "received", b"data"),
        *CALLBACKS,
        "set after",
    ]


@older_asyncio_differs("3.15", "gh-140947: each callback has a context of its own")
def test_connections_of_a_server_start_in_the_context_of_its_creation(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        protocols: list[Any] = []

        def factory() -> Any:
            log("factory", variable.get())
            variable.set("set by the factory")
            protocols.append(Variable(stage))
            return protocols[-1]

        variable.set("set before")
        server = await aio.get_running_loop().create_server(factory, HOST, 0, start_serving=False)
        variable.set("set after")
        await server.start_serving()
        for count in (1, 2):
            with socket.create_connection(server.sockets[0].getsockname()) as peer:
                peer.send(b"data")
                peer.shutdown(socket.SHUT_WR)
                while len(protocols) < count:
                    await aio.sleep(0.001)
                await protocols[-1].lost
        server.close()

    one = [
        ("factory", "set before"),
        ("protocol", "made"),
        "set by the factory",
        ("protocol", "received", b"data"),
        *CALLBACKS,
    ]
    assert stage.run(main, real=True) == one + one
