"""Datagram transports: the size of the buffer, closing and errors, and no leaked objects."""

from __future__ import annotations

import contextlib
import gc
import socket
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

import miniloop
from tests.virtual import VirtualLoop, logged, virtual_loop

Story = Callable[[VirtualLoop, Any, "Recorder", socket.socket], Coroutine[Any, Any, None]]


class Recorder(miniloop.DatagramProtocol):
    def __init__(self) -> None:
        self.steps: list[object] = []
        self.on_error: Callable[[], None] | None = None
        self.on_resume: Callable[[], None] | None = None

    def connection_lost(self, exc: Exception | None) -> None:
        self.steps.append(("lost", repr(exc)))

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self.steps.append(data)

    def error_received(self, exc: OSError) -> None:
        self.steps.append(type(exc).__name__)
        if self.on_error is not None:
            self.on_error()

    def pause_writing(self) -> None:
        self.steps.append("pause")

    def resume_writing(self) -> None:
        self.steps.append("resume")
        if self.on_resume is not None:
            self.on_resume()


def play(story: Story, folder: Path) -> list[object]:
    """Run `story` with an endpoint connected to a socket; return the calls and reports."""
    unix = (socket.AF_UNIX, socket.SOCK_DGRAM)

    async def main(loop: VirtualLoop, ours: socket.socket, peer: socket.socket) -> list[object]:
        transport, protocol = await loop.create_datagram_endpoint(Recorder, sock=ours)
        await story(loop, transport, protocol, peer)
        transport.abort()
        await miniloop.sleep(1)
        return list(protocol.steps)

    with virtual_loop() as loop, socket.socket(*unix) as ours, socket.socket(*unix) as peer:
        peer.bind(str(folder / "peer"))
        peer.setblocking(False)
        ours.connect(str(folder / "peer"))
        steps = loop.run_until_complete(main(loop, ours, peer))
        assert loop.told == []
        return steps


def fill(transport: Any, data: bytes = b"data") -> int:
    """Send until two datagrams are buffered; return how many were sent in all."""
    count = 0
    while transport.get_write_buffer_size() < 2 * len(data):
        transport.sendto(data)
        count += 1
    return count


def receive_all(peer: socket.socket) -> int:
    count = 0
    with contextlib.suppress(BlockingIOError):
        while peer.recv(65536):
            count += 1
    return count


def test_each_buffered_datagram_counts_its_bytes_and_a_header_until_it_is_sent(
    tmp_path: Path,
) -> None:
    async def story(loop: Any, transport: Any, protocol: Recorder, peer: socket.socket) -> None:
        sent = fill(transport)
        protocol.steps.append(transport.get_write_buffer_size())
        received = 0
        while received < sent:
            received += receive_all(peer)
            await miniloop.sleep(0)
        protocol.steps.append(transport.get_write_buffer_size())

    assert play(story, tmp_path) == [12, 0, ("lost", "None")]


def test_a_datagram_of_wide_elements_counts_its_bytes(tmp_path: Path) -> None:
    async def story(loop: VirtualLoop, transport: Any, protocol: Recorder, peer: Any) -> None:
        wide = memoryview(bytes(400)).cast("I")  # 100 elements of 4 bytes
        while not transport.get_write_buffer_size():
            transport.sendto(wide)
        protocol.steps.append(transport.get_write_buffer_size())
        while transport.get_write_buffer_size():
            peer.recv(1000)
            await miniloop.sleep(0)
        protocol.steps.append(transport.get_write_buffer_size())

    assert play(story, tmp_path) == [408, 0, ("lost", "None")]


def test_an_error_in_the_middle_of_the_buffer_does_not_delay_the_rest(tmp_path: Path) -> None:
    async def story(loop: Any, transport: Any, protocol: Recorder, peer: socket.socket) -> None:
        transport.set_write_buffer_limits(high=0)
        while not transport.get_write_buffer_size():
            transport.sendto(b"data")
        transport.sendto(bytes(8 << 20))  # larger than any datagram
        transport.sendto(b"the last")
        receive_all(peer)
        await miniloop.sleep(1)
        protocol.steps.append([peer.recv(10), peer.recv(10)])

    expected = ["pause", "OSError", "resume", [b"data", b"the last"], ("lost", "None")]
    assert play(story, tmp_path) == expected


def test_an_exception_in_error_received_is_reported_once(tmp_path: Path) -> None:
    async def story(loop: Any, transport: Any, protocol: Recorder, peer: socket.socket) -> None:
        def fail() -> None:
            raise KeyError("a bug")

        protocol.on_error = fail
        fill(transport)
        peer.close()
        await miniloop.sleep(1)
        steps = [error for _, error in loop.told], transport.get_write_buffer_size()
        protocol.steps.append(steps)
        loop.reports.clear()

    expected = ["ConnectionRefusedError", (["KeyError('a bug')"], 0), ("lost", "None")]
    assert play(story, tmp_path) == expected


def test_nothing_is_buffered_after_abort(tmp_path: Path) -> None:
    async def story(loop: Any, transport: Any, protocol: Recorder, peer: socket.socket) -> None:
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        to_anybody, _ = await loop.create_datagram_endpoint(lambda: protocol, sock=sock)
        while not to_anybody.get_write_buffer_size():
            to_anybody.sendto(b"data", str(tmp_path / "peer"))
        watched = len(loop.counter.get_map())
        to_anybody.abort()
        to_anybody.sendto(b"data", str(tmp_path / "peer"))
        await miniloop.sleep(1)
        left = watched - len(loop.counter.get_map()), to_anybody.get_write_buffer_size()
        protocol.steps.append(left)

    assert play(story, tmp_path) == [("lost", "None"), (1, 0), ("lost", "None")]


def test_a_protocol_can_abort_in_error_received(tmp_path: Path) -> None:
    async def story(loop: Any, transport: Any, protocol: Recorder, peer: socket.socket) -> None:
        protocol.on_error = transport.abort
        fill(transport)
        peer.close()
        await miniloop.sleep(1)
        protocol.steps.append((transport.get_write_buffer_size(), len(loop.counter.get_map())))

    assert play(story, tmp_path) == ["ConnectionRefusedError", ("lost", "None"), (0, 1)]


def test_a_protocol_can_abort_when_the_buffer_of_a_closing_transport_becomes_empty(
    tmp_path: Path,
) -> None:
    async def story(loop: Any, transport: Any, protocol: Recorder, peer: socket.socket) -> None:
        protocol.on_resume = transport.abort
        transport.set_write_buffer_limits(high=0)
        fill(transport)
        transport.close()
        receive_all(peer)
        await miniloop.sleep(1)

    assert play(story, tmp_path) == ["pause", "resume", ("lost", "None")]


def test_datagrams_sent_after_the_end_are_dropped_and_repeated_sends_are_logged(
    tmp_path: Path,
) -> None:
    async def story(loop: Any, transport: Any, protocol: Recorder, peer: socket.socket) -> None:
        transport.close()
        await miniloop.sleep(1)
        for _ in range(6):
            transport.sendto(b"too late")
        protocol.steps.append(receive_all(peer))

    with logged() as lines:
        assert play(story, tmp_path) == [("lost", "None"), 0]
    assert lines == ["WARNING socket.send() raised exception."] * 2


def test_the_socket_belongs_to_the_transport(tmp_path: Path) -> None:
    async def story(loop: Any, transport: Any, protocol: Recorder, peer: socket.socket) -> None:
        fd = transport.get_extra_info("socket").fileno()
        with pytest.raises(RuntimeError, match="is used by transport"):
            loop.add_reader(fd, print)

    assert play(story, tmp_path) == [("lost", "None")]


def test_a_failed_endpoint_leaves_no_open_socket_and_no_reference_cycle() -> None:
    async def story(loop: VirtualLoop, address: Any) -> list[str]:
        steps = []
        for options in ({"local_addr": address}, {"remote_addr": ("255.255.255.255", 1)}):
            with pytest.raises(OSError) as refused:
                await loop.create_datagram_endpoint(Recorder, **options)
            steps.append(type(refused.value).__name__)
            del refused
        return steps

    with virtual_loop() as loop, socket.socket(type=socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        gc.collect()
        gc.disable()
        try:
            steps = loop.run_until_complete(story(loop, taken.getsockname()))
            assert gc.collect() == 0
        finally:
            gc.enable()
    assert steps == ["OSError", "PermissionError"]


def test_pairs_of_addresses_are_tried_until_one_works() -> None:
    class Resolving(VirtualLoop):
        async def getaddrinfo(self, host: Any, port: Any, **hints: Any) -> list[Any]:
            kind = hints["type"]
            return [
                (socket.AF_INET, kind, 17, "", ("192.0.2.1", 0)),
                (socket.AF_INET6, kind, 17, "", ("2001:db8::1", 0)),
                (socket.AF_INET, kind, 0, "", ("127.0.0.1", 0)),
            ]

    async def story() -> str:
        transport, _ = await loop.create_datagram_endpoint(Recorder, local_addr=("a.name", 0))
        transport.close()
        await miniloop.sleep(0)
        return str(transport.get_extra_info("sockname")[0])

    loop = Resolving()
    try:
        assert loop.run_until_complete(story()) == "127.0.0.1"
    finally:
        loop.close()


def test_an_exception_in_the_protocol_factory_closes_the_socket() -> None:
    sockets: list[socket.socket] = []

    class Socket(socket.socket):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            sockets.append(self)

    with virtual_loop() as loop, pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket, "socket", Socket)
        given = Socket(socket.AF_INET, socket.SOCK_DGRAM)
        for options in ({"local_addr": ("127.0.0.1", 0)}, {"sock": given}):
            with pytest.raises(ZeroDivisionError):
                loop.run_until_complete(loop.create_datagram_endpoint(lambda: 1 / 0, **options))
        assert ([sock.fileno() for sock in sockets], loop.told) == ([-1, -1], [])
