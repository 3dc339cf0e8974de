"""TLS: cases that asyncio handles wrongly, flow control and memory, and leaked objects."""

from __future__ import annotations

import gc
import socket
import ssl
import struct
import sys
import tracemalloc
import weakref
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

import miniloop
from miniloop import sslproto
from tests.certificates import NAME, TLSPeer, client_context, server_context, stranger_context
from tests.virtual import VirtualLoop, virtual_loop

KIB = 1024
MIB = 1024 * KIB


class Recorder(miniloop.Protocol):
    """Records its calls."""

    def __init__(self) -> None:
        self.steps: list[object] = []
        self.lost: Any = miniloop.get_running_loop().create_future()

    def data_received(self, data: bytes) -> None:
        self.steps.append(data)

    def eof_received(self) -> None:
        self.steps.append("eof")

    def pause_writing(self) -> None:
        self.steps.append("pause")

    def resume_writing(self) -> None:
        self.steps.append("resume")

    def connection_lost(self, exc: Exception | None) -> None:
        self.steps.append("lost" if exc is None else f"lost: {type(exc).__name__}")
        self.lost.set_result(None)


Story = Callable[[VirtualLoop, Any, Any, TLSPeer], Coroutine[Any, Any, None]]


def connect(story: Story, factory: Callable[[], Any] = Recorder) -> list[object]:
    """Run `story` with a TLS transport, its protocol and the server's end."""

    async def main(loop: VirtualLoop) -> list[object]:
        peer = TLSPeer(loop, theirs, server_context())
        options: dict[str, Any] = {"ssl": client_context(), "server_hostname": NAME}
        opening = loop.create_connection(factory, sock=ours, **options)
        (transport, protocol), _ = await miniloop.gather(opening, peer.handshake())
        await story(loop, transport, protocol, peer)
        transport.abort()
        await miniloop.sleep(1)
        return list(protocol.steps)

    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    with virtual_loop() as loop, theirs:
        steps = loop.run_until_complete(main(loop))
        assert loop.told == []
        return steps


def upgrade(
    story: Callable[[VirtualLoop, Any, Any, socket.socket], Coroutine[Any, Any, None]],
) -> list[object]:
    """Run `story` with a plain transport, its protocol and the peer's socket."""

    async def main(loop: VirtualLoop) -> list[object]:
        transport, protocol = await loop.create_connection(Recorder, sock=ours)
        await story(loop, transport, protocol, theirs)
        return list(protocol.steps)

    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    with virtual_loop() as loop, theirs:
        return loop.run_until_complete(main(loop))


# Cases that asyncio handles wrongly


def test_data_received_before_an_error_is_not_lost() -> None:
    async def story(loop: Any, transport: Any, protocol: Any, peer: TLSPeer) -> None:
        peer.sock.send(peer.encrypted(b"one") + peer.encrypted(b"two") + b"no record of TLS")
        await protocol.lost

    assert connect(story) == [b"one", b"two", "lost: SSLError"]


def test_a_server_with_a_refused_certificate_receives_an_alert() -> None:
    async def story(loop: Any, transport: Any, protocol: Any, theirs: socket.socket) -> None:
        peer = TLSPeer(loop, theirs, server_context())
        greeting = loop.create_task(peer.handshake())
        with pytest.raises(ssl.SSLCertVerificationError):
            await loop.start_tls(transport, protocol, stranger_context(), server_hostname=NAME)
        with pytest.raises(ssl.SSLError, match="unknown ca"):
            await greeting

    assert upgrade(story) == ["lost: SSLCertVerificationError"]


def test_connection_lost_is_called_if_the_connection_breaks_during_start_tls() -> None:
    async def main() -> list[object]:
        loop = miniloop.get_running_loop()
        with socket.create_server(("127.0.0.1", 0)) as listening:
            transport, protocol = await loop.create_connection(Recorder, *listening.getsockname())
            accepted, _ = listening.accept()
            accepted.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            loop.call_soon(accepted.close)
            with pytest.raises(ConnectionResetError):
                await loop.start_tls(transport, protocol, client_context(), server_hostname=NAME)
            return list(protocol.steps)

    assert miniloop.run(main()) == ["lost: ConnectionResetError"]


def test_start_tls_raises_if_the_transport_is_aborted_during_the_handshake() -> None:
    async def story(loop: Any, transport: Any, protocol: Any, theirs: socket.socket) -> None:
        loop.call_later(1, transport.abort)
        with pytest.raises(ConnectionAbortedError, match="aborted"):
            await loop.start_tls(transport, protocol, client_context(), server_hostname=NAME)

    assert upgrade(story) == ["lost"]


def test_start_tls_raises_if_the_transport_is_already_lost() -> None:
    async def story(loop: Any, transport: Any, protocol: Any, theirs: socket.socket) -> None:
        transport.close()
        with pytest.raises(ConnectionResetError, match="Connection lost"):
            await loop.start_tls(transport, protocol, client_context(), server_hostname=NAME)
        await protocol.lost
        with pytest.raises(ConnectionResetError, match="Connection lost"):
            await loop.start_tls(transport, protocol, client_context(), server_hostname=NAME)

    assert upgrade(story) == ["lost"]


def test_a_high_water_mark_of_zero_does_not_pause_while_the_buffer_is_empty() -> None:
    async def story(loop: Any, transport: Any, protocol: Any, peer: TLSPeer) -> None:
        transport.set_write_buffer_limits(0)
        transport.write(b"fits into the socket")
        await miniloop.sleep(1)

    assert connect(story) == ["lost"]


def test_an_empty_buffer_is_an_error_and_not_an_end_of_file() -> None:
    class Bottomless(miniloop.BufferedProtocol):
        def __init__(self) -> None:
            self.steps: list[object] = []

        def get_buffer(self, sizehint: int) -> bytearray:
            return bytearray()

        def eof_received(self) -> None:
            self.steps.append("eof")

        def connection_lost(self, exc: Exception | None) -> None:
            self.steps.append(repr(exc))

    async def story(loop: Any, transport: Any, protocol: Any, peer: TLSPeer) -> None:
        await peer.send(b"data")
        await miniloop.sleep(1)
        assert loop.told == [("Fatal error on SSL protocol", protocol.steps[0])]
        loop.reports.clear()

    failure = "RuntimeError('get_buffer() returned an empty buffer')"
    assert connect(story, Bottomless) == [failure]


def test_the_methods_of_a_closed_transport_still_work() -> None:
    async def story(loop: Any, transport: Any, protocol: Any, peer: TLSPeer) -> None:
        transport.close()
        transport.close()
        await peer.say_goodbye()
        await protocol.lost
        assert transport.get_extra_info("cipher") == peer.tls.cipher()
        assert transport.get_extra_info("peername", "unknown") == "unknown"
        assert transport.get_write_buffer_size() == 0
        assert not transport.is_reading()
        transport.pause_reading()
        transport.resume_reading()
        transport.abort()

    assert connect(story) == ["eof", "lost"]


# Closing while data is pending


def test_unread_records_after_close_are_not_an_error() -> None:
    class Content(Recorder):
        transport: Any

        def connection_made(self, transport: Any) -> None:
            self.transport = transport

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            self.transport.close()

    async def story(loop: Any, transport: Any, protocol: Any, peer: TLSPeer) -> None:
        peer.sock.send(peer.encrypted(b"enough") + peer.encrypted(b"too much"))
        await peer.say_goodbye()
        await protocol.lost

    assert connect(story, Content) == [b"enough", "eof", "lost"]


def test_a_paused_transport_can_be_closed() -> None:
    async def story(loop: Any, transport: Any, protocol: Any, peer: TLSPeer) -> None:
        transport.pause_reading()
        transport.close()
        await peer.say_goodbye()
        await protocol.lost
        assert loop.time() < 30

    assert connect(story) == ["eof", "lost"]


def test_a_paused_protocol_gets_the_next_record_after_it_resumes() -> None:
    class Careful(Recorder):
        transport: Any

        def connection_made(self, transport: Any) -> None:
            self.transport = transport

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            self.transport.pause_reading()

    async def story(loop: Any, transport: Any, protocol: Any, peer: TLSPeer) -> None:
        peer.sock.send(peer.encrypted(b"one") + peer.encrypted(b"two") + peer.encrypted(b"three"))
        for _ in range(2):
            await miniloop.sleep(1)
            protocol.steps.append("resuming")
            transport.resume_reading()
        await miniloop.sleep(1)

    assert connect(story, Careful) == [b"one", "resuming", b"two", "resuming", b"three", "lost"]


def test_ctrl_c_in_a_protocol_propagates_to_the_program() -> None:
    class Interrupted(Recorder):
        def data_received(self, data: bytes) -> None:
            raise KeyboardInterrupt

    ours, theirs = socket.socketpair()
    theirs.setblocking(False)

    async def main(loop: VirtualLoop) -> None:
        peer = TLSPeer(loop, theirs, server_context())
        options: dict[str, Any] = {"ssl": client_context(), "server_hostname": NAME}
        opening = loop.create_connection(Interrupted, sock=ours, **options)
        transports.append((await miniloop.gather(opening, peer.handshake()))[0][0])
        await peer.send(b"data")
        await miniloop.sleep(1)

    transports: list[Any] = []
    with virtual_loop() as loop, theirs:
        running = loop.create_task(main(loop))
        with pytest.raises(KeyboardInterrupt):
            loop.run_until_complete(running)
        assert not transports[0].is_closing()
        transports[0].abort()
        loop.run_until_complete(running)
        assert loop.told == []


# Flow control and memory


def test_one_large_write_pauses_the_protocol() -> None:
    async def story(loop: Any, transport: Any, protocol: Any, peer: TLSPeer) -> None:
        data = bytes(4 * MIB)
        transport.write(data)
        assert transport.get_write_buffer_size() > 512 * KIB
        assert await peer.receive(len(data)) == data

    assert connect(story) == ["pause", "resume", "lost"]


def test_the_water_marks_have_defaults_and_apply_at_once() -> None:
    async def story(loop: Any, transport: Any, protocol: Any, peer: TLSPeer) -> None:
        transport.write(bytes(800 * KIB))
        protocol.steps.append("lowering")
        transport.set_write_buffer_limits(high=100 * KIB)
        protocol.steps.append(transport.get_write_buffer_limits())
        transport.set_write_buffer_limits(low=100 * KIB)
        protocol.steps.append(transport.get_write_buffer_limits())
        transport.set_write_buffer_limits()
        protocol.steps.append(transport.get_write_buffer_limits())

    marks = [(25 * KIB, 100 * KIB), (100 * KIB, 400 * KIB), (128 * KIB, 512 * KIB)]
    assert connect(story) == ["lowering", "pause", *marks, "lost"]


def test_a_buffer_can_be_modified_after_it_was_written() -> None:
    async def story(loop: Any, transport: Any, protocol: Any, peer: TLSPeer) -> None:
        transport.write(bytes(MIB))
        data = bytearray(b"before")
        transport.write(data)
        data[:] = b"after, and longer"
        transport.write(memoryview(struct.pack("3i", 1, 2, 3)).cast("i"))
        received = await peer.receive(MIB + 6 + 12)
        assert received[MIB:] == b"before" + struct.pack("3i", 1, 2, 3)

    connect(story)


def test_a_large_transfer_needs_little_memory() -> None:
    """Send 64 MiB; each side may buffer only a few times its high-water mark."""
    size, piece = 64 * MIB, bytes(range(256)) * 256

    async def sink(reader: Any, writer: Any) -> None:
        received = 0
        while data := await reader.read(MIB):
            assert data[0] == received % 256
            received += len(data)
            if received == size:
                writer.write(b"complete")
                await writer.drain()
                writer.close()
        await writer.wait_closed()

    async def main() -> int:
        server = await miniloop.start_server(sink, "127.0.0.1", 0, ssl=server_context())
        address = server.sockets[0].getsockname()
        options: dict[str, Any] = {"ssl": client_context(), "server_hostname": NAME}
        reader, writer = await miniloop.open_connection(*address, **options)
        tracemalloc.start()
        for _ in range(size // len(piece)):
            writer.write(piece)
            await writer.drain()
        assert await reader.read() == b"complete"
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        writer.close()
        await writer.wait_closed()
        server.close()
        await server.wait_closed()
        return peak

    assert miniloop.run(main()) < 8 * MIB


# Objects that remain


def test_a_closed_connection_is_freed_without_the_garbage_collector() -> None:
    seen: list[weakref.ref[Any]] = []

    async def story(loop: Any, transport: Any, protocol: Any, peer: TLSPeer) -> None:
        protocol.transport = transport  # like most protocols
        seen.append(weakref.ref(transport))
        seen.append(weakref.ref(transport.get_extra_info("sslcontext")))
        transport.close()
        await peer.say_goodbye()
        await protocol.lost

    gc.collect()
    gc.disable()
    try:
        connect(story)
        assert [reference() for reference in seen] == [None, None]
    finally:
        gc.enable()


def test_a_failed_handshake_is_freed_without_the_garbage_collector() -> None:
    contexts: list[weakref.ref[ssl.SSLContext]] = []

    async def story(loop: Any, transport: Any, protocol: Any, theirs: socket.socket) -> None:
        context = client_context()
        contexts.append(weakref.ref(context))
        options: dict[str, Any] = {"server_hostname": NAME, "ssl_handshake_timeout": 1}
        with pytest.raises(ConnectionAbortedError):
            await loop.start_tls(transport, protocol, context, **options)

    assert upgrade(story) == ["lost: ConnectionAbortedError"]
    gc.collect()
    assert contexts[0]() is None


def test_an_unclosed_transport_warns() -> None:
    with virtual_loop() as loop:
        tls = sslproto.SSLProtocol(loop, miniloop.Protocol(), client_context(), None, False, NAME)
        assert tls._app_transport is tls
        with pytest.warns(ResourceWarning, match="unclosed transport <miniloop.sslproto.SSL"):
            del tls


def test_a_transport_can_be_closed_before_it_is_connected() -> None:
    with virtual_loop() as loop:
        protocol = miniloop.Protocol()
        tls = sslproto.SSLProtocol(loop, protocol, client_context(), None, False, NAME)
        assert tls.get_protocol() is protocol
        assert tls.get_extra_info("peername") is None
        tls.close()
        assert tls.is_closing()


def test_without_the_ssl_module_tls_raises_a_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ssl", None)

    async def main() -> None:
        loop = miniloop.get_running_loop()
        with pytest.raises(RuntimeError, match="not available"):
            await loop.start_tls(None, None, None)
        ours, theirs = socket.socketpair()
        with ours, theirs, pytest.raises(RuntimeError, match="not available"):
            await loop.create_connection(
                miniloop.Protocol, sock=ours, ssl=True, server_hostname=NAME
            )

    miniloop.run(main())
