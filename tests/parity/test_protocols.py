"""Transports and protocols: the order of the callbacks, and what closes a connection."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from tests.parity.harness import Stage, attempt, attempt_await, normalise, older_asyncio_differs
from tests.parity.network import (
    HOST,
    MORE_THAN_A_SOCKET_HOLDS,
    Recorder,
    connected,
    fill,
    listener,
    pair,
    reset,
    taken_port,
    unread,
)

MADE = ("protocol", "made")
LOST = ("protocol", "lost", None)


def test_the_callbacks_of_a_connection_come_in_order(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        loop = aio.get_running_loop()
        protocol = Recorder(stage)
        with pair() as (ours, peer):
            peer.send(b"early data")
            transport, found = await loop.create_connection(lambda: protocol, sock=ours)
            log("connected", found is protocol, transport.get_protocol() is protocol)
            await aio.sleep(1)
            peer.send(b"more")
            peer.shutdown(socket.SHUT_WR)
            await protocol.lost
            log(ours.fileno(), transport.is_closing(), unread(peer))

    assert stage.run(main) == [
        MADE,
        ("connected", True, True),
        ("protocol", "received", b"early data"),
        ("protocol", "received", b"more"),
        ("protocol", "eof"),
        LOST,
        (-1, True, b""),
    ]


def test_a_protocol_that_overrides_nothing_accepts_every_callback(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        async with connected(stage, aio.Protocol()) as (transport, peer):
            transport.write(bytes(MORE_THAN_A_SOCKET_HOLDS))
            peer.send(b"data")
            while transport.get_write_buffer_size():
                unread(peer)
                await aio.sleep(0)
            unread(peer)
            peer.shutdown(socket.SHUT_WR)
            log(transport.is_closing())
            await aio.sleep(1)
            log(transport.is_closing())

    assert stage.run(main) == [False, True]


def test_written_data_arrives_in_order(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        async with connected(stage, Recorder(stage)) as (transport, peer):
            transport.write(b"bytes, ")
            transport.write(b"")
            transport.write(bytearray(b"an array, "))
            transport.writelines([memoryview(b"a view, "), b"", b"several "])
            transport.writelines([])
            transport.writelines([b"pieces"])
            log(unread(peer), transport.get_write_buffer_size())
            await aio.sleep(0)

    assert stage.run(main) == [MADE, (b"bytes, an array, a view, several pieces", 0), LOST]


def test_data_that_does_not_fit_into_the_socket_is_sent_later(stage: Stage) -> None:
    aio, log = stage.aio, stage.log
    data = bytes(range(256)) * (MORE_THAN_A_SOCKET_HOLDS // 256)

    async def main() -> None:
        loop = aio.get_running_loop()
        async with connected(stage, Recorder(stage)) as (transport, peer):
            transport.write(data)
            transport.write(b"the end")
            log(transport.get_write_buffer_size() > 0)
            received = bytearray()
            while not received.endswith(b"the end"):
                received += await loop.sock_recv(peer, 1_000_000)
            log(received[:-7] == data, transport.get_write_buffer_size())

    assert stage.run(main) == [
        MADE,
        ("protocol", "pause"),
        True,
        ("protocol", "resume"),
        (True, 0),
        LOST,
    ]


def test_writing_pauses_above_the_high_water_mark_and_resumes_at_the_low_one(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        loop = aio.get_running_loop()
        async with connected(stage, Recorder(stage)) as (transport, peer):
            transport.set_write_buffer_limits(high=2 * MORE_THAN_A_SOCKET_HOLDS, low=0)
            transport.write(bytes(MORE_THAN_A_SOCKET_HOLDS))
            room = 2 * MORE_THAN_A_SOCKET_HOLDS - transport.get_write_buffer_size()
            transport.write(bytes(room))
            log("at the high water mark")
            transport.write(b"!")
            log(
                "above the high water mark",
                transport.get_write_buffer_size() - 2 * MORE_THAN_A_SOCKET_HOLDS,
            )
            while transport.get_write_buffer_size():
                await loop.sock_recv(peer, 1_000_000)
            log("empty")

    assert stage.run(main) == [
        MADE,
        "at the high water mark",
        ("protocol", "pause"),
        ("above the high water mark", 1),
        ("protocol", "resume"),
        "empty",
        LOST,
    ]


def test_water_marks_have_defaults_and_low_must_not_exceed_high(stage: Stage) -> None:
    log = stage.log

    async def main() -> None:
        async with connected(stage, Recorder(stage)) as (transport, _):
            log(transport.get_write_buffer_limits())
            for marks in ({"high": 100}, {"low": 100}, {"high": 0}, {"high": 7, "low": 3}, {}):
                transport.set_write_buffer_limits(**marks)
                log(transport.get_write_buffer_limits())
            log(attempt(transport.set_write_buffer_limits, high=1, low=2))
            log(attempt(transport.set_write_buffer_limits, -1))

    assert stage.run(main) == [
        MADE,
        (16384, 65536),
        (25, 100),
        (100, 400),
        (0, 0),
        (3, 7),
        (16384, 65536),
        "raised ValueError: high (1) must be >= low (2) must be >= 0",
        "raised ValueError: high (-1) must be >= low (-1) must be >= 0",
        LOST,
    ]


def test_lowering_the_high_water_mark_can_pause_writing_at_once(stage: Stage) -> None:
    log = stage.log

    async def main() -> None:
        async with connected(stage, Recorder(stage)) as (transport, _):
            transport.set_write_buffer_limits(high=2 * MORE_THAN_A_SOCKET_HOLDS)
            transport.write(bytes(MORE_THAN_A_SOCKET_HOLDS))
            log("buffered")
            transport.set_write_buffer_limits(high=1)
            log("lowered")

    assert stage.run(main) == [MADE, "buffered", ("protocol", "pause"), "lowered", LOST]


@older_asyncio_differs("3.13.2", "gh-127655: never pauses", first="3.12")
def test_writelines_pauses_as_write_does(stage: Stage) -> None:
    log = stage.log

    async def main() -> None:
        async with connected(stage, Recorder(stage)) as (transport, _):
            transport.writelines([bytes(MORE_THAN_A_SOCKET_HOLDS)])
            log("written")

    assert stage.run(main) == [MADE, ("protocol", "pause"), "written", LOST]


def test_a_paused_transport_does_not_read(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        async with connected(stage, Recorder(stage)) as (transport, peer):
            await aio.sleep(1)
            log(transport.is_reading(), transport.pause_reading(), transport.is_reading())
            transport.pause_reading()
            peer.send(b"data")
            await aio.sleep(1)
            log("nothing yet", stage.now)
            log(transport.resume_reading(), transport.is_reading())
            transport.resume_reading()
            await aio.sleep(1)
            transport.close()
            log(transport.is_reading(), transport.pause_reading(), transport.resume_reading())

    assert stage.run(main) == [
        MADE,
        (True, None, False),
        ("nothing yet", 2.0),
        (None, True),
        ("protocol", "received", b"data"),
        (False, None, None),
        LOST,
    ]


def test_a_protocol_may_pause_reading_in_connection_made(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    class Pausing(Recorder):
        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            transport.pause_reading()

    async def main() -> None:
        async with connected(stage, Pausing(stage)) as (transport, peer):
            peer.send(b"data")
            await aio.sleep(1)
            log("nothing yet")
            transport.resume_reading()
            await aio.sleep(1)

    assert stage.run(main) == [MADE, "nothing yet", ("protocol", "received", b"data"), LOST]


def test_write_eof_closes_only_the_write_direction(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        protocol = Recorder(stage)
        async with connected(stage, protocol) as (transport, peer):
            log(transport.can_write_eof(), transport.write(b"the last"), transport.write_eof())
            log(transport.write_eof(), transport.is_closing())
            log(peer.recv(100), peer.recv(100))
            log(attempt(transport.write, b"more"))
            peer.send(b"the answer")
            await aio.sleep(1)
            peer.close()
            await protocol.lost

    assert stage.run(main) == [
        MADE,
        (True, None, None),
        (None, False),
        (b"the last", b""),
        "raised RuntimeError: Cannot call write() after write_eof()",
        ("protocol", "received", b"the answer"),
        ("protocol", "eof"),
        LOST,
    ]


@older_asyncio_differs("3.12", "the message names write() instead of writelines()")
def test_writelines_after_write_eof_raises(stage: Stage) -> None:
    log = stage.log

    async def main() -> None:
        async with connected(stage, Recorder(stage)) as (transport, _):
            transport.write_eof()
            log(attempt(transport.writelines, [b"more"]))

    assert stage.run(main) == [
        MADE,
        "raised RuntimeError: Cannot call writelines() after write_eof()",
        LOST,
    ]


@older_asyncio_differs("3.14.8", "gh-155888: an empty piece stays in the buffer", first="3.12")
@pytest.mark.parametrize("pieces", [[b""], [b"data", b""]])
def test_empty_pieces_in_writelines_do_not_keep_a_transport_open(
    stage: Stage, pieces: list[bytes]
) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        protocol = Recorder(stage)
        async with connected(stage, protocol) as (transport, peer):
            transport.writelines(pieces)
            transport.close()
            for _ in range(3):  # not sleep(1): the clock stands still while the socket is ready
                await aio.sleep(0)
            log("closed", protocol.lost.done(), unread(peer))
            transport.abort()

    assert stage.run(main) == [MADE, LOST, ("closed", True, b"".join(pieces))]


@older_asyncio_differs("3.13.2", "gh-115514: raises TypeError", first="3.12")
def test_writelines_on_a_closing_transport_adds_to_its_buffer(stage: Stage) -> None:
    log = stage.log

    async def main() -> None:
        async with connected(stage, Recorder(stage)) as (transport, _):
            fill(transport.get_extra_info("socket")._sock)
            transport.write(b"kept")
            transport.close()
            log(attempt(transport.writelines, [b"1", b"2"]), transport.get_write_buffer_size())
            transport.abort()

    assert stage.run(main) == [MADE, ("returned None", 6), LOST]


@older_asyncio_differs("3.14.8", "gh-156512: sends it, and abort() raises AttributeError")
def test_what_connection_lost_writes_after_the_buffer_was_sent_is_dropped(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    class Late(Recorder):
        def connection_lost(self, error: Exception | None) -> None:
            self.transport.write(b", and more")
            super().connection_lost(error)

    async def main() -> None:
        async with connected(stage, Late(stage)) as (transport, peer):
            fill(transport.get_extra_info("socket")._sock)
            transport.write(b"the last")
            transport.close()
            while transport.get_write_buffer_size():
                received = unread(peer)
                await aio.sleep(0)
            log((received + unread(peer))[-8:], attempt(transport.abort))

    assert stage.run(main) == [MADE, LOST, (b"the last", "returned None")]


def test_the_end_of_file_is_sent_after_the_buffered_data(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        loop = aio.get_running_loop()
        async with connected(stage, Recorder(stage)) as (transport, peer):
            transport.write(bytes(MORE_THAN_A_SOCKET_HOLDS))
            transport.write_eof()
            count = 0
            while data := await loop.sock_recv(peer, 1_000_000):
                count += len(data)
            log(count == MORE_THAN_A_SOCKET_HOLDS, transport.is_closing())

    assert stage.run(main) == [
        MADE,
        ("protocol", "pause"),
        ("protocol", "resume"),
        (True, False),
        LOST,
    ]


def test_a_protocol_may_keep_writing_after_it_has_received_eof(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        protocol = Recorder(stage)
        protocol.keep_open = True
        async with connected(stage, protocol) as (transport, peer):
            peer.send(b"question")
            peer.shutdown(socket.SHUT_WR)
            await aio.sleep(1)
            log(transport.is_closing(), transport.is_reading())
            transport.write(b"answer")
            log(unread(peer))
            transport.close()
            await protocol.lost
            log(peer.recv(10))

    assert stage.run(main) == [
        MADE,
        ("protocol", "received", b"question"),
        ("protocol", "eof"),
        (False, True),
        b"answer",
        LOST,
        b"",
    ]


def test_close_sends_the_buffered_data_and_stops_reading(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        protocol = Recorder(stage)
        async with connected(stage, protocol) as (transport, peer):
            transport.write(bytes(MORE_THAN_A_SOCKET_HOLDS))
            transport.close()
            transport.close()
            log("closing", transport.is_closing(), transport.get_write_buffer_size() > 0)
            await aio.sleep(1)
            log("still draining", protocol.lost.done(), transport.is_reading())
            count = 0
            while not protocol.lost.done():
                count += len(unread(peer))
                await aio.sleep(0)
            log(count + len(unread(peer)) == MORE_THAN_A_SOCKET_HOLDS)

    assert stage.run(main) == [
        MADE,
        ("protocol", "pause"),
        ("closing", True, True),
        ("still draining", False, False),
        ("protocol", "resume"),
        LOST,
        True,
    ]


def test_close_with_an_empty_buffer_calls_connection_lost_in_the_next_iteration(
    stage: Stage,
) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        protocol = Recorder(stage)
        async with connected(stage, protocol) as (transport, _):
            transport.close()
            log("closed", protocol.lost.done())
            aio.get_running_loop().call_soon(log, "the next iteration")
            await aio.sleep(0)
            log(transport.is_closing(), transport.close(), transport.abort())

    assert stage.run(main) == [
        MADE,
        ("closed", False),
        LOST,
        "the next iteration",
        (True, None, None),
    ]


def test_abort_discards_the_buffer(stage: Stage) -> None:
    log = stage.log

    async def main() -> None:
        protocol = Recorder(stage)
        async with connected(stage, protocol) as (transport, peer):
            transport.write(bytes(MORE_THAN_A_SOCKET_HOLDS))
            transport.abort()
            log(transport.is_closing(), transport.get_write_buffer_size())
            await protocol.lost
            log(0 < len(unread(peer)) < MORE_THAN_A_SOCKET_HOLDS)

    assert stage.run(main) == [MADE, ("protocol", "pause"), (True, 0), LOST, True]


def test_abort_ends_a_close_that_is_still_sending(stage: Stage) -> None:
    log = stage.log

    async def main() -> None:
        protocol = Recorder(stage)
        async with connected(stage, protocol) as (transport, _):
            transport.write(bytes(MORE_THAN_A_SOCKET_HOLDS))
            transport.close()
            transport.abort()
            await protocol.lost
            log("over", stage.now)

    assert stage.run(main) == [MADE, ("protocol", "pause"), LOST, ("over", 0.0)]


def test_a_write_to_a_closed_peer_loses_the_connection(stage: Stage) -> None:
    log = stage.log

    async def main() -> None:
        protocol = Recorder(stage)
        async with connected(stage, protocol) as (transport, peer):
            transport.pause_reading()
            peer.close()
            transport.write(b"data")
            log(transport.is_closing())
            await protocol.lost

    assert stage.run(main) == [
        MADE,
        True,
        ("protocol", "lost", "BrokenPipeError: [Errno 32] Broken pipe"),
    ]


def test_a_peer_that_closes_while_the_buffer_is_sent_loses_the_connection(stage: Stage) -> None:
    aio = stage.aio

    async def main() -> None:
        protocol = Recorder(stage)
        async with connected(stage, protocol) as (transport, peer):
            transport.pause_reading()
            transport.write(bytes(MORE_THAN_A_SOCKET_HOLDS))
            await aio.sleep(1)
            peer.close()
            await protocol.lost

    assert stage.run(main) == [
        MADE,
        ("protocol", "pause"),
        ("protocol", "lost", "BrokenPipeError: [Errno 32] Broken pipe"),
    ]


def test_the_fifth_and_later_writes_to_a_lost_connection_are_logged(stage: Stage) -> None:
    log = stage.log

    async def main() -> None:
        async with connected(stage, Recorder(stage)) as (transport, _):
            transport.abort()
            for number in range(1, 7):
                transport.write(b"to a lost connection")
                log(number, stage.logged())

    assert stage.run(main) == [
        MADE,
        *[(number, []) for number in range(1, 5)],
        (5, ["WARNING socket.send() raised exception."]),
        (6, ["WARNING socket.send() raised exception."]),
        LOST,
    ]


def test_a_reset_is_passed_to_connection_lost(stage: Stage) -> None:
    aio = stage.aio

    async def main() -> None:
        loop = aio.get_running_loop()
        protocol = Recorder(stage)
        with listener() as listening:
            await loop.create_connection(lambda: protocol, *listening.getsockname())
            accepted, _ = listening.accept()
            reset(accepted)
            await protocol.lost

    assert stage.run(main, real=True) == [
        MADE,
        ("protocol", "lost", "ConnectionResetError: [Errno 104] Connection reset by peer"),
    ]


@pytest.mark.parametrize("failing", ["data_received", "eof_received"])
def test_a_callback_that_raises_closes_its_connection(stage: Stage, failing: str) -> None:
    aio = stage.aio

    def fail(*_: object) -> None:
        raise ValueError("in the protocol")

    async def main() -> None:
        aio.get_running_loop().set_exception_handler(stage.report)
        protocol = Recorder(stage)
        setattr(protocol, failing, fail)
        async with connected(stage, protocol) as (_, peer):
            if failing == "data_received":
                peer.send(b"data")
            peer.shutdown(socket.SHUT_WR)
            await protocol.lost

    assert stage.run(main) == [
        MADE,
        (
            "report",
            f"Fatal error: protocol.{failing}() call failed.",
            "ValueError: in the protocol",
        ),
        ("protocol", "lost", "ValueError: in the protocol"),
    ]


def test_an_exception_in_flow_control_is_reported_and_the_connection_stays_open(
    stage: Stage,
) -> None:
    aio, log = stage.aio, stage.log

    class Failing(Recorder):
        def pause_writing(self) -> None:
            raise ValueError("pausing")

        def resume_writing(self) -> None:
            raise ValueError("resuming")

    async def main() -> None:
        loop = aio.get_running_loop()
        loop.set_exception_handler(stage.report)
        async with connected(stage, Failing(stage)) as (transport, peer):
            transport.write(bytes(MORE_THAN_A_SOCKET_HOLDS))
            while transport.get_write_buffer_size():
                await loop.sock_recv(peer, 1_000_000)
            log(transport.is_closing())

    assert stage.run(main) == [
        MADE,
        ("report", "protocol.pause_writing() failed", "ValueError: pausing"),
        ("report", "protocol.resume_writing() failed", "ValueError: resuming"),
        False,
        LOST,
    ]


def test_connection_made_and_connection_lost_may_raise(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    class Failing(Recorder):
        def connection_made(self, transport: Any) -> None:
            raise ValueError("in connection_made")

        def connection_lost(self, error: Exception | None) -> None:
            super().connection_lost(error)
            raise ValueError("in connection_lost")

    async def main() -> None:
        loop = aio.get_running_loop()
        loop.set_exception_handler(lambda _, context: log("report", repr(context["exception"])))
        protocol = Failing(stage)
        with pair() as (ours, peer):
            transport, _ = await loop.create_connection(lambda: protocol, sock=ours)
            log("connected", transport.is_closing())
            peer.close()
            await protocol.lost
            log(ours.fileno())

    assert stage.run(main) == [
        ("report", "ValueError('in connection_made')"),
        ("connected", False),
        ("protocol", "eof"),
        LOST,
        ("report", "ValueError('in connection_lost')"),
        -1,
    ]


@older_asyncio_differs("3.14.8", "leaves it open")
def test_if_the_transport_cannot_be_made_the_socket_is_closed(stage: Stage) -> None:
    # gh-153133
    aio, log = stage.aio, stage.log

    def factory() -> Any:
        raise ValueError("no protocol")

    async def main() -> None:
        loop = aio.get_running_loop()
        for connect in (loop.create_connection, loop.connect_accepted_socket):
            with pair() as (ours, _):
                log(await attempt_await(connect(factory, sock=ours)), ours.fileno() == -1)
        with pair() as (ours, _):
            tls = {"ssl": object(), "server_hostname": "name"}
            opening = loop.create_connection(aio.Protocol, sock=ours, **tls)
            log((await attempt_await(opening))[:21], ours.fileno() == -1)

    assert stage.run(main) == [
        ("raised ValueError: no protocol", True),
        ("raised ValueError: no protocol", True),
        ("raised AttributeError", True),
    ]


class Filling(Recorder):
    """A BufferedProtocol that records each call."""

    def __init__(self, stage: Stage, size: int) -> None:
        super().__init__(stage)
        self.buffer = bytearray(size)

    def get_buffer(self, size_hint: int) -> Any:
        self.log("get_buffer", size_hint)
        return self.buffer

    def buffer_updated(self, count: int) -> None:
        self.log("buffer_updated", bytes(self.buffer[:count]))


def filling(stage: Stage, size: int) -> Any:
    kind = type("Filling", (Filling, stage.aio.BufferedProtocol), {})
    return kind(stage, size)


def test_a_buffered_protocol_provides_its_own_buffer(stage: Stage) -> None:
    aio = stage.aio

    async def main() -> None:
        protocol = filling(stage, 3)
        async with connected(stage, protocol) as (_, peer):
            peer.send(b"abcde")
            await aio.sleep(1)
            peer.close()
            await protocol.lost

    assert stage.run(main) == [
        MADE,
        ("get_buffer", -1),
        ("buffer_updated", b"abc"),
        ("get_buffer", -1),
        ("buffer_updated", b"de"),
        ("get_buffer", -1),
        ("protocol", "eof"),
        LOST,
    ]


def test_an_empty_buffer_closes_the_connection(stage: Stage) -> None:
    aio = stage.aio

    async def main() -> None:
        aio.get_running_loop().set_exception_handler(stage.report)
        protocol = filling(stage, 0)
        async with connected(stage, protocol) as (_, peer):
            peer.send(b"data")
            await protocol.lost

    error = "RuntimeError: get_buffer() returned an empty buffer"
    assert stage.run(main) == [
        MADE,
        ("get_buffer", -1),
        ("report", "Fatal error: protocol.get_buffer() call failed.", error),
        ("protocol", "lost", error),
    ]


@pytest.mark.parametrize("failing", ["get_buffer", "buffer_updated"])
def test_a_buffered_protocol_that_raises_closes_its_connection(stage: Stage, failing: str) -> None:
    aio = stage.aio

    def fail(*_: object) -> None:
        raise BlockingIOError("not the socket's")

    async def main() -> None:
        aio.get_running_loop().set_exception_handler(stage.report)
        protocol = filling(stage, 10)
        setattr(protocol, failing, fail)
        async with connected(stage, protocol) as (_, peer):
            peer.send(b"data")
            await protocol.lost

    # An OSError is not a bug in the program, so it is not reported.
    asked = [("get_buffer", -1)] if failing == "buffer_updated" else []
    assert stage.run(main) == [
        MADE,
        *asked,
        ("protocol", "lost", "BlockingIOError: not the socket's"),
    ]


def test_set_protocol_replaces_the_protocol(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        first, second = Recorder(stage, "first"), filling(stage, 10)
        async with connected(stage, first) as (transport, peer):
            peer.send(b"for the first")
            await aio.sleep(1)
            log(transport.set_protocol(second), transport.get_protocol() is second)
            peer.send(b"second")
            await aio.sleep(1)
            transport.set_protocol(first)
            peer.close()
            await first.lost

    assert stage.run(main) == [
        ("first", "made"),
        ("first", "received", b"for the first"),
        (None, True),
        ("get_buffer", -1),
        ("buffer_updated", b"second"),
        ("first", "eof"),
        ("first", "lost", None),
    ]


@older_asyncio_differs("3.14", "the message says: a bytes-like object")
def test_write_accepts_bytes_only(stage: Stage) -> None:
    log = stage.log

    async def main() -> None:
        async with connected(stage, Recorder(stage)) as (transport, _):
            log(attempt(transport.write, "text"))
            log(attempt(transport.write, None))

    needed = "a bytes, bytearray, or memoryview object"
    assert stage.run(main) == [
        MADE,
        f"raised TypeError: data argument must be {needed}, not 'str'",
        f"raised TypeError: data argument must be {needed}, not 'NoneType'",
        LOST,
    ]


def test_a_transport_knows_its_socket_and_both_addresses(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        loop = aio.get_running_loop()
        protocol = Recorder(stage)
        with listener() as listening:
            address = listening.getsockname()
            transport, _ = await loop.create_connection(lambda: protocol, *address)
            accepted, peer = listening.accept()
            accepted.close()
            log(transport.get_extra_info("peername") == address)
            log(transport.get_extra_info("sockname") == peer)
            sock = transport.get_extra_info("socket")
            log(sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0)
            log(transport.get_extra_info("color"), transport.get_extra_info("color", "red"))
            await protocol.lost
            log(transport.get_extra_info("peername") == address)

    assert stage.run(main, real=True) == [
        MADE,
        True,
        True,
        True,
        (None, "red"),
        ("protocol", "eof"),
        LOST,
        True,
    ]


def test_the_repr_shows_what_a_transport_is_doing(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        protocol = Recorder(stage)
        async with connected(stage, protocol) as (transport, _):
            number = transport.get_extra_info("socket").fileno()

            def shown() -> str:
                return repr(transport).replace(f"fd={number}", "fd=FD")

            await aio.sleep(0)
            log(shown())
            transport.pause_reading()
            log(shown())
            transport.close()
            log(shown())
            await protocol.lost
            log(shown())

    assert stage.run(main) == [
        MADE,
        "<_SelectorSocketTransport fd=FD read=polling write=<idle, bufsize=0>>",
        "<_SelectorSocketTransport fd=FD read=idle write=<idle, bufsize=0>>",
        "<_SelectorSocketTransport closing fd=FD read=idle write=<idle, bufsize=0>>",
        LOST,
        "<_SelectorSocketTransport closed fd=FD>",
    ]


def test_a_transport_that_is_never_closed_warns(stage: Stage) -> None:
    aio, log, loop = stage.aio, stage.log, stage.new_loop()

    async def main() -> None:
        ours, peer = socket.socketpair()
        with peer:
            await loop.create_connection(aio.Protocol, sock=ours)

    with stage.warnings_logged():
        loop.run_until_complete(main())
        loop.close()
        stage.collect()

    # If the garbage collector frees the socket first, the socket warns too.
    answer: list[Any] = [step for step in log if "unclosed transport" in str(step)]
    assert [step[:2] for step in answer] == [("warning", "ResourceWarning")]


def test_create_connection_reports_why_it_failed(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        loop = aio.get_running_loop()
        with taken_port() as port:
            for local in (None, (HOST, 0)):
                answer = await attempt_await(
                    loop.create_connection(aio.Protocol, HOST, port, local_addr=local)
                )
                log(answer.replace(str(port), "PORT"))

    refused = "raised ConnectionRefusedError: [Errno 111] Connect call failed ('127.0.0.1', PORT)"
    assert stage.run(main, real=True) == [refused, refused]


@older_asyncio_differs("3.13", "the errno is missing")
def test_create_connection_reports_why_it_cannot_bind(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        connect = aio.get_running_loop().create_connection
        with taken_port() as port:
            answer = await attempt_await(connect(aio.Protocol, HOST, 1, local_addr=(HOST, port)))
            log(answer.replace(str(port), "PORT"))

    reason = "('127.0.0.1', PORT): [errno 98] address already in use"
    assert stage.run(main, real=True) == [
        f"raised OSError: [Errno 98] error while attempting to bind on address {reason}"
    ]


@older_asyncio_differs("3.12", "create_connection has no all_errors")
def test_create_connection_can_report_every_failure(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        loop = aio.get_running_loop()
        with taken_port() as port:
            answer = await attempt_await(
                loop.create_connection(aio.Protocol, HOST, port, all_errors=True)
            )
            log(answer.replace(str(port), "PORT"))

    refused = "ConnectionRefusedError: [Errno 111] Connect call failed ('127.0.0.1', PORT)"
    assert stage.run(main, real=True) == [
        f"raised ExceptionGroup: create_connection failed [{refused}]"
    ]


@older_asyncio_differs("3.14", "gh-135836: raises IndexError")
def test_an_error_that_is_no_oserror_is_raised_unless_addresses_are_tried_in_parallel(
    stage: Stage,
) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        connect = aio.get_running_loop().create_connection
        for options in ({}, {"happy_eyeballs_delay": 1}):
            log(await attempt_await(connect(aio.Protocol, HOST, 70_000, **options)))

    assert stage.run(main) == [
        "raised OverflowError: connect(): port must be 0-65535.",
        "raised TimeoutError: create_connection failed",
    ]


def test_create_connection_tries_the_next_address(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        loop = aio.get_running_loop()
        with listener() as listening:
            port = listening.getsockname()[1]
            stream = socket.SOCK_STREAM
            addresses = [
                (socket.AF_INET, stream, socket.IPPROTO_TCP, "", ("127.0.0.9", port)),
                (socket.AF_INET, stream, socket.IPPROTO_TCP, "", (HOST, port)),
            ]

            async def getaddrinfo(*_: object, **__: object) -> Any:
                return addresses

            loop.getaddrinfo = getaddrinfo
            for delay in (None, 60):
                transport, _ = await loop.create_connection(
                    aio.Protocol, "several.test", port, happy_eyeballs_delay=delay
                )
                log(transport.get_extra_info("peername") == (HOST, port))
                transport.close()
            await aio.sleep(0)

    assert stage.run(main, real=True) == [True, True]


def test_create_connection_rejects_contradictory_arguments(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        loop = aio.get_running_loop()
        create = loop.create_connection
        with socket.socket() as sock, socket.socket(type=socket.SOCK_DGRAM) as datagram:
            log(await attempt_await(create(aio.Protocol)))
            log(await attempt_await(create(aio.Protocol, HOST, 1, sock=sock)))
            answer = await attempt_await(create(aio.Protocol, sock=datagram))
            log(answer.partition(", got")[0])

    assert stage.run(main) == [
        "raised ValueError: host and port was not specified and no sock specified",
        "raised ValueError: host/port and sock can not be specified at the same time",
        "raised ValueError: A Stream Socket was expected",
    ]


def test_a_cancelled_create_connection_closes_its_transport(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        loop = aio.get_running_loop()
        protocol = Recorder(stage)
        with pair() as (ours, peer):
            connecting = aio.create_task(loop.create_connection(lambda: protocol, sock=ours))
            await aio.sleep(0)
            connecting.cancel()
            log(await attempt_await(connecting))
            await protocol.lost
            log(peer.recv(10))

    assert stage.run(main) == [MADE, LOST, "raised CancelledError", b""]


def test_connect_accepted_socket_makes_a_transport_of_a_socket(stage: Stage) -> None:
    aio, log = stage.aio, stage.log

    async def main() -> None:
        loop = aio.get_running_loop()
        protocol = Recorder(stage)
        with listener() as listening, socket.create_connection(listening.getsockname()) as client:
            accepted, _ = await loop.sock_accept(listening)
            transport, found = await loop.connect_accepted_socket(lambda: protocol, accepted)
            log(found is protocol, transport.get_extra_info("peername") == client.getsockname())
            client.sendall(b"hello")
            client.shutdown(socket.SHUT_WR)
            await protocol.lost
        log(bytes(protocol.received))

    assert stage.run(main, real=True) == [
        MADE,
        (True, True),
        ("protocol", "received", b"hello"),
        ("protocol", "eof"),
        LOST,
        b"hello",
    ]


def test_a_server_calls_the_factory_once_for_each_connection(stage: Stage) -> None:
    aio, log = stage.aio, stage.log
    callers: list[Recorder] = []

    async def main() -> None:
        loop = aio.get_running_loop()

        def factory() -> Recorder:
            callers.append(Recorder(stage, f"caller {len(callers) + 1}"))
            return callers[-1]

        server = await loop.create_server(factory, HOST, 0)
        for _ in range(2):
            with socket.socket() as client:
                client.setblocking(False)
                await loop.sock_connect(client, server.sockets[0].getsockname())
                client.send(b"hello")
                client.shutdown(socket.SHUT_WR)
                log("client sees", await loop.sock_recv(client, 10))
            await callers[-1].lost
        server.close()
        await server.wait_closed()

    answer: list[Any] = list(stage.run(main, real=True))
    for name in ("caller 1", "caller 2"):
        assert [step[1:] for step in answer if step[0] == name] == [
            ("made",),
            ("received", b"hello"),
            ("eof",),
            ("lost", None),
        ]
    assert [step for step in answer if step[0] == "client sees"] == [("client sees", b"")] * 2


@pytest.mark.parametrize("stage", ["miniloop"], indirect=True)
def test_if_the_factory_raises_the_server_closes_that_connection_and_continues(
    stage: Stage,
) -> None:
    # asyncio leaves that connection open until the garbage collector frees it.
    aio, log = stage.aio, stage.log
    failures = [ValueError("no protocol")]

    async def main() -> None:
        loop = aio.get_running_loop()
        loop.set_debug(True)  # in debug mode the exception is reported
        loop.slow_callback_duration = 60
        loop.set_exception_handler(stage.report)

        def factory() -> Any:
            if failures:
                raise failures.pop()
            return Recorder(stage)

        server = await loop.create_server(factory, HOST, 0)
        for _ in range(2):
            with socket.socket() as client:
                client.setblocking(False)
                await loop.sock_connect(client, server.sockets[0].getsockname())
                client.shutdown(socket.SHUT_WR)
                log(normalise(await attempt_await(loop.sock_recv(client, 10))))
        server.close()
        await server.wait_closed()

    stage.run(main, real=True)
    assert (
        "report",
        "Error on transport creation for incoming connection",
        "ValueError: no protocol",
    ) in stage.log
    assert LOST in stage.log


def test_a_write_after_the_socket_was_closed_under_the_transport_goes_nowhere(stage: Stage) -> None:
    """By then, another file may have the same descriptor number."""
    aio, log = stage.aio, stage.log

    async def main() -> None:
        ours, theirs = socket.socketpair()
        loop = aio.get_running_loop()
        transport, _ = await loop.create_connection(aio.Protocol, sock=ours)
        number = ours.fileno()
        ours.close()
        other, peer = socket.socketpair()
        log("the same number", number in (other.fileno(), peer.fileno()))
        transport.write(b"lost")
        for sock in (other, peer):
            sock.setblocking(False)
            with pytest.raises(BlockingIOError):
                sock.recv(10)
        log("nothing was received")
        transport.abort()
        await aio.sleep(0)
        await aio.sleep(0)
        for sock in (theirs, other, peer):
            sock.close()

    assert stage.run(main, real=True) == [("the same number", True), "nothing was received"]


class Broken(socket.socket):
    """A socket whose second send() raises an error that is no OSError."""

    calls = 0

    def send(self, data: Any, flags: int = 0) -> int:
        self.calls += 1
        if self.calls == 2:
            raise MemoryError("no memory")
        return super().send(data, flags)


def test_an_error_of_send_that_is_no_oserror_ends_the_connection(stage: Stage) -> None:
    # If it did not, a later write would succeed, and the peer would miss the bytes in between.
    aio, log = stage.aio, stage.log

    async def main() -> None:
        loop = aio.get_running_loop()
        loop.set_exception_handler(stage.report)
        protocol = Recorder(stage)
        with pair() as (ours, peer):
            transport, _ = await loop.create_connection(
                lambda: protocol, sock=Broken(fileno=ours.detach())
            )
            for piece in (b"0", b"1", b"2"):
                transport.write(piece)
            log(transport.is_closing())
            await protocol.lost
            log(peer.recv(10))

    error = "MemoryError: no memory"
    reported = ("report", "Fatal write error on socket transport", error)
    assert stage.run(main) == [MADE, reported, True, ("protocol", "lost", error), b"0"]
