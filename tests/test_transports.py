"""Transports: flow control, states from open to lost, and exceptions in protocols."""

from __future__ import annotations

import gc
import pickle
import socket
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import miniloop
from tests.virtual import VirtualLoop, logged, virtual_loop


class Recorder(miniloop.Protocol):
    """Records its calls; `fail` lists the methods that raise."""

    def __init__(self, *fail: str) -> None:
        self.steps: list[object] = []
        self.fail = fail

    def note(self, step: str, *details: object) -> None:
        self.steps.append((step, *details) if details else step)
        if step in self.fail:
            raise LookupError(step)

    def connection_made(self, transport: Any) -> None:
        self.note("made")

    def connection_lost(self, exc: Exception | None) -> None:
        self.note("lost", repr(exc))

    def data_received(self, data: bytes) -> None:
        self.note("data", data)
        if "data" in self.fail:
            raise LookupError("data")

    def eof_received(self) -> bool:
        self.note("eof")
        return "half-open" in self.fail

    def pause_writing(self) -> None:
        self.note("pause")

    def resume_writing(self) -> None:
        self.note("resume")


Story = Callable[[VirtualLoop, Any, Recorder, socket.socket], Coroutine[Any, Any, None]]


def connect(story: Story, *fail: str, factory: Any = Recorder) -> tuple[list[object], list[Any]]:
    """Run `story` with a transport, its protocol and the peer's socket.

    Return the protocol's calls and the reports.
    """
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)

    async def main(loop: VirtualLoop) -> list[object]:
        transport, protocol = await loop.create_connection(lambda: factory(*fail), sock=ours)
        await story(loop, transport, protocol, theirs)
        transport.abort()
        await turns()
        return list(protocol.steps)

    with virtual_loop() as loop, theirs:
        steps = loop.run_until_complete(main(loop))
        return steps, loop.told


async def turns(count: int = 3) -> None:
    for _ in range(count):
        await miniloop.sleep(0)


def receive_all(sock: socket.socket) -> int:
    received = 0
    while True:
        try:
            data = sock.recv(1 << 20)
        except BlockingIOError:
            return received
        if not data:
            return received
        received += len(data)


# Flow control

MUCH = b"x" * (4 << 20)


def test_the_protocol_is_paused_above_the_high_water_mark_and_resumed_at_the_low_one() -> None:
    async def story(loop: Any, transport: Any, protocol: Recorder, theirs: Any) -> None:
        protocol.steps.append(transport.get_write_buffer_limits())
        transport.write(MUCH)
        transport.write(MUCH)
        assert transport.get_write_buffer_size() > 4 << 20
        received = 0
        while protocol.steps[-1] != "resume":
            assert transport.get_write_buffer_size() > 16 * 1024
            received += receive_all(theirs)
            await turns(1)
        assert transport.get_write_buffer_size() <= 16 * 1024
        while received < 2 * len(MUCH):
            received += receive_all(theirs)
            await turns(1)
        protocol.steps.append(transport.get_write_buffer_size())

    steps, told = connect(story)
    assert steps == ["made", (16384, 65536), "pause", "resume", 0, ("lost", "None")]
    assert told == []


def test_new_water_marks_apply_at_once() -> None:
    async def story(loop: Any, transport: Any, protocol: Recorder, theirs: Any) -> None:
        transport.set_write_buffer_limits(high=8 << 20)
        transport.write(MUCH)
        protocol.steps.append("below the mark")
        transport.set_write_buffer_limits(high=0)
        while protocol.steps[-1] != "resume":
            receive_all(theirs)
            await turns(1)
        protocol.steps.append(transport.get_write_buffer_size())

    steps, _ = connect(story)
    assert steps == ["made", "below the mark", "pause", "resume", 0, ("lost", "None")]


@pytest.mark.parametrize(
    ("wanted", "marks"),
    [
        ({}, (16384, 65536)),
        ({"high": 100}, (25, 100)),
        ({"low": 100}, (100, 400)),
        ({"high": 0}, (0, 0)),
        ({"high": 10, "low": 10}, (10, 10)),
        ({"high": 10, "low": 11}, "high (10) must be >= low (11) must be >= 0"),
        ({"high": 10, "low": -1}, "high (10) must be >= low (-1) must be >= 0"),
        ({"high": -1}, "high (-1) must be >= low (-1) must be >= 0"),
    ],
)
def test_a_missing_water_mark_is_computed_from_the_other(
    wanted: dict[str, int], marks: object
) -> None:
    seen: list[object] = []

    async def story(loop: Any, transport: Any, protocol: Recorder, theirs: Any) -> None:
        try:
            transport.set_write_buffer_limits(**wanted)
            seen.append(transport.get_write_buffer_limits())
        except ValueError as error:
            seen.append(str(error))

    connect(story)
    assert seen == [marks]


def test_an_exception_in_pause_writing_is_reported_and_the_data_is_still_sent() -> None:
    async def story(loop: Any, transport: Any, protocol: Recorder, theirs: Any) -> None:
        transport.write(MUCH)
        received = 0
        while received < len(MUCH):
            received += receive_all(theirs)
            await turns(1)

    steps, told = connect(story, "pause", "resume")
    assert steps == ["made", "pause", "resume", ("lost", "None")]
    assert told == [
        ("protocol.pause_writing() failed", "LookupError('pause')"),
        ("protocol.resume_writing() failed", "LookupError('resume')"),
    ]


@given(st.lists(st.binary(max_size=300_000), max_size=6), st.booleans())
def test_all_bytes_arrive_in_order_for_any_mix_of_writes(
    pieces: list[bytes], together: bool
) -> None:
    arrived = bytearray()

    async def story(loop: Any, transport: Any, protocol: Recorder, theirs: Any) -> None:
        if together:
            transport.writelines(pieces)
        for piece in () if together else pieces:
            transport.write(piece)
        transport.write_eof()
        while data := await loop.sock_recv(theirs, 1 << 16):
            arrived.extend(data)

    connect(story)
    assert bytes(arrived) == b"".join(pieces)


@pytest.mark.parametrize("pieces", [[b""], [b"", b"abc"], [b"abc", b""], [b"", b""]])
def test_an_empty_piece_does_not_stay_in_the_buffer(pieces: list[bytes]) -> None:
    async def story(loop: Any, transport: Any, protocol: Recorder, theirs: Any) -> None:
        transport.writelines(pieces)
        protocol.steps.append(transport.get_write_buffer_size())
        transport.close()
        await turns()

    assert connect(story)[0] == ["made", 0, ("lost", "None")]


def test_the_buffer_size_counts_bytes_and_not_items() -> None:
    async def story(loop: Any, transport: Any, protocol: Recorder, theirs: Any) -> None:
        transport.write(MUCH)
        before = transport.get_write_buffer_size()
        transport.write(memoryview(b"12345678").cast("I"))
        protocol.steps.append(transport.get_write_buffer_size() - before)

    steps, _ = connect(story)
    assert steps == ["made", "pause", 8, ("lost", "None")]


# Writing

WRONG_DATA: list[Any] = ["text", 5, None, [b"a list"]]


def test_only_bytes_can_be_written_and_nothing_after_write_eof() -> None:
    async def story(loop: Any, transport: Any, protocol: Recorder, theirs: Any) -> None:
        for wrong in WRONG_DATA:
            with pytest.raises(TypeError) as refused:
                transport.write(wrong)
            protocol.steps.append(str(refused.value).rpartition("not ")[2])
        transport.write(b"")
        transport.writelines([])
        transport.write_eof()
        transport.write_eof()
        for write, data in ((transport.write, b"x"), (transport.writelines, [b"x"])):
            with pytest.raises(RuntimeError) as late:
                write(data)
            protocol.steps.append(str(late.value))

    steps, told = connect(story)
    assert steps == [
        *("made", "'str'", "'int'", "'NoneType'", "'list'"),
        "Cannot call write() after write_eof()",
        "Cannot call writelines() after write_eof()",
        ("lost", "None"),
    ]
    assert told == []


@pytest.mark.parametrize("call", ["write", "writelines"])
def test_a_buffer_can_be_modified_after_it_was_written(call: str) -> None:
    arrived = bytearray()

    async def story(loop: Any, transport: Any, protocol: Recorder, theirs: Any) -> None:
        for mark in (b"a", b"b"):
            data = bytearray(mark * len(MUCH))
            getattr(transport, call)(data if call == "write" else [data])
            data.clear()
        transport.write_eof()
        while data := await loop.sock_recv(theirs, 1 << 20):
            arrived.extend(data)

    connect(story)
    assert arrived == b"a" * len(MUCH) + b"b" * len(MUCH)


def test_writes_to_a_lost_connection_are_dropped_and_logged_from_the_fifth_on() -> None:
    async def story(loop: Any, transport: Any, protocol: Recorder, theirs: Any) -> None:
        transport.abort()
        for _ in range(6):
            protocol.steps.append(len(lines))
            transport.write(b"into nothing")

    with logged() as lines:
        steps, _ = connect(story)
    assert steps == ["made", 0, 0, 0, 0, 0, 1, ("lost", "None")]
    assert lines == ["WARNING socket.send() raised exception."] * 2


def test_close_sends_buffered_data_and_abort_drops_it() -> None:
    async def close(loop: Any, transport: Any, protocol: Recorder, theirs: Any) -> None:
        transport.write(MUCH)
        transport.close()
        transport.close()
        protocol.steps.append(transport.is_closing())
        received = 0
        while transport._file is not None:
            received += receive_all(theirs)
            await turns(1)
        protocol.steps.append(received + receive_all(theirs) == len(MUCH))

    async def abort(loop: Any, transport: Any, protocol: Recorder, theirs: Any) -> None:
        transport.write(MUCH)
        transport.abort()
        protocol.steps.append(transport.get_write_buffer_size())

    assert connect(close)[0][:2] == ["made", "pause"]
    assert connect(close)[0][-2:] == [("lost", "None"), True]
    assert connect(abort)[0] == ["made", "pause", 0, ("lost", "None")]


# Reading


def test_a_paused_transport_reads_nothing_until_it_is_resumed() -> None:
    async def story(loop: Any, transport: Any, protocol: Recorder, theirs: Any) -> None:
        transport.pause_reading()
        transport.pause_reading()
        theirs.send(b"later")
        await turns()
        protocol.steps.append(transport.is_reading())
        transport.resume_reading()
        transport.resume_reading()
        protocol.steps.append(transport.is_reading())
        await turns()
        transport.close()
        transport.resume_reading()
        protocol.steps.append(transport.is_reading())

    steps, _ = connect(story)
    assert steps == ["made", False, True, ("data", b"later"), False, ("lost", "None")]


def test_an_end_of_file_closes_the_transport_unless_eof_received_returns_true() -> None:
    async def story(loop: Any, transport: Any, protocol: Recorder, theirs: Any) -> None:
        theirs.shutdown(socket.SHUT_WR)
        await turns(4)
        protocol.steps.append(transport.is_closing())
        if not transport.is_closing():
            transport.write(b"still here")
            protocol.steps.append(theirs.recv(100))

    assert connect(story)[0] == ["made", "eof", ("lost", "None"), True]
    half_open = ["made", "eof", False, b"still here", ("lost", "None")]
    assert connect(story, "half-open")[0] == half_open


@pytest.mark.parametrize(
    ("failing", "message"),
    [
        ("data", "Fatal error: protocol.data_received() call failed."),
        ("eof", "Fatal error: protocol.eof_received() call failed."),
    ],
)
def test_an_exception_in_a_protocol_closes_its_connection_and_the_loop_still_runs(
    failing: str, message: str
) -> None:
    async def story(loop: Any, transport: Any, protocol: Recorder, theirs: Any) -> None:
        theirs.send(b"bytes")
        await turns(2)
        theirs.shutdown(socket.SHUT_WR)
        await turns(4)

    steps, told = connect(story, failing)
    assert steps[-1] == ("lost", f"LookupError('{failing}')")
    assert told == [(message, f"LookupError('{failing}')")]


class Buffered(miniloop.BufferedProtocol):
    """Has a buffer of four bytes or of zero bytes."""

    def __init__(self, size: int = 4) -> None:
        self.steps: list[object] = []
        self.buffer = bytearray(size)

    def get_buffer(self, sizehint: int) -> bytearray:
        self.steps.append(("hint", sizehint))
        return self.buffer

    def buffer_updated(self, nbytes: int) -> None:
        self.steps.append(bytes(self.buffer[:nbytes]))

    def connection_lost(self, exc: Exception | None) -> None:
        self.steps.append(("lost", repr(exc)))


def test_a_buffered_protocol_reads_into_its_own_buffer() -> None:
    async def story(loop: Any, transport: Any, protocol: Any, theirs: Any) -> None:
        theirs.send(b"123456")
        await turns(4)

    steps, told = connect(story, factory=Buffered)
    hint = ("hint", -1)
    assert steps == [hint, b"1234", hint, b"56", ("lost", "None")]
    assert told == []


def test_an_empty_buffer_is_an_error_of_the_protocol() -> None:
    async def story(loop: Any, transport: Any, protocol: Any, theirs: Any) -> None:
        theirs.send(b"123456")
        await turns(4)

    steps, told = connect(story, factory=lambda: Buffered(0))
    error = "RuntimeError('get_buffer() returned an empty buffer')"
    assert steps == [("hint", -1), ("lost", error)]
    assert told == [("Fatal error: protocol.get_buffer() call failed.", error)]


def test_a_protocol_can_be_replaced_by_one_of_the_other_kind() -> None:
    async def story(loop: Any, transport: Any, protocol: Recorder, theirs: Any) -> None:
        theirs.send(b"first")
        await turns()
        second = Buffered(10)
        transport.set_protocol(second)
        theirs.send(b"second")
        await turns()
        protocol.steps += second.steps
        protocol.steps.append(transport.get_protocol() is second)
        transport.set_protocol(protocol)

    steps, _ = connect(story)
    assert steps == [*("made", ("data", b"first"), ("hint", -1), b"second", True, ("lost", "None"))]


# The repr and clean-up


def test_the_repr_shows_state_descriptor_and_what_is_watched() -> None:
    async def story(loop: Any, transport: Any, protocol: Recorder, theirs: Any) -> None:
        def look() -> None:
            shown = repr(transport).replace(f"fd={transport._fd}", "fd=N")
            size = transport.get_write_buffer_size()
            protocol.steps.append(shown.replace(f"={size}", "=some") if size else shown)

        await turns(1)
        look()
        transport.pause_reading()
        look()
        transport.write(MUCH)
        look()
        transport.close()
        look()
        transport.abort()
        await turns()
        look()

    steps, _ = connect(story)
    name = "_SelectorSocketTransport"
    assert steps == [
        "made",
        f"<{name} fd=N read=polling write=<idle, bufsize=0>>",
        f"<{name} fd=N read=idle write=<idle, bufsize=0>>",
        "pause",
        f"<{name} fd=N read=idle write=<polling, bufsize=some>>",
        f"<{name} closing fd=N read=idle write=<polling, bufsize=some>>",
        ("lost", "None"),
        f"<{name} closed fd=N>",
    ]


def test_a_transport_that_is_garbage_collected_is_closed_with_a_warning() -> None:
    ours, theirs = socket.socketpair()
    loop: Any = miniloop.SelectorEventLoop()
    held: list[Any] = [loop.run_until_complete(loop.create_connection(Recorder, sock=ours))]
    loop.close()

    def lose() -> None:
        held.clear()
        gc.collect()

    with pytest.warns(ResourceWarning, match=r"^unclosed transport <_SelectorSocketTransport fd="):
        lose()
    assert ours.fileno() == -1
    theirs.close()


def test_the_socket_of_a_transport_can_be_inspected_but_not_used() -> None:
    async def story(loop: Any, transport: Any, protocol: Recorder, theirs: Any) -> None:
        sock = transport.get_extra_info("socket")
        assert repr(sock).startswith(f"<miniloop.TransportSocket fd={sock.fileno()}, family=")
        assert (sock.family, sock.type) == (socket.AF_UNIX, socket.SOCK_STREAM)
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_TYPE) == socket.SOCK_STREAM
        sock.settimeout(0)
        sock.setblocking(False)
        refused: list[tuple[type[Exception], Callable[[], object]]] = [
            (ValueError, lambda: sock.settimeout(1)),
            (ValueError, lambda: sock.settimeout(None)),
            (ValueError, lambda: sock.setblocking(True)),
            (TypeError, lambda: pickle.dumps(sock)),
            *[(AttributeError, lambda name=name: getattr(sock, name)) for name in ("recv", "send")],
        ]
        for error, call in refused:
            with pytest.raises(error):
                call()
        assert sock.gettimeout() == 0
        assert transport.get_extra_info("no such key", "default") == "default"

    connect(story)
