"""sock_sendfile and sendfile: the data sent, the file position afterwards, invalid arguments."""

from __future__ import annotations

import io
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from tests.parity.harness import Stage, attempt, attempt_await, older_asyncio_differs, outcome
from tests.parity.network import Recorder, connected, pair, unread
from tests.parity.test_tls import tls_connection

CONTENT = bytes(range(256)) * 8192


@pytest.fixture
def file(tmp_path: Path) -> Iterator[BinaryIO]:
    (tmp_path / "file").write_bytes(CONTENT)
    with (tmp_path / "file").open("rb") as opened:
        yield opened


class InMemory(io.BytesIO):
    """A file that os.sendfile() cannot send."""


class QuietRecorder(Recorder):
    """Records neither data nor pauses, since their number depends on the kernel."""

    def data_received(self, data: bytes) -> None:
        self.received += data

    def pause_writing(self) -> None: ...

    def resume_writing(self) -> None: ...


async def drain(stage: Stage, peer: socket.socket, task: Any) -> bytes:
    """Receive until `task` is done; return all data."""
    received = bytearray()
    while not task.done():
        received += unread(peer)
        await stage.aio.sleep(0)
    return bytes(received + unread(peer))


@pytest.mark.parametrize("kind", ["on disk", "in memory"])
def test_a_file_is_sent_completely_or_in_part_and_its_position_is_updated(
    stage: Stage, kind: str, file: BinaryIO
) -> None:
    aio, log = stage.aio, stage.log
    source = file if kind == "on disk" else InMemory(CONTENT)

    async def main() -> None:
        loop = aio.get_running_loop()
        for offset, count in ((0, None), (1000, 2000), (2_000_000, None), (2_097_000, 500)):
            with pair() as (ours, peer):
                sending = aio.create_task(loop.sock_sendfile(ours, source, offset, count))
                received = await drain(stage, peer, sending)
                end = None if count is None else offset + count
                log(sending.result(), received == CONTENT[offset:end], source.tell())

    assert stage.run(main) == [
        (2_097_152, True, 2_097_152),
        (2000, True, 3000),
        (97_152, True, 2_097_152),
        (152, True, 2_097_152),
    ]


def test_invalid_arguments_raise(stage: Stage, file: BinaryIO) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        loop = aio.get_running_loop()
        with pair() as (ours, _), socket.socket(type=socket.SOCK_DGRAM) as datagram:
            for sending in (
                loop.sock_sendfile(datagram, file),
                loop.sock_sendfile(ours, file, count=0),
                loop.sock_sendfile(ours, file, count="1"),
                loop.sock_sendfile(ours, file, -1),
                loop.sock_sendfile(ours, file, 1.5),
                loop.sock_sendfile(ours, InMemory(b"data"), fallback=False),
            ):
                log(await attempt_await(sending))
            with open(file.name, encoding="latin-1") as text:
                log(await attempt_await(loop.sock_sendfile(ours, text)))

    assert stage.run(main) == [
        "raised ValueError: only SOCK_STREAM type sockets are supported",
        "raised ValueError: count must be a positive integer (got 0)",
        "raised TypeError: count must be a positive integer (got '1')",
        "raised ValueError: offset must be a non-negative integer (got -1)",
        "raised TypeError: offset must be a non-negative integer (got 1.5)",
        "raised SendfileNotAvailableError: not a regular file",
        "raised ValueError: file should be opened in binary mode",
    ]


def test_a_peer_that_closes_during_the_transfer_is_an_error(stage: Stage, file: BinaryIO) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        loop = aio.get_running_loop()
        for source in (file, InMemory(CONTENT)):
            with pair() as (ours, peer):
                sending = aio.create_task(loop.sock_sendfile(ours, source))
                await aio.sleep(1)
                peer.recv(1000)
                peer.close()
                await aio.wait([sending])
                log(outcome(sending), 0 <= source.tell() < len(CONTENT), loop.remove_writer(ours))

    assert stage.run(main) == [
        ("raised BrokenPipeError: [Errno 32] Broken pipe", True, False),
        ("raised BrokenPipeError: [Errno 32] Broken pipe", True, False),
    ]


def test_a_cancelled_sock_sendfile_leaves_the_socket_alone(stage: Stage, file: BinaryIO) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        loop = aio.get_running_loop()
        with pair() as (ours, peer):
            sending = aio.create_task(loop.sock_sendfile(ours, file))
            await aio.sleep(1)
            sending.cancel()
            await aio.wait([sending])
            log(outcome(sending), loop.remove_writer(ours))
            log(0 < len(unread(peer)) < len(CONTENT))

    assert stage.run(main) == [("cancelled", False), True]


@pytest.mark.parametrize("kind", ["on disk", "in memory"])
def test_a_transport_sends_a_file_between_earlier_and_later_writes(
    stage: Stage, kind: str, file: BinaryIO
) -> None:
    aio, log = stage.aio, stage.log
    before, after = b"before" * 100_000, b"after" * 1000
    source = file if kind == "on disk" else InMemory(CONTENT)

    async def main() -> None:
        loop = aio.get_running_loop()
        protocol = QuietRecorder(stage)
        async with connected(stage, protocol) as (transport, peer):
            transport.write(before)
            sending = aio.create_task(loop.sendfile(transport, source))
            received = await drain(stage, peer, sending)
            log(sending.result(), source.tell(), transport.get_protocol() is protocol)
            transport.write(after)
            while transport.get_write_buffer_size():
                received += unread(peer)
                await aio.sleep(0)
            log(received + unread(peer) == before + CONTENT + after)
            peer.send(b"an answer")
            await aio.sleep(1)
            log(bytes(protocol.received), transport.get_write_buffer_limits())

    assert stage.run(main) == [
        ("protocol", "made"),
        (2_097_152, 2_097_152, True),
        True,
        (b"an answer", (16384, 65536)),
        ("protocol", "lost", None),
    ]


@older_asyncio_differs("3.12", "writelines() calls write(), whose name is in the message")
def test_writing_during_sendfile_raises(stage: Stage, file: BinaryIO) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        loop = aio.get_running_loop()
        async with connected(stage, QuietRecorder(stage)) as (transport, peer):
            sending = aio.create_task(loop.sendfile(transport, file))
            await aio.sleep(1)
            log(attempt(transport.write, b"data"), attempt(transport.writelines, [b"data"]))
            log(transport.is_reading())
            log(await drain(stage, peer, sending) == CONTENT, transport.is_reading())

    assert stage.run(main) == [
        ("protocol", "made"),
        (
            "raised RuntimeError: unable to write; sendfile is in progress",
            "raised RuntimeError: unable to writelines; sendfile is in progress",
        ),
        False,
        (True, True),
        ("protocol", "lost", None),
    ]


@older_asyncio_differs("3.12", "writelines() calls write(), whose name is in the message")
def test_writing_raises_while_sendfile_waits_for_the_buffer(stage: Stage, file: BinaryIO) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        loop = aio.get_running_loop()
        async with connected(stage, QuietRecorder(stage)) as (transport, peer):
            transport.write(CONTENT)
            sending = aio.create_task(loop.sendfile(transport, file))
            await aio.sleep(1)
            log(attempt(transport.write, b"data"), attempt(transport.writelines, [b"data"]))
            log(await drain(stage, peer, sending) == CONTENT * 2)

    assert stage.run(main) == [
        ("protocol", "made"),
        (
            "raised RuntimeError: unable to write; sendfile is in progress",
            "raised RuntimeError: unable to writelines; sendfile is in progress",
        ),
        True,
        ("protocol", "lost", None),
    ]


def test_sendfile_raises_for_a_closing_transport_and_for_datagrams(
    stage: Stage, file: BinaryIO
) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        loop = aio.get_running_loop()
        async with connected(stage, QuietRecorder(stage)) as (transport, _):
            transport.close()
            log(await attempt_await(loop.sendfile(transport, file)))
        datagrams, _ = await loop.create_datagram_endpoint(
            aio.DatagramProtocol, family=socket.AF_INET
        )
        log((await attempt_await(loop.sendfile(datagrams, file))).partition("<")[0])
        datagrams.close()
        await aio.sleep(0)

    assert stage.run(main) == [
        ("protocol", "made"),
        "raised RuntimeError: Transport is closing",
        ("protocol", "lost", None),
        "raised RuntimeError: sendfile is not supported for transport ",
    ]


def test_over_tls_connection_lost_is_called_too(stage: Stage, file: BinaryIO) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        protocol = QuietRecorder(stage)
        async with tls_connection(stage, protocol) as (transport, _):
            sending = aio.create_task(aio.get_running_loop().sendfile(transport, file))
            await aio.sleep(1)
            transport.abort()
            await aio.wait([sending])
            log(isinstance(sending.exception(), ConnectionError), protocol.lost.done())

    assert stage.run(main) == [("protocol", "made"), ("protocol", "lost", None), (True, True)]


def test_a_lost_connection_makes_sendfile_raise(stage: Stage, file: BinaryIO) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        loop = aio.get_running_loop()
        protocol = QuietRecorder(stage)
        async with connected(stage, protocol) as (transport, peer):
            sending = aio.create_task(loop.sendfile(transport, file))
            await aio.sleep(1)
            peer.recv(1000)
            peer.close()
            await aio.wait([sending])
            log(isinstance(sending.exception(), ConnectionError), 0 < file.tell() < len(CONTENT))
            await protocol.lost

    stage.run(main)
    assert stage.log[:2] == [("protocol", "made"), (True, True)]


@older_asyncio_differs("3.14.6", "gh-150107: sends from the file's position, or leaves it there")
def test_the_file_is_sent_from_the_offset_and_not_from_its_position(stage: Stage) -> None:
    log = stage.log

    async def main() -> None:
        loop = stage.aio.get_running_loop()
        for offset in (0, 20):
            file = InMemory(b"0123456789")
            file.seek(5)
            with pair() as (ours, peer):
                sent = await loop.sock_sendfile(ours, file, offset)
                log(sent, unread(peer), file.tell())

    assert stage.run(main) == [(10, b"0123456789", 10), (0, b"", 20)]


@older_asyncio_differs("3.14.6", "gh-150107: leaves the position as it is")
def test_the_position_is_the_offset_if_nothing_was_sent(stage: Stage, file: BinaryIO) -> None:
    async def main() -> None:
        with pair() as (ours, _):
            sending = stage.aio.get_running_loop().sock_sendfile(ours, file, len(CONTENT) + 1)
            stage.log(await sending, file.tell() - len(CONTENT))

    assert stage.run(main) == [(0, 1)]
