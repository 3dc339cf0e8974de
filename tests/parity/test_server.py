"""Server: when it listens, how it closes, and what happens to its connections."""

from __future__ import annotations

import errno
import os
import select
import socket
from typing import Any

from tests.parity.harness import Stage, attempt_await, older_asyncio_differs, outcome
from tests.parity.network import HOST, MORE_THAN_A_SOCKET_HOLDS, Recorder, listener


class Client:
    """A client of a server, and the protocol that the server has made for it."""

    def __init__(self, stage: Stage) -> None:
        self.aio = stage.aio
        self.stage = stage
        self.protocol: Any = None
        self.connected = stage.aio.Event()
        self.sock = socket.socket()
        self.sock.setblocking(False)

    def factory(self) -> Any:
        client = self

        class Connected(Recorder):
            def connection_made(self, transport: Any) -> None:
                super().connection_made(transport)
                client.protocol = self
                client.connected.set()

        return Connected(self.stage)

    async def connect(self, server: Any) -> None:
        """Connect, and wait until the server has called connection_made()."""
        address = server.sockets[0].getsockname()
        await self.aio.get_running_loop().sock_connect(self.sock, address)
        await self.connected.wait()

    async def receive(self) -> bytes:
        """Receive everything up to eof."""
        loop = self.aio.get_running_loop()
        pieces = []
        while piece := await loop.sock_recv(self.sock, 1_000_000):
            pieces.append(piece)
        return b"".join(pieces)


MADE = ("protocol", "made")
EOF = ("protocol", "eof")
LOST = ("protocol", "lost", None)


def test_a_server_listens_only_after_start_serving(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        loop = aio.get_running_loop()
        client = Client(stage)
        server = await loop.create_server(client.factory, HOST, 0, start_serving=False)
        log(server.is_serving(), len(server.sockets), server.get_loop() is loop)
        with socket.socket() as early:
            early.setblocking(False)
            message = await attempt_await(loop.sock_connect(early, server.sockets[0].getsockname()))
            log(message.partition(":")[0])
        log(await server.start_serving(), server.is_serving())
        log(await server.start_serving(), server.is_serving())
        with client.sock:
            await client.connect(server)
        await client.protocol.lost
        server.close()
        await server.wait_closed()

    assert stage.run(main, real=True) == [
        (False, 1, True),
        "raised ConnectionRefusedError",
        (None, True),
        (None, True),
        MADE,
        EOF,
        LOST,
    ]


def test_a_closed_server_has_no_sockets_and_stays_closed(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        server = await aio.get_running_loop().create_server(aio.Protocol, HOST, 0)
        address = server.sockets[0].getsockname()
        log(server.is_serving(), server.close(), server.close())
        log(server.is_serving(), server.sockets, await server.wait_closed())
        message = await attempt_await(aio.open_connection(*address))
        log(message.partition(":")[0])
        log((await attempt_await(server.serve_forever())).partition("<")[0])

    assert stage.run(main, real=True) == [
        (True, None, None),
        (False, (), None),
        "raised ConnectionRefusedError",
        "raised RuntimeError: server ",
    ]


def test_a_server_is_closed_at_the_end_of_async_with(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        async with await aio.get_running_loop().create_server(aio.Protocol, HOST, 0) as server:
            log(server.is_serving())
        log(server.is_serving(), server.sockets)
        try:
            async with await aio.get_running_loop().create_server(aio.Protocol, HOST, 0) as server:
                raise ValueError("in the block")
        except ValueError as error:
            log(str(error), server.is_serving())

    assert stage.run(main, real=True) == [True, (False, ()), ("in the block", False)]


def test_serve_forever_serves_until_it_is_cancelled(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        client = Client(stage)
        server = await aio.get_running_loop().create_server(
            client.factory, HOST, 0, start_serving=False
        )
        serving = aio.create_task(server.serve_forever())
        await aio.sleep(0)
        log(server.is_serving())
        with client.sock:
            await client.connect(server)
        await client.protocol.lost
        serving.cancel()
        await aio.wait([serving])
        log(outcome(serving), server.is_serving(), server.sockets)

    assert stage.run(main, real=True) == [True, MADE, EOF, LOST, ("cancelled", False, ())]


def test_serve_forever_is_cancelled_if_the_server_is_closed(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        server = await aio.get_running_loop().create_server(aio.Protocol, HOST, 0)
        serving = aio.create_task(server.serve_forever())
        await aio.sleep(0)
        message = await attempt_await(server.serve_forever())
        log(message.partition("<")[0], message.rpartition(">")[2])
        server.close()
        await aio.wait([serving])
        log(outcome(serving))

    assert stage.run(main, real=True) == [
        ("raised RuntimeError: server ", " is already being awaited on serve_forever()"),
        "cancelled",
    ]


def test_connections_stay_open_when_the_server_is_closed(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        client = Client(stage)
        server = await aio.get_running_loop().create_server(client.factory, HOST, 0)
        with client.sock:
            await client.connect(server)
            server.close()
            log("closed", client.protocol.transport.is_closing())
            client.protocol.transport.write(b"still open")
            log(await aio.get_running_loop().sock_recv(client.sock, 100))
        await client.protocol.lost

    assert stage.run(main, real=True) == [MADE, ("closed", False), b"still open", EOF, LOST]


@older_asyncio_differs("3.12", "wait_closed() returns immediately")
def test_wait_closed_waits_for_the_last_connection(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        client = Client(stage)
        server = await aio.get_running_loop().create_server(client.factory, HOST, 0)
        with client.sock:
            await client.connect(server)
            waiting = aio.create_task(server.wait_closed())
            server.close()
            await aio.sleep(0)
            await aio.sleep(0)
            log("waiting", waiting.done())
        await waiting
        log("closed")

    assert stage.run(main, real=True) == [MADE, ("waiting", False), EOF, LOST, "closed"]


def test_wait_closed_waits_for_close(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        server = await aio.get_running_loop().create_server(aio.Protocol, HOST, 0)
        waiting = [aio.create_task(server.wait_closed()) for _ in range(2)]
        await aio.sleep(1)
        log([task.done() for task in waiting])
        waiting[0].cancel()
        await aio.wait(waiting[:1])
        server.close()
        await waiting[1]
        log([outcome(task) for task in waiting])

    assert stage.run(main) == [[False, False], ["cancelled", "returned None"]]


@older_asyncio_differs("3.13", "close_clients() does not exist")
def test_close_clients_sends_the_buffered_data_before_it_closes(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        client = Client(stage)
        server = await aio.get_running_loop().create_server(client.factory, HOST, 0)
        with client.sock:
            await client.connect(server)
            client.protocol.transport.write(bytes(MORE_THAN_A_SOCKET_HOLDS))
            server.close()
            server.close_clients()
            log("closing", client.protocol.transport.is_closing())
            log(len(await client.receive()) == MORE_THAN_A_SOCKET_HOLDS)
            await server.wait_closed()
            log("closed")

    assert stage.run(main, real=True) == [
        MADE,
        ("protocol", "pause"),
        ("closing", True),
        ("protocol", "resume"),
        LOST,
        True,
        "closed",
    ]


@older_asyncio_differs("3.13", "abort_clients() does not exist")
def test_abort_clients_closes_connections_immediately(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        client = Client(stage)
        server = await aio.get_running_loop().create_server(client.factory, HOST, 0)
        with client.sock:
            await client.connect(server)
            client.protocol.transport.write(bytes(MORE_THAN_A_SOCKET_HOLDS))
            server.close()
            server.abort_clients()
            await server.wait_closed()
            log("closed", len(await client.receive()) < MORE_THAN_A_SOCKET_HOLDS)

    assert stage.run(main, real=True) == [MADE, ("protocol", "pause"), LOST, ("closed", True)]


def test_a_server_can_listen_on_several_hosts_or_on_a_given_socket(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        create = aio.get_running_loop().create_server
        async with await create(aio.Protocol, [HOST, "127.0.0.2", HOST], 0) as server:
            log(sorted(sock.getsockname()[0] for sock in server.sockets))
        with socket.socket() as sock:
            sock.bind((HOST, 0))
            address = sock.getsockname()
            async with await create(aio.Protocol, sock=sock, backlog=1) as server:
                log([sock.getsockname() == address for sock in server.sockets])
                log(sock.getblocking())
            log(sock.fileno())

    assert stage.run(main, real=True) == [["127.0.0.1", "127.0.0.2"], [True], False, -1]


@older_asyncio_differs("3.13", "the errno is missing")
def test_create_server_reports_why_it_cannot_bind(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        create = aio.get_running_loop().create_server
        with listener() as listening:
            port = listening.getsockname()[1]
            message = await attempt_await(create(aio.Protocol, HOST, port))
            log(message.replace(str(port), "PORT"))

    reason = "('127.0.0.1', PORT): [errno 98] address already in use"
    assert stage.run(main, real=True) == [
        f"raised OSError: [Errno 98] error while attempting to bind on address {reason}"
    ]


def test_create_server_rejects_contradictory_arguments(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        create = aio.get_running_loop().create_server
        with socket.socket() as sock, socket.socket(type=socket.SOCK_DGRAM) as datagram:
            log(await attempt_await(create(aio.Protocol)))
            log(await attempt_await(create(aio.Protocol, HOST, 1, sock=sock)))
            log((await attempt_await(create(aio.Protocol, sock=datagram))).partition(", got")[0])

    assert stage.run(main) == [
        "raised ValueError: Neither host/port nor sock were specified",
        "raised ValueError: host/port and sock can not be specified at the same time",
        "raised ValueError: A Stream Socket was expected",
    ]


class Exhausted(socket.socket):
    """A listening socket of a process that has no free file descriptor for some time."""

    out_of_descriptors = True

    def accept(self) -> tuple[socket.socket, Any]:
        if self.out_of_descriptors:
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        return super().accept()


def test_a_server_without_free_descriptors_tries_again_after_a_second(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    class Timed(Recorder):
        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            log("accepted", stage.now)
            transport.abort()

    async def main() -> None:
        loop = aio.get_running_loop()
        reports: list[str] = []
        # The backlog decides how often the failure is reported.
        loop.set_exception_handler(lambda _, context: reports.append(context["message"]))
        listening = Exhausted()
        listening.bind((HOST, 0))
        listening.listen()
        with socket.create_connection(listening.getsockname()):
            select.select([listening], [], [])
            async with await loop.create_server(lambda: Timed(stage), sock=listening) as server:
                await aio.sleep(0.5)
                log(set(reports), server.is_serving())
                listening.out_of_descriptors = False
                await aio.sleep(2)

    assert stage.run(main) == [
        ({"socket.accept() out of system resource"}, True),
        MADE,
        ("accepted", 1.0),
        LOST,
    ]


@older_asyncio_differs("3.14.7", "gh-123720: leaves its clients open; 3.12 waits for them")
def test_a_cancelled_serve_forever_closes_its_clients(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        client = Client(stage)
        server = await aio.get_running_loop().create_server(client.factory, HOST, 0)
        serving = aio.ensure_future(server.serve_forever())
        await client.connect(server)
        serving.cancel()
        done, _ = await aio.wait([serving], timeout=1)
        log(len(done), serving.cancelled())
        client.protocol.transport.abort()
        await aio.wait([serving])
        client.sock.close()

    assert stage.run(main, real=True) == [MADE, LOST, (1, True)]


@older_asyncio_differs("3.14", "gh-90871, gh-127529: stops after `backlog` or an abort")
def test_a_server_accepts_the_backlog_and_one_more_without_those_that_are_gone(
    stage: Stage,
) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        loop = aio.get_running_loop()
        with listener() as listening:
            accepted: list[str] = []

            class Listening(socket.socket):
                def accept(self) -> Any:
                    accepted.append("gone")
                    raise ConnectionAbortedError

            sock = Listening(fileno=listening.detach())
            server = await loop.create_server(aio.Protocol, sock=sock, backlog=2)
            with socket.create_connection(sock.getsockname()):
                await aio.sleep(0)
                await aio.sleep(0)
                log(len(accepted))
            server.close()

    assert stage.run(main, real=True) == [3]
