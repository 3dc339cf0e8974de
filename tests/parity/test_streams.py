"""StreamReader, StreamWriter, open_connection and start_server."""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.certificates import NAME, TLSPeer, client_context, server_context
from tests.parity.harness import Stage, attempt, attempt_await, older_asyncio_differs, outcome
from tests.parity.network import (
    HOST,
    MORE_THAN_A_SOCKET_HOLDS,
    listener,
    pair,
    reset,
    taken_port,
    unread,
)


@contextlib.asynccontextmanager
async def streams(stage: Stage, **options: Any) -> AsyncIterator[tuple[Any, Any, socket.socket]]:
    """Yield a reader, a writer and the socket at the other end."""
    with pair() as (ours, peer):
        reader, writer = await stage.aio.open_connection(sock=ours, **options)
        try:
            yield reader, writer, peer
        finally:
            if not writer.is_closing():
                writer.transport.abort()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()


def reader_with(stage: Stage, *pieces: bytes, limit: int = 2**16, eof: bool = False) -> Any:
    """Return a reader without a connection that contains `pieces`."""
    reader = stage.aio.StreamReader(limit=limit)
    for piece in pieces:
        reader.feed_data(piece)
    if eof:
        reader.feed_eof()
    return reader


# -- reading ---------------------------------------------------------------------------------------


def test_read_returns_the_available_data_and_waits_if_there_is_none(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        loop = aio.get_running_loop()
        async with streams(stage) as (reader, _, peer):
            peer.send(b"abcdef")
            log(await reader.read(0), await reader.read(4), await reader.read(4))
            loop.call_later(1, peer.send, b"more")
            log(await reader.read(100), stage.now)
            peer.shutdown(socket.SHUT_WR)
            log(reader.at_eof(), await reader.read(100), reader.at_eof())
            log(await reader.read(100), await reader.read(), await reader.readline())

    assert stage.run(main) == [
        (b"", b"abcd", b"ef"),
        (b"more", 1.0),
        (False, b"", True),
        (b"", b"", b""),
    ]


def test_read_without_a_size_returns_everything_up_to_eof(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        loop = aio.get_running_loop()
        async with streams(stage, limit=4) as (reader, _, peer):
            for delay in (1, 2, 3):
                loop.call_later(delay, peer.send, b"%d abcdef, " % delay)
            loop.call_later(4, peer.shutdown, socket.SHUT_WR)
            log(await reader.read(), stage.now)

    assert stage.run(main) == [(b"1 abcdef, 2 abcdef, 3 abcdef, ", 4.0)]


def test_readexactly_waits_for_all_bytes(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        loop = aio.get_running_loop()
        async with streams(stage, limit=2) as (reader, _, peer):
            for delay in (1, 2, 3):
                loop.call_later(delay, peer.send, b"abcdef")
            log(await reader.readexactly(0), await reader.readexactly(14), stage.now)
            peer.shutdown(socket.SHUT_WR)
            try:
                await reader.readexactly(5)
            except aio.IncompleteReadError as error:
                log(str(error), error.partial, error.expected)
            log(await attempt_await(reader.readexactly(-1)))

    assert stage.run(main) == [
        (b"", b"abcdefabcdefab", 3.0),
        ("4 bytes read on a total of 5 expected bytes", b"cdef", 5),
        "raised ValueError: readexactly size can not be less than zero",
    ]


def test_lines_are_returned_with_their_line_ending(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        loop = aio.get_running_loop()
        async with streams(stage) as (reader, _, peer):
            peer.send(b"one\n\ntwo\r\nth")
            for _ in range(3):
                log(await reader.readline())
            loop.call_later(1, peer.send, b"ree\nlast")
            log(await reader.readline(), stage.now)
            peer.shutdown(socket.SHUT_WR)
            log(await reader.readline(), await reader.readline())

    assert stage.run(main) == [b"one\n", b"\n", b"two\r\n", (b"three\n", 1.0), (b"last", b"")]


def test_a_reader_is_an_asynchronous_iterator_of_lines(stage: Stage) -> None:
    log = stage.log

    async def main() -> None:
        async with streams(stage) as (reader, _, peer):
            peer.send(b"one\ntwo\n\nlast")
            peer.shutdown(socket.SHUT_WR)
            async for line in reader:
                log(line)

    assert stage.run(main) == [b"one\n", b"two\n", b"\n", b"last"]


def test_readuntil_finds_a_separator_that_arrives_in_pieces(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        loop = aio.get_running_loop()
        async with streams(stage) as (reader, _, peer):
            for delay, piece in enumerate((b"head\r", b"\n\r", b"\nbody\r\n", b"\r\n"), start=1):
                loop.call_later(delay, peer.send, piece)
            log(await reader.readuntil(b"\r\n\r\n"), stage.now)
            log(await reader.readuntil(b"\r\n\r\n"), stage.now)
            peer.send(b"not \r\n ended")
            peer.shutdown(socket.SHUT_WR)
            log(await attempt_await(reader.readuntil(b"\r\n\r\n")), reader.at_eof())

    assert stage.run(main) == [
        (b"head\r\n\r\n", 3.0),
        (b"body\r\n\r\n", 4.0),
        ("raised IncompleteReadError: 12 bytes read on a total of undefined expected bytes", True),
    ]


@older_asyncio_differs("3.13", "readuntil() accepts only one separator")
@pytest.mark.parametrize(
    ("separators", "pieces"),
    [
        ((b"\n", b"\r\n"), [b"a\r\n", b"b\n", b"c\r\n"]),
        ((b";", b","), [b"a\r\nb\nc\r\nd,", b"e;"]),
        ((b"d,e", b","), [b"a\r\nb\nc\r\nd,"]),
        ((b"d,", b","), [b"a\r\nb\nc\r\nd,"]),
        ((b",", b"d,"), [b"a\r\nb\nc\r\nd,"]),
        ((b"e;f", b"xxxx", b"d,e;"), [b"a\r\nb\nc\r\nd,e;", b"fxxxx"]),
    ],
)
def test_of_several_separators_the_one_that_ends_first_is_used(
    stage: Stage, separators: tuple[bytes, ...], pieces: list[bytes]
) -> None:
    log = stage.log

    async def main() -> None:
        reader = reader_with(stage, b"a\r\nb\nc\r\nd,e;fxxxx")
        for _ in pieces:
            log(await reader.readuntil(separators))

    assert stage.run(main) == pieces


@older_asyncio_differs("3.13", "readuntil() accepts only one separator")
def test_separators_must_not_be_missing_or_empty(stage: Stage) -> None:
    log = stage.log

    async def main() -> None:
        reader = reader_with(stage, b"data")
        for separator in (b"", (), (b"a", b"")):
            log(await attempt_await(reader.readuntil(separator)))
        log(await reader.read(10))

    assert stage.run(main) == [
        "raised ValueError: Separator should be at least one-byte string",
        "raised ValueError: Separator should contain at least one element",
        "raised ValueError: Separator should be at least one-byte string",
        b"data",
    ]


def test_data_over_the_limit_stays_in_the_buffer(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        for data in (b"too long for it", b"too long|more"):
            reader = reader_with(stage, data, limit=5)
            try:
                await reader.readuntil(b"|")
            except aio.LimitOverrunError as error:
                log(str(error), error.consumed)
            log(await reader.read(100))
        log(await reader_with(stage, b"12345|more", limit=5).readuntil(b"|"))

    assert stage.run(main) == [
        ("Separator is not found, and chunk exceed the limit", 15),
        b"too long for it",
        ("Separator is found, but chunk is longer than limit", 8),
        b"too long|more",
        b"12345|",
    ]


def test_a_line_over_the_limit_is_discarded(stage: Stage) -> None:
    log = stage.log

    async def main() -> None:
        reader = reader_with(stage, b"much too long\nfine\n", limit=5)
        log(await attempt_await(reader.readline()), await reader.readline())
        reader = reader_with(stage, b"without an end", limit=5)
        log(await attempt_await(reader.readline()))
        reader.feed_data(b" at all\n")
        log(await attempt_await(reader.readline()))
        reader.feed_data(b"fine\n")
        log(await reader.readline())

    assert stage.run(main) == [
        ("raised ValueError: Separator is found, but chunk is longer than limit", b"fine\n"),
        "raised ValueError: Separator is not found, and chunk exceed the limit",
        "raised ValueError: Separator is found, but chunk is longer than limit",
        b"fine\n",
    ]


def test_only_one_task_can_wait_for_data(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        reader = reader_with(stage)
        waiting = aio.create_task(reader.readline())
        await aio.sleep(0)
        for second in (reader.read(1), reader.readexactly(1), reader.readuntil(b";")):
            log(await attempt_await(second))
        reader.feed_data(b"for the first\n")
        log(await waiting)

    message = "called while another coroutine is already waiting for incoming data"
    assert stage.run(main) == [
        f"raised RuntimeError: read() {message}",
        f"raised RuntimeError: readexactly() {message}",
        f"raised RuntimeError: readuntil() {message}",
        b"for the first\n",
    ]


def test_a_concurrent_read_can_make_readline_miss_the_end_of_a_line(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        reader = reader_with(stage, b"1234")
        line = aio.create_task(reader.readline())
        await aio.sleep(0)
        log(await reader.read(4))  # readline() has searched this far
        reader.feed_data(b"5\n")
        await aio.sleep(0)
        reader.feed_data(b"6\n7\n")
        log(await line)

    assert stage.run(main) == [b"1234", b"5\n6\n7\n"]


@older_asyncio_differs("3.13", "readuntil() accepts only one separator")
def test_with_several_separators_readuntil_searches_again_after_a_concurrent_read(
    stage: Stage,
) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        reader = reader_with(stage, b"1234")
        line = aio.create_task(reader.readuntil((b"\n", b"abc")))
        await aio.sleep(0)
        log(await reader.read(4))
        for piece in (b"xab", b"c"):
            reader.feed_data(piece)
            await aio.sleep(0)
        log(await aio.wait_for(line, 1))

    assert stage.run(main) == [b"1234", b"xabc"]


def test_a_cancelled_read_loses_no_data(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        loop = aio.get_running_loop()
        async with streams(stage) as (reader, _, peer):
            loop.call_later(1, peer.send, b"the first ")
            log(await attempt_await(aio.wait_for(reader.readline(), 2)), stage.now)
            peer.send(b"line\n")
            log(await reader.readline(), stage.now)

    assert stage.run(main) == [("raised TimeoutError", 2.0), (b"the first line\n", 2.0)]


def test_set_exception_makes_the_current_and_all_later_reads_raise(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        reader = reader_with(stage, b"data")
        waiting = aio.create_task(reader.readexactly(10))
        await aio.sleep(0)
        log(reader.exception())
        reader.set_exception(ValueError("the end"))
        log(await attempt_await(waiting), reader.exception() is not None)
        for later in (reader.read(1), reader.readexactly(1), reader.readuntil(), reader.readline()):
            log(await attempt_await(later))
        log(reader.at_eof())

    assert stage.run(main) == [
        None,
        ("raised ValueError: the end", True),
        *["raised ValueError: the end"] * 4,
        False,
    ]


def test_a_reader_pauses_a_sender_that_is_too_fast(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        async with streams(stage, limit=10) as (reader, writer, peer):
            transport = writer.transport
            await aio.sleep(1)
            for piece in (b"x" * 20, b"y"):
                peer.send(piece)
                await aio.sleep(1)
                log(transport.is_reading())
            for count in (10, 1):
                log(await reader.read(count), transport.is_reading())
            peer.send(b"z" * 100)
            await aio.sleep(1)
            log(transport.is_reading(), len(await reader.readexactly(110)))

    assert stage.run(main) == [True, False, (b"x" * 10, False), (b"x", True), (False, 110)]


@pytest.mark.parametrize("read", ["readexactly", "readuntil"])
def test_an_incomplete_read_does_not_resume_the_transport(stage: Stage, read: str) -> None:
    aio, log = stage.aio, stage.log

    class Sender:
        def pause_reading(self) -> None:
            log("paused")

        def resume_reading(self) -> None:
            log("resumed")

    async def main() -> None:
        reader = aio.StreamReader(limit=2)
        reader.set_transport(Sender())
        reader.feed_data(b"abcdef")
        reader.feed_eof()
        too_much = {"readexactly": 7, "readuntil": b"\n" * 7}[read]
        try:
            await getattr(reader, read)(too_much)
        except aio.IncompleteReadError as error:
            log("incomplete", error.partial)
        log("nothing", await reader.readexactly(0))
        log("end", await reader.read(1))

    assert stage.run(main) == [
        "paused",
        ("incomplete", b"abcdef"),
        ("nothing", b""),
        "resumed",
        ("end", b""),
    ]


def test_the_repr_of_a_reader_shows_its_state(stage: Stage) -> None:
    log = stage.log

    async def main() -> None:
        log(
            repr(reader_with(stage)),
            repr(reader_with(stage, b"data", limit=5)),
            repr(reader_with(stage, eof=True)),
        )
        log(attempt(stage.aio.StreamReader, limit=0))

    assert stage.run(main) == [
        ("<StreamReader>", "<StreamReader 4 bytes limit=5>", "<StreamReader eof>"),
        "raised ValueError: Limit cannot be <= 0",
    ]


# -- writing ---------------------------------------------------------------------------------------


def test_a_writer_can_write_drain_and_send_eof(stage: Stage) -> None:
    log = stage.log

    async def main() -> None:
        async with streams(stage) as (reader, writer, peer):
            writer.write(b"one, ")
            writer.writelines([b"two, ", b"three"])
            log(await writer.drain(), unread(peer))
            log(writer.can_write_eof(), writer.write_eof(), peer.recv(10))
            peer.send(b"an answer")
            log(await reader.read(100))

    assert stage.run(main) == [(None, b"one, two, three"), (True, None, b""), b"an answer"]


def test_drain_waits_until_the_buffer_has_room(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        loop = aio.get_running_loop()
        async with streams(stage) as (_, writer, peer):

            async def drain(name: str) -> None:
                await writer.drain()
                log(name, "drained")

            writer.write(bytes(MORE_THAN_A_SOCKET_HOLDS))
            first, second = aio.create_task(drain("first")), aio.create_task(drain("second"))
            await aio.sleep(1)
            log("full", first.done(), second.done())
            while writer.transport.get_write_buffer_size():
                await loop.sock_recv(peer, 1_000_000)
            await aio.gather(first, second)
            log(await writer.drain())

    assert stage.run(main) == [
        ("full", False, False),
        ("first", "drained"),
        ("second", "drained"),
        None,
    ]


def test_a_cancelled_drain_leaves_the_others_waiting(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        async with streams(stage) as (_, writer, _):
            writer.write(bytes(MORE_THAN_A_SOCKET_HOLDS))
            first, second = aio.create_task(writer.drain()), aio.create_task(writer.drain())
            await aio.sleep(1)
            first.cancel()
            await aio.sleep(1)
            log(outcome(first), outcome(second))
            writer.transport.abort()
            log(await attempt_await(second))

    assert stage.run(main) == [("cancelled", "pending"), "returned None"]


def test_a_lost_connection_makes_drain_read_and_wait_closed_raise(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        async with streams(stage) as (reader, writer, peer):
            writer.transport.pause_reading()
            writer.write(bytes(MORE_THAN_A_SOCKET_HOLDS))
            draining = aio.create_task(writer.drain())
            reading = aio.create_task(reader.read(1))
            await aio.sleep(1)
            peer.close()
            log(await attempt_await(draining))
            log(await attempt_await(reading))
            log(await attempt_await(writer.drain()))
            log(await attempt_await(writer.wait_closed()), writer.is_closing())

    assert stage.run(main) == [
        *["raised BrokenPipeError: [Errno 32] Broken pipe"] * 3,
        ("raised BrokenPipeError: [Errno 32] Broken pipe", True),
    ]


def test_wait_closed_returns_when_close_is_complete(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        async with streams(stage) as (reader, writer, peer):
            waiting = aio.create_task(writer.wait_closed())
            await aio.sleep(1)
            log(writer.is_closing(), waiting.done())
            writer.write(b"the last")
            writer.close()
            log(writer.is_closing(), await waiting, stage.now)
            log(unread(peer), reader.at_eof(), await reader.read())
            log(await writer.wait_closed(), writer.close())
            log(await attempt_await(writer.drain()))

    assert stage.run(main) == [
        (False, False),
        (True, None, 1.0),
        (b"the last", True, b""),
        (None, None),
        "raised ConnectionResetError: Connection lost",
    ]


def test_drain_after_close_raises_if_the_connection_is_lost(stage: Stage) -> None:
    log = stage.log

    async def main() -> None:
        async with streams(stage) as (_, writer, _):
            writer.close()
            writer.write(b"to a lost connection")
            log(await attempt_await(writer.drain()))

    assert stage.run(main) == ["raised ConnectionResetError: Connection lost"]


def test_a_reset_is_raised_by_the_reader_and_by_wait_closed(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        with listener() as listening:
            reader, writer = await aio.open_connection(*listening.getsockname())
            accepted, _ = listening.accept()
            reset(accepted)
            log(await attempt_await(reader.readline()), reader.at_eof())
            log(await attempt_await(writer.wait_closed()))

    error = "raised ConnectionResetError: [Errno 104] Connection reset by peer"
    assert stage.run(main, real=True) == [(error, False), error]


def test_get_extra_info_of_a_writer_asks_its_transport(stage: Stage) -> None:
    log = stage.log

    async def main() -> None:
        async with streams(stage) as (_, writer, peer):
            log(writer.get_extra_info("socket").fileno() >= 0)
            log(writer.get_extra_info("color"), writer.get_extra_info("color", "red"))
            log(writer.get_extra_info("peername") == peer.getsockname())

    assert stage.run(main) == [True, (None, "red"), True]


def test_a_writer_that_is_never_closed_warns_and_is_closed(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        with pair() as (ours, peer):
            with stage.warnings_logged():
                await aio.open_connection(sock=ours)
                stage.collect()
            await aio.sleep(0)
            log(peer.recv(10))

    stage.run(main)
    steps: list[Any] = list(stage.log)
    assert steps[-1] == b""
    assert [step[1] for step in steps[:-1]] == ["ResourceWarning"]
    assert steps[0][2].startswith("unclosed <StreamWriter transport=<_SelectorSocketTransport")


# -- connections and servers -----------------------------------------------------------------------


def test_open_connection_fails_like_create_connection(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        with taken_port() as port:
            message = await attempt_await(aio.open_connection(HOST, port))
            log(message.replace(str(port), "PORT"))
        log(await attempt_await(aio.open_connection()))

    assert stage.run(main, real=True) == [
        "raised ConnectionRefusedError: [Errno 111] Connect call failed ('127.0.0.1', PORT)",
        "raised ValueError: host and port was not specified and no sock specified",
    ]


def test_a_server_and_a_client_exchange_lines(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def to_upper(reader: Any, writer: Any) -> None:
        async for line in reader:
            writer.write(line.upper())
            await writer.drain()
        writer.close()
        await writer.wait_closed()
        log("the client has closed")

    async def main() -> None:
        server = await aio.start_server(to_upper, HOST, 0)
        reader, writer = await aio.open_connection(*server.sockets[0].getsockname())
        for line in (b"hello\n", b"world\n"):
            writer.write(line)
            log(await reader.readline())
        writer.write_eof()
        log(await reader.read())
        writer.close()
        await writer.wait_closed()
        server.close()
        await server.wait_closed()

    steps = stage.run(main, real=True)
    assert sorted(map(str, steps)) == sorted(
        ["b'HELLO\\n'", "b'WORLD\\n'", "the client has closed", "b''"]
    )


def test_many_clients_are_served_concurrently(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        all_connected = aio.Barrier(20)

        async def serve(reader: Any, writer: Any) -> None:
            data = await reader.readline()
            await all_connected.wait()
            writer.write(data)
            writer.close()
            await writer.wait_closed()

        async def call(number: int) -> bytes:
            reader, writer = await aio.open_connection(*address)
            writer.write(b"%d\n" % number)
            answer: bytes = await reader.read()
            writer.close()
            await writer.wait_closed()
            return answer

        server = await aio.start_server(serve, HOST, 0)
        address = server.sockets[0].getsockname()
        answers = await aio.gather(*map(call, range(20)))
        log(answers == [b"%d\n" % number for number in range(20)])
        server.close()
        await server.wait_closed()

    assert stage.run(main, real=True) == [True]


def test_the_client_callback_may_be_a_plain_function(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    def serve(_: Any, writer: Any) -> None:
        writer.write(b"hello and goodbye")
        writer.close()

    async def main() -> None:
        server = await aio.start_server(serve, HOST, 0)
        reader, writer = await aio.open_connection(*server.sockets[0].getsockname())
        log(await reader.read())
        writer.close()
        await writer.wait_closed()
        server.close()
        await server.wait_closed()

    assert stage.run(main, real=True) == [b"hello and goodbye"]


async def connection_of(stage: Stage, serve: Any, peer_sends: bytes) -> None:
    """Serve one connection with `serve`, and log whether it is closed afterwards."""
    aio = stage.aio
    with pair() as (ours, peer):
        protocol = aio.StreamReaderProtocol(aio.StreamReader(), serve)
        transport, _ = await aio.get_running_loop().create_connection(lambda: protocol, sock=ours)
        if peer_sends:
            peer.send(peer_sends)
        await aio.sleep(1)
        stage.log("closed", transport.is_closing())
        transport.abort()
        await aio.sleep(0)


def test_a_client_callback_that_raises_is_reported_and_its_connection_is_closed(
    stage: Stage,
) -> None:
    aio = stage.aio

    async def serve(reader: Any, _: Any) -> None:
        await reader.readline()
        raise ValueError("in the callback")

    async def main() -> None:
        aio.get_running_loop().set_exception_handler(stage.report)
        await connection_of(stage, serve, b"hello\n")

    assert stage.run(main) == [
        ("report", "Unhandled exception in client_connected_cb", "ValueError: in the callback"),
        ("closed", True),
    ]


def test_the_report_names_the_transport_of_a_client_callback_even_if_it_is_closed(
    stage: Stage,
) -> None:
    aio, log = stage.aio, stage.log

    async def serve(_: Any, writer: Any) -> None:
        def report(_: Any, context: dict[str, Any]) -> None:
            log(context["transport"] is writer.transport)

        aio.get_running_loop().set_exception_handler(report)
        writer.close()
        await writer.wait_closed()
        raise ValueError("after the end")

    async def main() -> None:
        await connection_of(stage, serve, b"")

    assert stage.run(main) == [True, ("closed", True)]


@older_asyncio_differs("3.13", "the connection of a cancelled callback stays open")
def test_a_client_callback_that_is_cancelled_closes_its_connection(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def serve(reader: Any, writer: Any) -> None:
        log(await reader.readline(), writer.is_closing())
        aio.current_task().cancel()
        await reader.readline()

    async def main() -> None:
        await connection_of(stage, serve, b"hello\n")

    assert stage.run(main) == [(b"hello\n", False), ("closed", True)]


@older_asyncio_differs("3.14.8", "gh-155941: reports an exception of connection_made()")
def test_a_plain_client_callback_that_raises_is_reported_like_a_coroutine(stage: Stage) -> None:
    aio = stage.aio

    def serve(_: Any, __: Any) -> None:
        raise ValueError("in the callback")

    async def main() -> None:
        aio.get_running_loop().set_exception_handler(stage.report)
        await connection_of(stage, serve, b"")

    assert stage.run(main) == [
        ("report", "Unhandled exception in client_connected_cb", "ValueError: in the callback"),
        ("closed", True),
    ]


@older_asyncio_differs("3.14.4", "gh-142352: loses the first bytes of the handshake")
def test_a_server_can_start_tls_after_the_client_has_begun_the_handshake(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def serve(reader: Any, writer: Any) -> None:
        log(await reader.readline())
        await aio.sleep(0.01)
        async with aio.timeout(1):
            await writer.start_tls(server_context())
        writer.write(b"over TLS")
        writer.close()

    async def main() -> None:
        async with await aio.start_server(serve, HOST, 0) as server:
            with socket.create_connection(server.sockets[0].getsockname()) as sock:
                sock.setblocking(False)
                sock.send(b"a line, and in the same packet: ")
                peer = TLSPeer(aio.get_running_loop(), sock, client_context(), NAME)
                with contextlib.suppress(ssl.SSLWantReadError):
                    peer.tls.do_handshake()
                sock.send(b"\n" + peer.outgoing.read())
                await peer.handshake()
                log(await peer.receive(8))

    assert stage.run(main, real=True) == [b"a line, and in the same packet: \n", b"over TLS"]


def test_an_end_of_file_without_a_connection_keeps_the_connection_open(stage: Stage) -> None:
    # Programs feed a StreamReaderProtocol without a transport: a pipe of their own, for example.
    aio, log = stage.aio, stage.log

    async def main() -> None:
        reader = aio.StreamReader()
        protocol = aio.StreamReaderProtocol(reader)
        protocol.data_received(b"data")
        log(protocol.eof_received(), await reader.read())

    assert stage.run(main) == [(True, b"data")]
