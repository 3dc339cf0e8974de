"""sendfile: connections that end during the transfer, and the state of the protocol afterwards."""

from __future__ import annotations

import errno
import gc
import io
import os
import socket
import weakref
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import pytest

import miniloop
from tests.virtual import VirtualLoop, virtual_loop

CONTENT = bytes(range(256)) * 8192

Story = Callable[[VirtualLoop, Any, "Recorder", socket.socket], Coroutine[Any, Any, None]]


@pytest.fixture
def file(tmp_path: Path) -> Iterator[BinaryIO]:
    (tmp_path / "file").write_bytes(CONTENT)
    with (tmp_path / "file").open("rb") as opened:
        yield opened


class Recorder(miniloop.Protocol):
    def __init__(self) -> None:
        self.steps: list[object] = []

    def pause_writing(self) -> None:
        self.steps.append("pause")

    def resume_writing(self) -> None:
        self.steps.append("resume")

    def data_received(self, data: bytes) -> None:
        self.steps.append(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self.steps.append(("lost", repr(exc)))


def play(story: Story) -> list[object]:
    """Run `story` with a transport and the peer's socket; return the protocol's calls."""
    ours, peer = socket.socketpair()

    async def main() -> list[object]:
        transport, protocol = await loop.create_connection(Recorder, sock=ours)
        await story(loop, transport, protocol, peer)
        transport.abort()
        await miniloop.sleep(1)
        return list(protocol.steps)

    with peer, virtual_loop() as loop:
        peer.setblocking(False)
        steps = loop.run_until_complete(main())
        assert loop.told == []
        assert len(loop.counter.get_map()) == 1, "a descriptor is still watched"
        return steps


def receive_all(peer: socket.socket) -> bytes:
    pieces = []
    try:
        while piece := peer.recv(1 << 20):
            pieces.append(piece)
    except BlockingIOError:
        return b"".join(pieces)
    return b"".join(pieces)


@pytest.mark.parametrize("leave", ["close", "abort"])
@pytest.mark.parametrize("kind", ["on disk", "in memory"])
def test_closing_the_transport_ends_the_transfer(leave: str, kind: str, file: BinaryIO) -> None:
    source = file if kind == "on disk" else io.BytesIO(CONTENT)

    async def story(loop: Any, transport: Any, protocol: Recorder, peer: socket.socket) -> None:
        sending = loop.create_task(loop.sendfile(transport, source))
        await miniloop.sleep(1)
        getattr(transport, leave)()
        with pytest.raises(ConnectionError, match=r"^Connection closed by peer$"):
            await sending
        protocol.steps.append(0 < source.tell() < len(CONTENT))

    assert play(story) == [("lost", "None"), True]


@pytest.mark.parametrize("leave", ["close", "abort"])
def test_closing_the_transport_ends_a_sendfile_that_waits_for_the_buffer(
    leave: str, file: BinaryIO
) -> None:
    async def story(loop: Any, transport: Any, protocol: Recorder, peer: socket.socket) -> None:
        transport.write(CONTENT)
        sending = loop.create_task(loop.sendfile(transport, file))
        await miniloop.sleep(1)
        getattr(transport, leave)()
        while not sending.done():
            receive_all(peer)
            await miniloop.sleep(0)
        protocol.steps.append(repr(sending.exception()))

    expected = ["pause", ("lost", "None"), "ConnectionError('Connection closed by peer')"]
    assert play(story) == expected


def test_a_second_sendfile_raises_while_one_is_in_progress(file: BinaryIO) -> None:
    async def story(loop: Any, transport: Any, protocol: Recorder, peer: socket.socket) -> None:
        sending = loop.create_task(loop.sendfile(transport, file))
        await miniloop.sleep(1)
        with pytest.raises(RuntimeError, match=r"^unable to sendfile; sendfile is in progress$"):
            await loop.sendfile(transport, file)
        received = b""
        while not sending.done():
            received += receive_all(peer)
            await miniloop.sleep(0)
        protocol.steps.append(received + receive_all(peer) == CONTENT)

    assert play(story) == [True, ("lost", "None")]


class Fallback(miniloop.Transport):
    """Wraps a socket transport like TLS does: the kernel cannot send files over it."""

    _start_tls_compatible = True

    def __init__(self, below: Any) -> None:
        super().__init__()
        self.below = below

    def __getattribute__(self, name: str) -> Any:
        if name in ("below", "_start_tls_compatible", "__class__"):
            return super().__getattribute__(name)
        return getattr(self.below, name)


def test_over_another_transport_the_file_is_read_and_written_in_blocks(file: BinaryIO) -> None:
    async def story(loop: Any, transport: Any, protocol: Recorder, peer: socket.socket) -> None:
        sending = loop.create_task(loop.sendfile(Fallback(transport), file, 1000))
        received = b""
        while not sending.done():
            assert transport.get_write_buffer_size() <= 256 * 1024, "it is written without a pause"
            received += receive_all(peer)
            await miniloop.sleep(0)
        protocol.steps += [sending.result(), transport.get_protocol() is protocol, file.tell()]
        while transport.get_write_buffer_size():
            received += receive_all(peer)
            await miniloop.sleep(0)
        protocol.steps.append(received + receive_all(peer) == CONTENT[1000:])

    steps = play(story)
    assert [step for step in steps if step not in ("pause", "resume")] == [
        len(CONTENT) - 1000,
        True,
        len(CONTENT),
        True,
        ("lost", "None"),
    ]


@pytest.mark.parametrize("leave", ["close", "abort"])
def test_closing_another_transport_ends_the_transfer_too(leave: str, file: BinaryIO) -> None:
    async def story(loop: Any, transport: Any, protocol: Recorder, peer: socket.socket) -> None:
        sending = loop.create_task(loop.sendfile(Fallback(transport), file))
        await miniloop.sleep(1)
        getattr(transport, leave)()
        while not sending.done():
            receive_all(peer)
            await miniloop.sleep(0)
        assert isinstance(sending.exception(), ConnectionError)

    assert play(story) == [("lost", "None")]


def test_without_the_fallback_only_the_kernel_sends_files(file: BinaryIO) -> None:
    async def story(loop: Any, transport: Any, protocol: Recorder, peer: socket.socket) -> None:
        with pytest.raises(RuntimeError, match="fallback is disabled and native sendfile is not"):
            await loop.sendfile(Fallback(transport), file, fallback=False)
        with pytest.raises(miniloop.SendfileNotAvailableError, match=r"^not a regular file$"):
            await loop.sendfile(transport, io.BytesIO(b"data"), fallback=False)
        protocol.steps.append((transport.is_reading(), transport.get_protocol() is protocol))
        transport.write(b"free again")
        protocol.steps.append(receive_all(peer))

    assert play(story) == [(True, True), b"free again", ("lost", "None")]


def test_a_paused_protocol_is_resumed_after_the_transfer(file: BinaryIO) -> None:
    async def story(loop: Any, transport: Any, protocol: Recorder, peer: socket.socket) -> None:
        transport.write(bytes(4 << 20))
        sending = loop.create_task(loop.sendfile(transport, file))
        while not sending.done():
            receive_all(peer)
            await miniloop.sleep(0)
        protocol.steps.append(sending.result())

    assert play(story) == ["pause", "resume", len(CONTENT), ("lost", "None")]


def test_a_protocol_stays_paused_after_the_transfer_until_the_buffer_has_drained(
    file: BinaryIO,
) -> None:
    async def story(loop: Any, transport: Any, protocol: Recorder, peer: socket.socket) -> None:
        await loop.sendfile(Fallback(transport), file, count=256 * 1024)  # one block
        protocol.steps.append(transport.get_write_buffer_size() > 0)
        while transport.get_write_buffer_size():
            receive_all(peer)
            await miniloop.sleep(0)

    assert play(story) == ["pause", True, "resume", ("lost", "None")]


def test_if_the_kernel_refuses_at_once_sendfile_is_not_available_and_later_an_error_is_raised(
    file: BinaryIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    really = os.sendfile
    calls: list[int] = []

    def failing(after: int) -> Callable[..., int]:
        def sendfile(out: int, source: int, offset: int, count: int) -> int:
            calls.append(offset)
            if len(calls) > after:
                raise OSError(errno.EIO, "the disk is broken")
            return really(out, source, offset, count)

        return sendfile

    async def story(loop: Any, after: int) -> tuple[str, int]:
        ours, peer = socket.socketpair()
        with ours, peer:
            ours.setblocking(False)
            calls.clear()
            monkeypatch.setattr(os, "sendfile", failing(after))
            with pytest.raises((OSError, RuntimeError)) as refused:
                await loop.sock_sendfile(ours, file, 10, 20_000, fallback=False)
            return type(refused.value).__name__, file.tell()

    with virtual_loop() as loop:
        monkeypatch.setattr("miniloop.sendfile.SENDFILE_FALLBACK_READBUFFER_SIZE", 5000)
        steps = [loop.run_until_complete(story(loop, after)) for after in (0, 2)]
    assert steps == [("SendfileNotAvailableError", 10), ("OSError", 10_010)]


def test_the_task_of_a_cancelled_sendfile_is_freed(file: BinaryIO) -> None:
    async def story(loop: VirtualLoop, transport: Any, protocol: Recorder, peer: Any) -> None:
        transport.write(CONTENT * 10)  # nobody reads it, so sendfile() has to wait
        task = loop.create_task(loop.sendfile(transport, file))
        await miniloop.sleep(0)
        task.cancel()
        await miniloop.wait([task])
        watched = weakref.ref(task)
        gc.disable()
        del task
        await miniloop.sleep(0)
        protocol.steps.append(watched() is None)
        gc.enable()

    assert play(story) == ["pause", True, ("lost", "None")]
