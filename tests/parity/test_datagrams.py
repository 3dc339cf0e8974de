"""Datagram endpoints: sending, receiving, errors and invalid arguments."""

from __future__ import annotations

import contextlib
import socket
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

from tests.parity.harness import Stage, attempt, attempt_await, describe, older_asyncio_differs
from tests.parity.network import HOST


class Datagrams:
    """A protocol that records each call."""

    def __init__(self, stage: Stage) -> None:
        self.log = stage.log
        self.lost: Any = stage.aio.get_running_loop().create_future()
        self.arrived = stage.aio.Queue()

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.log("made")

    def datagram_received(self, data: bytes, address: Any) -> None:
        self.log("received", data)
        self.arrived.put_nowait(address)

    def error_received(self, error: OSError) -> None:
        self.log("error", describe(error))
        self.arrived.put_nowait(None)

    def pause_writing(self) -> None:
        self.log("pause")

    def resume_writing(self) -> None:
        self.log("resume")

    def connection_lost(self, error: Exception | None) -> None:
        self.log("lost", error and describe(error))
        self.lost.set_result(None)


@contextlib.asynccontextmanager
async def endpoint(stage: Stage, **options: Any) -> AsyncIterator[tuple[Any, Datagrams]]:
    loop = stage.aio.get_running_loop()
    transport, protocol = await loop.create_datagram_endpoint(lambda: Datagrams(stage), **options)
    try:
        yield transport, protocol
    finally:
        transport.close()
        await protocol.lost


@contextlib.contextmanager
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Yield two sockets connected by name: asyncio needs one, and a socketpair has none."""
    unix = (socket.AF_UNIX, socket.SOCK_DGRAM)
    with (
        tempfile.TemporaryDirectory() as folder,
        socket.socket(*unix) as ours,
        socket.socket(*unix) as peer,
    ):
        peer.bind(f"{folder}/peer")
        ours.connect(f"{folder}/peer")
        peer.setblocking(False)
        yield ours, peer


def all_of(peer: socket.socket) -> list[bytes]:
    datagrams = []
    with contextlib.suppress(BlockingIOError):
        while True:
            datagrams.append(peer.recv(65536))
    return datagrams


def test_a_server_can_reply_to_the_sender_of_a_datagram(stage: Stage) -> None:
    log = stage.log

    async def main() -> None:
        async with endpoint(stage, local_addr=(HOST, 0)) as (server, serving):
            address = server.get_extra_info("sockname")
            log(server.get_extra_info("peername"))
            async with endpoint(stage, remote_addr=address) as (client, asking):
                log(client.get_extra_info("peername") == address)
                client.sendto(b"question")
                asker = await serving.arrived.get()
                log(asker == client.get_extra_info("sockname"))
                server.sendto(b"answer", asker)
                log(await asking.arrived.get() == address)
                client.sendto(b"another", address)
                await serving.arrived.get()

    assert stage.run(main, real=True) == [
        "made",
        None,
        "made",
        True,
        ("received", b"question"),
        True,
        ("received", b"answer"),
        True,
        ("received", b"another"),
        ("lost", None),
        ("lost", None),
    ]


def test_a_connected_endpoint_sends_only_to_its_peer(stage: Stage) -> None:
    log = stage.log

    async def main() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
            peer.bind((HOST, 0))
            port = peer.getsockname()[1]
            async with endpoint(stage, remote_addr=(HOST, port)) as (transport, _):
                message = attempt(transport.sendto, b"data", (HOST, 1))
                log(message.replace(str(port), "PORT"))
                log(attempt(transport.sendto, "text", None))
                log(attempt(transport.sendto, b"data", (HOST, port)))
                log(peer.recv(10))

    assert stage.run(main, real=True) == [
        "made",
        "raised ValueError: Invalid address: must be None or ('127.0.0.1', PORT)",
        "raised TypeError: data argument must be a bytes-like object, not 'str'",
        "returned None",
        b"data",
        ("lost", None),
    ]


def test_error_received_is_called_if_nothing_listens_and_the_endpoint_stays_open(
    stage: Stage,
) -> None:
    log = stage.log

    async def main() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
            silent.bind((HOST, 0))
            address = silent.getsockname()
        async with endpoint(stage, remote_addr=address) as (transport, protocol):
            transport.sendto(b"anybody there?")
            await protocol.arrived.get()
            log(transport.is_closing())

    assert stage.run(main, real=True) == [
        "made",
        ("error", "ConnectionRefusedError: [Errno 111] Connection refused"),
        False,
        ("lost", None),
    ]


def test_datagrams_that_the_kernel_does_not_accept_are_buffered(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        with pair() as (ours, peer):
            async with endpoint(stage, sock=ours) as (transport, _):
                transport.set_write_buffer_limits(high=3000, low=1000)
                sent: list[bytes] = []
                while "pause" not in log and len(sent) < 10_000:
                    sent.append(b"%04d" % len(sent) * 250)
                    transport.sendto(sent[-1])
                received = []
                for _ in sent:
                    received += all_of(peer)
                    await aio.sleep(0)
                log(received == sent)

    assert stage.run(main) == ["made", "pause", "resume", True, ("lost", None)]


def test_close_sends_the_buffered_datagrams_and_abort_drops_them(stage: Stage) -> None:
    log = stage.log

    async def main() -> None:
        for leave in ("close", "abort"):
            with pair() as (ours, peer):
                async with endpoint(stage, sock=ours) as (transport, protocol):
                    count = 0
                    while not transport.get_write_buffer_size() and count < 10_000:
                        transport.sendto(b"data" * 100)
                        count += 1
                    getattr(transport, leave)()
                    received = all_of(peer)
                    await protocol.lost
                    received += all_of(peer)
                    log(leave, len(received) - count, transport.is_closing())

    assert stage.run(main) == [
        "made",
        ("lost", None),
        ("close", 0, True),
        "made",
        ("lost", None),
        ("abort", -1, True),
    ]


@older_asyncio_differs("3.13", "empty datagrams are not sent")
def test_a_datagram_may_be_empty(stage: Stage) -> None:
    log = stage.log

    async def main() -> None:
        with pair() as (ours, peer):
            async with endpoint(stage, sock=ours) as (transport, _):
                transport.sendto(b"")
                transport.sendto(bytearray(b"full"))
                transport.sendto(memoryview(b"view"))
                log(all_of(peer))

    assert stage.run(main) == ["made", [b"", b"full", b"view"], ("lost", None)]


def test_an_invalid_address_closes_the_endpoint_and_is_reported(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        aio.get_running_loop().set_exception_handler(stage.report)
        async with endpoint(stage, local_addr=(HOST, 0)) as (transport, _):
            transport.sendto(b"data", "invalid")
            log(transport.is_closing())

    assert stage.run(main, real=True) == [
        "made",
        (
            "report",
            "Fatal write error on datagram transport",
            "TypeError: sendto(): AF_INET address must be tuple, not str",
        ),
        True,
        ("lost", "TypeError: sendto(): AF_INET address must be tuple, not str"),
    ]


def test_unix_endpoints_use_paths_and_replace_an_old_socket_file(
    stage: Stage, tmp_path: Path
) -> None:
    log = stage.log
    here, there = str(tmp_path / "here"), str(tmp_path / "there")
    unix: dict[str, Any] = {"family": socket.AF_UNIX}

    async def main() -> None:
        for _ in range(2):
            async with endpoint(stage, local_addr=there, **unix) as (_, protocol):
                options = {"local_addr": here, "remote_addr": there, **unix}
                async with endpoint(stage, **options) as (transport, _):
                    transport.sendto(b"data")
                    log(await protocol.arrived.get() == here)

    assert (
        stage.run(main)
        == ["made", "made", ("received", b"data"), True, ("lost", None), ("lost", None)] * 2
    )


@older_asyncio_differs("3.13", "the message says UDP instead of datagram")
def test_invalid_arguments_raise(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        loop = aio.get_running_loop()

        async def attempt_with(**options: Any) -> None:
            message = await attempt_await(
                loop.create_datagram_endpoint(aio.DatagramProtocol, **options)
            )
            log(message.partition("<")[0])

        with socket.socket() as stream, socket.socket(type=socket.SOCK_DGRAM) as datagram:
            await attempt_with()
            await attempt_with(sock=stream)
            await attempt_with(sock=datagram, local_addr=(HOST, 0), reuse_port=True)
            await attempt_with(local_addr="localhost")
            await attempt_with(remote_addr=(HOST, 1, 2))
            await attempt_with(local_addr=(HOST, 0), family=socket.AF_UNIX)
            await attempt_with(local_addr=(HOST, 0), remote_addr=("::1", 1))

    assert stage.run(main) == [
        "raised ValueError: unexpected address family",
        "raised ValueError: A datagram socket was expected, got ",
        (
            "raised ValueError: socket modifier keyword arguments can not be used when sock is "
            "specified. (local_addr=('127.0.0.1', 0), reuse_port=True)"
        ),
        "raised TypeError: 2-tuple is expected",
        "raised TypeError: 2-tuple is expected",
        "raised TypeError: string is expected",
        "raised ValueError: can not get address information",
    ]


def test_a_failure_to_bind_is_raised_and_options_are_set(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        loop = aio.get_running_loop()
        with socket.socket(type=socket.SOCK_DGRAM) as taken:
            taken.bind((HOST, 0))
            address = taken.getsockname()
            opening = loop.create_datagram_endpoint(lambda: Datagrams(stage), local_addr=address)
            log(await attempt_await(opening))
        options = {"reuse_port": True, "allow_broadcast": True}
        async with endpoint(stage, local_addr=(HOST, 0), **options) as (transport, _):
            sock = transport.get_extra_info("socket")
            for option in (socket.SO_REUSEPORT, socket.SO_BROADCAST):
                log(sock.getsockopt(socket.SOL_SOCKET, option) != 0)

    assert stage.run(main, real=True) == [
        "raised OSError: [Errno 98] Address already in use",
        "made",
        True,
        True,
        ("lost", None),
    ]
