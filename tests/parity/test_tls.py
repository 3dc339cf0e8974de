"""TLS: the order of the callbacks, certificate checks, and closing a connection."""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.certificates import NAME, TLSPeer, client_context, server_context, stranger_context
from tests.parity.harness import Stage, attempt, attempt_await, describe, older_asyncio_differs
from tests.parity.network import HOST, MORE_THAN_A_SOCKET_HOLDS, Recorder, pair, reset, unread

MADE = ("protocol", "made")
EOF = ("protocol", "eof")
LOST = ("protocol", "lost", None)

KIB = 1024


@contextlib.asynccontextmanager
async def tls_connection(
    stage: Stage, protocol: Any, **options: Any
) -> AsyncIterator[tuple[Any, TLSPeer]]:
    """Yield a TLS transport for `protocol`, and the peer at the other end, which is the server."""
    with pair() as (ours, theirs):
        loop = stage.aio.get_running_loop()
        peer = TLSPeer(loop, theirs, server_context())
        options = {"ssl": client_context(), "server_hostname": NAME, **options}
        (transport, _), _ = await stage.aio.gather(
            loop.create_connection(lambda: protocol, sock=ours, **options), peer.handshake()
        )
        try:
            yield transport, peer
        finally:
            transport.abort()
            await stage.aio.sleep(1)


async def handshake_alone(stage: Stage, protocol: Any, sock: socket.socket, **options: Any) -> str:
    """Return the outcome of create_connection if the other end does not speak TLS."""
    options = {"ssl": client_context(), "server_hostname": NAME, **options}
    loop = stage.aio.get_running_loop()
    return await attempt_await(loop.create_connection(lambda: protocol, sock=sock, **options))


class QuietRecorder(Recorder):
    """Does not record pauses, which depend on how much the kernel takes."""

    def pause_writing(self) -> None: ...

    def resume_writing(self) -> None: ...


# Making a connection


def test_connection_made_is_called_after_the_handshake(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        loop = aio.get_running_loop()
        with pair() as (ours, theirs):
            peer = TLSPeer(loop, theirs, server_context())
            protocol = Recorder(stage)
            options = {"ssl": client_context(), "server_hostname": NAME}
            opening = aio.ensure_future(
                loop.create_connection(lambda: protocol, sock=ours, **options)
            )
            await aio.sleep(1)
            log("still waiting for the handshake", stage.now)
            await peer.handshake()
            transport, found = await opening
            log("connected", found is protocol, transport is protocol.transport)
            transport.write(b"ping")
            log(await peer.receive(4))
            await peer.send(b"pong")
            await peer.say_goodbye()
            await protocol.lost

    assert stage.run(main) == [
        ("still waiting for the handshake", 1.0),
        MADE,
        ("connected", True, True),
        b"ping",
        ("protocol", "received", b"pong"),
        EOF,
        LOST,
    ]


def test_get_extra_info_describes_the_tls_connection_and_the_socket(stage: Stage) -> None:
    log = stage.log

    async def main() -> None:
        context = client_context()
        async with tls_connection(stage, stage.aio.Protocol(), ssl=context) as (transport, peer):
            log(transport.get_extra_info("sslcontext") is context)
            log(transport.get_extra_info("cipher") == peer.tls.cipher())
            log(transport.get_extra_info("peercert")["subjectAltName"])
            log(transport.get_extra_info("compression", "unknown"))
            log(transport.get_extra_info("ssl_object").version() == peer.tls.version())
            log(transport.get_extra_info("socket").family.name)
            log(transport.get_extra_info("no such thing", "default"))
            log(transport.get_write_buffer_limits(), transport.get_write_buffer_size())
            log(transport.can_write_eof(), attempt(transport.write_eof))
            log(transport.is_reading(), transport.is_closing())
            log(isinstance(transport, stage.aio.Transport))

    assert stage.run(main) == [
        True,
        True,
        (("DNS", "localhost"),),
        None,
        True,
        "AF_UNIX",
        "default",
        ((128 * KIB, 512 * KIB), 0),
        (False, "raised NotImplementedError"),
        (True, False),
        True,
    ]


@pytest.mark.parametrize(
    ("trusted", "name", "reason"),
    [
        (True, NAME, None),
        (True, "", None),
        (False, NAME, "unable to get local issuer certificate"),
        (True, "example.org", "Hostname mismatch"),
    ],
)
def test_a_certificate_is_verified(
    stage: Stage, trusted: bool, name: str, reason: str | None
) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        loop = aio.get_running_loop()
        context = client_context() if trusted else stranger_context()
        context.check_hostname = bool(name)
        server = await loop.create_server(aio.Protocol, HOST, 0, ssl=server_context())
        address = server.sockets[0].getsockname()
        try:
            transport, _ = await loop.create_connection(
                lambda: Recorder(stage), *address, ssl=context, server_hostname=name
            )
            transport.abort()
        except ssl.SSLCertVerificationError as error:
            log("refused", error.verify_message.partition(",")[0])
        await aio.sleep(0.01)
        server.close()
        await server.wait_closed()

    steps = stage.run(main, real=True)
    assert steps == ([MADE, LOST] if reason is None else [("refused", reason)])


def test_with_ssl_true_a_client_trusts_the_certificates_of_the_system(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        loop = aio.get_running_loop()
        with pair() as (ours, theirs):
            peer = TLSPeer(loop, theirs, server_context())
            greeting = aio.ensure_future(attempt_await(peer.handshake()))
            outcome = await handshake_alone(stage, Recorder(stage), ours, ssl=True)
            log("CERTIFICATE_VERIFY_FAILED" in outcome)
            await greeting

    assert stage.run(main) == [True]


def test_the_arguments_about_tls_are_checked(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        loop = aio.get_running_loop()
        context = client_context()
        factory = aio.Protocol

        async def client(**options: Any) -> None:
            with pair() as (ours, _):
                log(await attempt_await(loop.create_connection(factory, sock=ours, **options)))

        async def server(**options: Any) -> None:
            log(await attempt_await(loop.create_server(factory, HOST, 0, **options)))

        await client(server_hostname=NAME)
        await client(ssl=context)
        await client(ssl=context, server_hostname=NAME, ssl_handshake_timeout=0)
        await client(ssl=context, server_hostname=NAME, ssl_shutdown_timeout=-1)
        await client(ssl_handshake_timeout=1)
        await client(ssl_shutdown_timeout=1)
        await server(ssl=True)
        await server(ssl=False)
        await server(ssl_handshake_timeout=1)
        await server(ssl_shutdown_timeout=1)
        for options in ({"ssl": True}, {"ssl_handshake_timeout": 1}):
            with pair() as (ours, _):
                log(await attempt_await(loop.connect_accepted_socket(factory, ours, **options)))

    timeouts = "raised ValueError: ssl_{}_timeout is only meaningful with ssl"
    assert stage.run(main) == [
        "raised ValueError: server_hostname is only meaningful with ssl",
        "raised ValueError: You must set server_hostname when using ssl without a host",
        "raised ValueError: ssl_handshake_timeout should be a positive number, got 0",
        "raised ValueError: ssl_shutdown_timeout should be a positive number, got -1",
        timeouts.format("handshake"),
        timeouts.format("shutdown"),
        "raised TypeError: ssl argument must be an SSLContext or None",
        "raised TypeError: ssl argument must be an SSLContext or None",
        timeouts.format("handshake"),
        timeouts.format("shutdown"),
        "raised ValueError: Server side SSL needs a valid SSLContext",
        timeouts.format("handshake"),
    ]


@older_asyncio_differs("3.14.8", "gh-156793: accepts any server")
def test_a_context_that_checks_the_host_name_needs_one(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        with pair() as (ours, theirs):
            theirs.close()
            options = {"sock": ours, "ssl": client_context(), "server_hostname": ""}
            connect = aio.get_running_loop().create_connection
            log(await attempt_await(connect(lambda: Recorder(stage), **options)))

    assert stage.run(main) == ["raised ValueError: check_hostname requires server_hostname"]


def test_the_handshake_timeout_is_one_minute_by_default(stage: Stage) -> None:
    log = stage.log

    async def main() -> None:
        for options in ({}, {"ssl_handshake_timeout": 5}):
            with pair() as (ours, _):
                log(await handshake_alone(stage, Recorder(stage), ours, **options), stage.now)

    message = "raised ConnectionAbortedError: SSL handshake is taking longer than {} seconds"
    assert stage.run(main) == [
        (f"{message.format('60.0')}: aborting the connection", 60.0),
        (f"{message.format('5')}: aborting the connection", 65.0),
    ]


def test_a_peer_that_closes_or_does_not_speak_tls_makes_the_handshake_fail(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        loop = aio.get_running_loop()
        with pair() as (ours, theirs):
            loop.call_later(1, theirs.shutdown, socket.SHUT_WR)
            log(await handshake_alone(stage, Recorder(stage), ours))
        with pair() as (ours, theirs):
            loop.call_later(1, theirs.send, b"HTTP/1.1 400 Bad Request\r\n\r\n")
            outcome = await handshake_alone(stage, Recorder(stage), ours)
            log(outcome.split(" ")[1], "WRONG_VERSION_NUMBER" in outcome)

    assert stage.run(main) == ["raised ConnectionResetError", ("SSLError:", True)]


def test_a_handshake_can_be_cancelled(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        with pair() as (ours, theirs):
            options = {"sock": ours, "ssl": client_context(), "server_hostname": NAME}
            opening = aio.get_running_loop().create_connection(lambda: Recorder(stage), **options)
            log(await attempt_await(aio.wait_for(opening, 3)), stage.now)
            await aio.sleep(1)
            log(ours.fileno(), len(unread(theirs)) > 0, theirs.recv(1))

    assert stage.run(main) == [("raised TimeoutError", 3.0), (-1, True, b"")]


# Sending and receiving


def test_a_buffered_protocol_may_have_a_buffer_smaller_than_a_record(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    class SmallBuffer(aio.BufferedProtocol):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            self.buffer = bytearray(3)
            self.received = b""

        def get_buffer(self, sizehint: int) -> bytearray:
            return self.buffer

        def buffer_updated(self, nbytes: int) -> None:
            self.received += self.buffer[:nbytes]

    async def main() -> None:
        protocol = SmallBuffer()
        async with tls_connection(stage, protocol) as (_, peer):
            await peer.send(b"0123456789")
            await aio.sleep(1)
            log(protocol.received)

    assert stage.run(main) == [b"0123456789"]


def test_written_data_arrives_in_order(stage: Stage) -> None:
    log = stage.log

    async def main() -> None:
        async with tls_connection(stage, stage.aio.Protocol()) as (transport, peer):
            transport.write(b"bytes, ")
            transport.write(b"")
            transport.write(bytearray(b"an array, "))
            transport.writelines([memoryview(b"a view, "), b"", b"several "])
            transport.writelines([b"pieces"])
            log(await peer.receive(38))
            log(attempt(transport.write, "text"))

    assert stage.run(main) == [
        b"bytes, an array, a view, several pieces"[:38],
        "raised TypeError: data: expecting a bytes-like instance, got str",
    ]


def test_a_slow_reader_makes_the_writer_pause(stage: Stage) -> None:
    log = stage.log
    payload = bytes(range(256)) * (16 * KIB)

    async def main() -> None:
        async with tls_connection(stage, Recorder(stage)) as (transport, peer):
            for start in range(0, len(payload), 16 * KIB):
                transport.write(payload[start : start + 16 * KIB])
            log(transport.get_write_buffer_size() > 512 * KIB)
            log(await peer.receive(len(payload)) == payload, transport.get_write_buffer_size())

    assert stage.run(main) == [
        MADE,
        ("protocol", "pause"),
        True,
        ("protocol", "resume"),
        (True, 0),
        LOST,
    ]


def test_a_paused_protocol_receives_nothing_until_it_resumes(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        async with tls_connection(stage, Recorder(stage)) as (transport, peer):
            transport.pause_reading()
            await peer.send(b"one")
            await aio.sleep(1)
            log("paused", transport.is_reading())
            transport.resume_reading()
            log("resumed", transport.is_reading())
            await aio.sleep(1)
            transport.resume_reading()
            await peer.send(b"two")
            await aio.sleep(1)

    assert stage.run(main) == [
        MADE,
        ("paused", False),
        ("resumed", True),
        ("protocol", "received", b"one"),
        ("protocol", "received", b"two"),
        LOST,
    ]


def test_the_end_of_file_waits_while_the_protocol_is_paused(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        protocol = Recorder(stage)
        async with tls_connection(stage, protocol) as (transport, peer):
            transport.pause_reading()
            await peer.send(b"the last")
            peer.sock.shutdown(socket.SHUT_WR)
            await aio.sleep(100)
            log("resuming")
            transport.resume_reading()
            await protocol.lost

    assert stage.run(main) == [MADE, "resuming", ("protocol", "received", b"the last"), EOF, LOST]


# Closing a connection


def test_close_sends_close_notify_and_waits_for_the_reply(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        protocol = Recorder(stage)
        async with tls_connection(stage, protocol) as (transport, peer):
            transport.write(b"goodbye")
            transport.close()
            log("closing", transport.is_closing())
            await aio.sleep(10)
            log(await peer.receive(100))
            await peer.say_goodbye()
            await protocol.lost
            log(stage.now)
            transport.abort()

    assert stage.run(main) == [MADE, ("closing", True), b"goodbye", EOF, LOST, 10.0]


def test_the_shutdown_timeout_is_half_a_minute_by_default(stage: Stage) -> None:
    log = stage.log

    async def main() -> None:
        for options in ({}, {"ssl_shutdown_timeout": 5}):
            protocol = Recorder(stage)
            async with tls_connection(stage, protocol, **options) as (transport, _):
                began = stage.now
                transport.close()
                await protocol.lost
                log(stage.now - began)

    late = ("protocol", "lost", "TimeoutError: SSL shutdown timed out")
    assert stage.run(main) == [MADE, late, 30.0, MADE, late, 5.0]


def test_buffered_data_is_sent_before_close_notify(stage: Stage) -> None:
    log = stage.log
    payload = bytes(range(256)) * (16 * KIB)

    async def main() -> None:
        protocol = Recorder(stage)
        async with tls_connection(stage, protocol) as (transport, peer):
            transport.write(payload)
            transport.close()
            log(await peer.receive(len(payload) + 1) == payload)
            await peer.say_goodbye()
            await protocol.lost

    assert stage.run(main)[-3:] == [True, EOF, LOST]


def test_a_protocol_may_still_write_after_close_notify_was_received(stage: Stage) -> None:
    log = stage.log

    class Replying(Recorder):
        def eof_received(self) -> bool:
            self.transport.write(b"one more thing")
            super().eof_received()
            return True

    async def main() -> None:
        protocol = Replying(stage)
        async with tls_connection(stage, protocol) as (_, peer):
            closing = stage.aio.ensure_future(peer.say_goodbye())
            await protocol.lost
            log((await attempt_await(closing)).split(":")[0])

    assert stage.run(main) == [MADE, EOF, LOST, "raised SSLError"]
    assert stage.logged() == [
        "WARNING returning true from eof_received() has no effect when using ssl"
    ]


def test_an_end_of_file_without_close_notify_is_still_an_end_of_file(stage: Stage) -> None:
    log = stage.log
    payload = bytes(range(256)) * (16 * KIB)

    async def main() -> None:
        protocol = Recorder(stage)
        async with tls_connection(stage, protocol) as (transport, peer):
            transport.write(payload)
            peer.sock.shutdown(socket.SHUT_WR)
            log("received", await peer.receive(len(payload)) == payload)
            await protocol.lost

    steps = stage.run(main)
    assert [step for step in steps if step[1] not in ("pause", "resume")] == [  # type: ignore[index]
        MADE,
        EOF,
        LOST,
        ("received", True),
    ]


def test_a_reset_is_passed_to_connection_lost(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        loop = aio.get_running_loop()
        protocol = Recorder(stage)
        with socket.create_server((HOST, 0)) as listening:
            opening = aio.ensure_future(
                loop.create_connection(
                    lambda: protocol,
                    *listening.getsockname(),
                    ssl=client_context(),
                    server_hostname=NAME,
                )
            )
            listening.setblocking(False)
            accepted, _ = await loop.sock_accept(listening)
            await TLSPeer(loop, accepted, server_context()).handshake()
            transport, _ = await opening
            reset(accepted)
            await protocol.lost
            log(transport.is_closing())

    assert stage.run(main, real=True) == [
        MADE,
        ("protocol", "lost", "ConnectionResetError: [Errno 104] Connection reset by peer"),
        True,
    ]


def test_invalid_tls_data_closes_the_connection(stage: Stage) -> None:
    aio = stage.aio

    async def main() -> None:
        protocol = Recorder(stage)
        async with tls_connection(stage, protocol) as (_, peer):
            await peer.send(b"good")
            await aio.sleep(1)
            peer.sock.send(b"please corrupt the connection")
            await protocol.lost

    made, received, lost = stage.run(main)
    assert (made, received) == (MADE, ("protocol", "received", b"good"))
    assert "SSLError" in str(lost)


def test_data_after_close_notify_is_an_error(stage: Stage) -> None:
    aio = stage.aio

    async def main() -> None:
        protocol = Recorder(stage)
        async with tls_connection(stage, protocol) as (transport, peer):
            transport.close()
            await aio.sleep(1)
            peer.sock.send(peer.encrypted(b"too late"))
            await protocol.lost

    made, lost = stage.run(main)
    assert made == MADE
    assert "APPLICATION_DATA_AFTER_CLOSE_NOTIFY" in str(lost)


def test_abort_does_not_send_close_notify(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        async with tls_connection(stage, Recorder(stage)) as (transport, peer):
            transport.abort()
            log("aborted")
            await aio.sleep(1)
            log(peer.sock.recv(KIB))

    assert stage.run(main) == [MADE, "aborted", LOST, b""]


def test_writes_to_a_closed_connection_are_counted_and_logged(stage: Stage) -> None:
    async def main() -> None:
        async with tls_connection(stage, stage.aio.Protocol()) as (transport, peer):
            await peer.send(b"")
            transport.close()
            for _ in range(7):
                transport.write(b"to a closed connection")
            transport.write(b"")

    stage.run(main)
    assert stage.logged() == ["WARNING SSL connection is closed"] * 2


def test_a_protocol_that_raises_loses_its_connection(stage: Stage) -> None:
    aio = stage.aio

    class Failing(Recorder):
        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            raise LookupError("in the protocol")

    async def main() -> None:
        aio.get_running_loop().set_exception_handler(stage.report)
        protocol = Failing(stage)
        async with tls_connection(stage, protocol) as (_, peer):
            await peer.send(b"data")
            await protocol.lost

    assert stage.run(main) == [
        MADE,
        ("protocol", "received", b"data"),
        ("report", "Fatal error on SSL protocol", "LookupError: in the protocol"),
        ("protocol", "lost", "LookupError: in the protocol"),
    ]


# start_tls


def test_a_connection_can_be_upgraded_to_tls(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        loop = aio.get_running_loop()
        protocol, successor = Recorder(stage), Recorder(stage, "successor")
        with pair() as (ours, theirs):
            plain, _ = await loop.create_connection(lambda: protocol, sock=ours)
            plain.write(b"STARTTLS")
            log(await loop.sock_recv(theirs, 8))
            peer = TLSPeer(loop, theirs, server_context())
            transport, _ = await aio.gather(
                loop.start_tls(plain, protocol, client_context(), server_hostname=NAME),
                peer.handshake(),
            )
            log(transport is not plain, transport.get_protocol() is protocol)
            transport.write(b"secret")
            log(await peer.receive(6))
            await peer.send(b"for the first")
            await aio.sleep(1)
            transport.set_protocol(successor)
            await peer.send(b"for the second")
            await peer.say_goodbye()
            await successor.lost

    assert stage.run(main) == [
        MADE,
        b"STARTTLS",
        (True, True),
        b"secret",
        ("protocol", "received", b"for the first"),
        ("successor", "received", b"for the second"),
        ("successor", "eof"),
        ("successor", "lost", None),
    ]


def test_the_server_side_can_upgrade_to_tls_too(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        loop = aio.get_running_loop()
        protocol = Recorder(stage)
        with pair() as (ours, theirs):
            plain, _ = await loop.create_connection(lambda: protocol, sock=ours)
            peer = TLSPeer(loop, theirs, client_context(), NAME)
            transport, _ = await aio.gather(
                loop.start_tls(plain, protocol, server_context(), server_side=True),
                peer.handshake(),
            )
            log(transport.get_extra_info("peercert"))
            await peer.send(b"hello")
            await peer.say_goodbye()
            await protocol.lost

    assert stage.run(main) == [MADE, None, ("protocol", "received", b"hello"), EOF, LOST]


def test_start_tls_rejects_invalid_arguments(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        loop = aio.get_running_loop()
        log(await attempt_await(loop.start_tls(None, None, None)))
        log(await attempt_await(loop.start_tls(None, None, client_context())))

    assert stage.run(main) == [
        "raised TypeError: sslcontext is expected to be an instance of ssl.SSLContext, got None",
        "raised TypeError: transport None is not supported by start_tls()",
    ]


def test_a_failed_start_tls_closes_the_connection(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        loop = aio.get_running_loop()
        protocol = Recorder(stage)
        with pair() as (ours, theirs):
            plain, _ = await loop.create_connection(lambda: protocol, sock=ours)
            peer = TLSPeer(loop, theirs, server_context())
            greeting = aio.ensure_future(attempt_await(peer.handshake()))
            try:
                await loop.start_tls(plain, protocol, stranger_context(), server_hostname=NAME)
            except ssl.SSLCertVerificationError as error:
                log("refused", error.verify_message)
            await protocol.lost
            log(ours.fileno())
            await greeting

    made, *refused_and_lost, closed = stage.run(main)
    assert (made, closed) == (MADE, -1)
    # asyncio logs "refused" first, miniloop "lost".
    steps = sorted(str(step) for step in refused_and_lost)
    assert "SSLCertVerificationError" in steps[0]
    assert steps[1] == "('refused', 'unable to get local issuer certificate')"


def test_tls_can_run_over_tls(stage: Stage) -> None:
    aio, log = stage.aio, stage.log
    payload = bytes(range(256)) * (16 * KIB)

    class Outer(aio.Protocol):  # type: ignore[misc, name-defined]
        def connection_made(self, transport: Any) -> None:
            transport.pause_reading()  # the next data belongs to the inner protocol
            self.upgrading = aio.ensure_future(self.upgrade(transport))

        async def upgrade(self, transport: Any) -> Any:
            loop = aio.get_running_loop()
            self.inner = await loop.start_tls(transport, self, server_context(), server_side=True)
            self.inner.write(b"welcome")

        def data_received(self, data: bytes) -> None:
            self.inner.write(data)

    async def main() -> None:
        loop = aio.get_running_loop()
        server = await loop.create_server(Outer, HOST, 0, ssl=server_context())
        address = server.sockets[0].getsockname()
        reader = aio.StreamReader()
        protocol = aio.StreamReaderProtocol(reader)
        tls = {"server_hostname": NAME}
        outer, _ = await loop.create_connection(
            lambda: protocol, *address, ssl=client_context(), **tls
        )
        inner = await loop.start_tls(outer, protocol, client_context(), **tls)
        log(inner.get_extra_info("peername") == address)
        log(await reader.readexactly(7))
        inner.write(payload)
        log(await reader.readexactly(len(payload)) == payload)
        inner.close()
        log(await reader.read())
        server.close()
        await server.wait_closed()

    assert stage.run(main, real=True) == [True, b"welcome", True, b""]


# Streams


def test_streams_can_use_tls_from_the_start_or_upgrade_later(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def answer(reader: Any, writer: Any) -> None:
        if await reader.readline() == b"STARTTLS\n":
            writer.write(b"go ahead\n")
            await writer.start_tls(server_context())
            await reader.readline()
        writer.write(b"secret\n")
        writer.close()
        await writer.wait_closed()

    async def talk(port: int, **options: Any) -> None:
        reader, writer = await aio.open_connection(HOST, port, **options)
        if not options:
            writer.write(b"STARTTLS\n")
            log(await reader.readline())
            await writer.start_tls(client_context(), server_hostname=NAME)
        writer.write(b"hello\n")
        log(await reader.read())
        writer.close()
        await writer.wait_closed()

    async def main() -> None:
        plain = await aio.start_server(answer, HOST, 0)
        secure = await aio.start_server(answer, HOST, 0, ssl=server_context())
        async with plain, secure:
            await talk(plain.sockets[0].getsockname()[1])
            options = {"ssl": client_context(), "server_hostname": NAME}
            await talk(secure.sockets[0].getsockname()[1], **options)

    assert stage.run(main, real=True) == [b"go ahead\n", b"secret\n", b"secret\n"]


def test_a_stream_protocol_can_start_tls_before_it_is_connected(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    class Upgrading(aio.StreamReaderProtocol):  # type: ignore[misc, name-defined]
        def connection_made(self, transport: Any) -> None:
            transport.pause_reading()
            self.upgrade = aio.ensure_future(self.start_tls(transport))

        async def start_tls(self, transport: Any) -> None:
            options = {"sslcontext": server_context(), "server_side": True}
            tls = await aio.get_running_loop().start_tls(transport, self, **options)
            super().connection_made(tls)  # only now does the reader get a transport

    async def echo(reader: Any, writer: Any) -> None:
        writer.write(await reader.readline())
        writer.close()
        await writer.wait_closed()

    async def main() -> None:
        server = await aio.get_running_loop().create_server(
            lambda: Upgrading(aio.StreamReader(), echo), HOST, 0
        )
        async with server:
            address = server.sockets[0].getsockname()
            options = {"ssl": client_context(), "server_hostname": NAME}
            reader, writer = await aio.open_connection(*address, **options)
            writer.write(b"hello\n")
            log(await reader.read())
            writer.close()
            await writer.wait_closed()

    assert stage.run(main, real=True) == [b"hello\n"]


def test_a_peer_that_is_killed_during_a_transfer_causes_a_connection_error(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def drop(reader: Any, writer: Any) -> None:
        await reader.readexactly(KIB)
        writer.transport.abort()

    async def main() -> None:
        server = await aio.start_server(drop, HOST, 0, ssl=server_context())
        address = server.sockets[0].getsockname()
        reader, writer = await aio.open_connection(
            *address, ssl=client_context(), server_hostname=NAME
        )
        try:
            while True:
                writer.write(bytes(256 * KIB))
                await writer.drain()
        except ConnectionError as error:
            log(describe(error).partition(":")[0] in {"ConnectionResetError", "BrokenPipeError"})
        writer.close()
        log((await attempt_await(writer.wait_closed())).partition(":")[0].startswith("raised "))
        server.close()
        await server.wait_closed()
        log(reader.at_eof())

    assert stage.run(main, real=True)[0] is True


@older_asyncio_differs("3.14.10", "gh-160520: waits for ever")
def test_the_shutdown_timeout_also_covers_a_peer_that_sent_eof_and_does_not_read(
    stage: Stage,
) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        protocol = QuietRecorder(stage)
        async with tls_connection(stage, protocol, ssl_shutdown_timeout=5) as (transport, peer):
            transport.write(bytes(MORE_THAN_A_SOCKET_HOLDS))
            peer.sock.shutdown(socket.SHUT_WR)
            await aio.sleep(4)
            log(transport.is_closing(), protocol.lost.done())
            await aio.sleep(2)
            log(protocol.lost.done(), stage.now)
            transport.abort()
            await protocol.lost

    assert stage.run(main) == [
        MADE,
        ("protocol", "eof"),
        (True, False),
        ("protocol", "lost", "TimeoutError: SSL shutdown timed out"),
        (True, 6.0),
    ]
