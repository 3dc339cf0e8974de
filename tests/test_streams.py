"""Streams: reads do not depend on chunking, limits are enforced, and readers pause senders."""

from __future__ import annotations

import gc
import itertools
import socket
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import miniloop
from tests.virtual import VirtualLoop, play, virtual_loop

Read = Callable[[miniloop.StreamReader], Coroutine[Any, Any, bytes]]

# Reads over any chunking

SMALL_BYTES = st.lists(st.sampled_from([b"a", b"b", b"\r", b"\n", b"--"]), max_size=25).map(
    b"".join
)
SEPARATORS = st.lists(
    st.sampled_from([b"\n", b"\r\n", b"--", b"ab", b"aba", b"b--"]), min_size=1, max_size=3
)


def cut(data: bytes, places: list[int]) -> list[bytes]:
    edges = sorted({0, len(data), *(place % (len(data) + 1) for place in places)})
    return [data[start:end] for start, end in itertools.pairwise(edges)]


def fed(chunks: list[bytes], read: Read) -> list[Any]:
    """Return the results of repeated `read` calls; one chunk arrives per iteration."""

    async def story() -> list[Any]:
        reader = miniloop.StreamReader()

        async def feed() -> None:
            for chunk in chunks:
                reader.feed_data(chunk)
                await miniloop.sleep(0)
                await miniloop.sleep(0)
            reader.feed_eof()

        feeding = miniloop.create_task(feed())
        pieces: list[Any] = []
        while not reader.at_eof() or not feeding.done():
            try:
                pieces.append(await read(reader))
            except miniloop.IncompleteReadError as error:
                pieces.append(("end", error.partial))
                break
        await feeding
        return pieces

    return play(story)


def split(data: bytes, separators: list[bytes]) -> list[Any]:
    """Split slowly and simply: find the shortest prefix that ends with a separator."""
    pieces: list[Any] = []
    while data:
        for end in range(1, len(data) + 1):
            if data[:end].endswith(tuple(separators)):
                pieces.append(data[:end])
                data = data[end:]
                break
        else:
            return [*pieces, ("end", data)]
    return pieces


@given(SMALL_BYTES, st.lists(st.integers(0, 50), max_size=8), SEPARATORS)
def test_readuntil_does_not_depend_on_the_chunking(
    data: bytes, places: list[int], separators: list[bytes]
) -> None:
    pieces = fed(cut(data, places), lambda reader: reader.readuntil(tuple(separators)))
    if pieces and pieces[-1] == ("end", b""):
        pieces.pop()
    assert pieces == split(data, separators)


@given(SMALL_BYTES, st.lists(st.integers(0, 50), max_size=8))
def test_readline_does_not_depend_on_the_chunking(data: bytes, places: list[int]) -> None:
    lines = fed(cut(data, places), lambda reader: reader.readline())
    expected = [line + b"\n" for line in data.split(b"\n")]
    expected[-1] = expected[-1][:-1]  # after the last separator there is none
    assert [line for line in lines if line] == [line for line in expected if line]


@given(SMALL_BYTES, st.lists(st.integers(0, 50), max_size=8), st.integers(1, 7))
def test_readexactly_returns_equal_pieces_and_then_the_rest(
    data: bytes, places: list[int], size: int
) -> None:
    pieces = fed(cut(data, places), lambda reader: reader.readexactly(size))
    whole = len(data) // size
    expected: list[Any] = [data[size * number : size * (number + 1)] for number in range(whole)]
    rest = data[size * whole :]
    assert pieces in ([*expected, ("end", rest)], expected if not rest else None)


# Limits


def tried(reader: miniloop.StreamReader, read: Read) -> str:
    """Read from buffered data; return the result and the data that is left."""
    try:
        read(reader).send(None)
    except StopIteration as ended:
        return f"{ended.value!r}, left {bytes(reader._buffer)!r}"
    except (ValueError, EOFError, miniloop.LimitOverrunError) as error:
        return f"{type(error).__name__}: {error}, left {bytes(reader._buffer)!r}"
    return "waits"


FOUND = "Separator is found, but chunk is longer than limit"
NOT_FOUND = "Separator is not found, and chunk exceed the limit"


@pytest.mark.parametrize(
    ("data", "until", "line"),
    [
        (b"1234\nab", "b'1234\\n', left b'ab'", "b'1234\\n', left b'ab'"),
        (b"12345\n", "b'12345\\n', left b''", "b'12345\\n', left b''"),
        (
            b"123456\nab",
            f"LimitOverrunError: {FOUND}, left b'123456\\nab'",
            f"ValueError: {FOUND}, left b'ab'",
        ),
        (
            b"123456",
            f"LimitOverrunError: {NOT_FOUND}, left b'123456'",
            f"ValueError: {NOT_FOUND}, left b''",
        ),
    ],
)
def test_a_line_can_be_as_long_as_the_limit(data: bytes, until: str, line: str) -> None:
    with virtual_loop() as loop:
        reader = miniloop.StreamReader(5, loop=loop)
        reader.feed_data(data)
        assert tried(reader, lambda reader: reader.readuntil()) == until
        reader = miniloop.StreamReader(5, loop=loop)
        reader.feed_data(data)
        assert tried(reader, lambda reader: reader.readline()) == line


@pytest.mark.parametrize(
    ("read", "message"),
    [
        (lambda reader: reader.readexactly(-1), "readexactly size can not be less than zero"),
        (lambda reader: reader.readuntil(b""), "Separator should be at least one-byte string"),
        (lambda reader: reader.readuntil((b"a", b"")), "Separator should be at least one-byte"),
        (lambda reader: reader.readuntil(()), "Separator should contain at least one element"),
    ],
)
def test_reads_with_invalid_arguments_raise(read: Read, message: str) -> None:
    with virtual_loop() as loop:
        reader = miniloop.StreamReader(loop=loop)
        reader.feed_data(b"abc")
        assert tried(reader, read).startswith(f"ValueError: {message}")
        assert tried(reader, read).endswith("left b'abc'")


@pytest.mark.parametrize("limit", [0, -1])
def test_the_limit_of_a_reader_must_be_positive(limit: int) -> None:
    with virtual_loop() as loop:
        with pytest.raises(ValueError, match=r"^Limit cannot be <= 0$"):
            miniloop.StreamReader(limit, loop=loop)


def test_only_one_coroutine_can_read_at_a_time() -> None:
    async def story() -> list[str]:
        reader = miniloop.StreamReader()
        waiting = miniloop.create_task(reader.read(1))
        await miniloop.sleep(0)
        steps = []
        others: list[Read] = [
            lambda reader: reader.read(1),
            lambda reader: reader.readexactly(1),
            lambda reader: reader.readuntil(),
        ]
        for read in others:
            with pytest.raises(RuntimeError) as refused:
                await read(reader)
            steps.append(str(refused.value).partition(" called")[0])
        reader.feed_data(b"x")
        assert await waiting == b"x"
        return steps

    assert play(story) == ["read()", "readexactly()", "readuntil()"]


def test_an_exception_is_raised_in_the_current_and_in_later_reads() -> None:
    async def story() -> list[str]:
        reader = miniloop.StreamReader()
        waiting = miniloop.create_task(reader.read())
        await miniloop.sleep(0)
        reader.set_exception(ConnectionError("gone"))
        steps = []
        reads: list[Any] = [waiting, reader.read(1), reader.readline(), reader.readexactly(1)]
        for read in reads:
            with pytest.raises(ConnectionError) as raised:
                await read
            steps.append(str(raised.value))
        return steps

    assert play(story) == ["gone"] * 4


# Readers pause senders


class FakeTransport:
    """Records whether it is paused."""

    def __init__(self) -> None:
        self.steps: list[str] = []

    def pause_reading(self) -> None:
        self.steps.append("paused")

    def resume_reading(self) -> None:
        self.steps.append("resumed")


def test_a_reader_pauses_above_twice_its_limit_and_resumes_at_the_limit() -> None:
    with virtual_loop() as loop:
        reader, transport = miniloop.StreamReader(5, loop=loop), FakeTransport()
        reader.set_transport(transport)
        steps = []
        for step in ("12345678", "90", "1"):
            reader.feed_data(step.encode())
            steps.append(len(transport.steps))
        assert (steps, transport.steps) == ([0, 0, 1], ["paused"])
        assert " paused" in repr(reader)
        left = [tried(reader, partial(miniloop.StreamReader.read, n=size)) for size in (5, 1)]
        assert left == ["b'12345', left b'678901'", "b'6', left b'78901'"]
        assert transport.steps == ["paused", "resumed"]


def test_a_read_of_more_than_the_buffer_holds_resumes_the_sender() -> None:
    async def story() -> tuple[list[str], bytes]:
        reader, transport = miniloop.StreamReader(2), FakeTransport()
        reader.set_transport(transport)
        reader.feed_data(b"12345")
        reading = miniloop.create_task(reader.readexactly(7))
        await miniloop.sleep(0)
        reader.feed_data(b"67")
        return transport.steps, await reading

    assert play(story) == (["paused", "resumed", "paused", "resumed"], b"1234567")


def test_a_transport_that_cannot_pause_is_asked_only_once() -> None:
    class Unstoppable(FakeTransport):
        def pause_reading(self) -> None:
            super().pause_reading()
            raise NotImplementedError

    with virtual_loop() as loop:
        reader, transport = miniloop.StreamReader(1, loop=loop), Unstoppable()
        reader.set_transport(transport)
        for _ in range(3):
            reader.feed_data(b"12345")
        assert transport.steps == ["paused"]


# Writers


def test_drain_waits_while_the_protocol_is_paused() -> None:
    async def story() -> list[object]:
        ours, theirs = socket.socketpair()
        theirs.setblocking(False)
        with theirs:
            _, writer = await miniloop.open_connection(sock=ours)
            writer.write(b"x" * (4 << 20))
            draining = miniloop.create_task(writer.drain())
            await miniloop.sleep(0)
            steps: list[object] = [draining.done()]
            while not draining.done():
                await miniloop.get_running_loop().sock_recv(theirs, 1 << 20)
            writer.transport.abort()
            await writer.wait_closed()
            with pytest.raises(ConnectionResetError, match=r"^Connection lost$"):
                await writer.drain()
            return steps

    assert play(story) == [False]


def test_a_broken_connection_raises_in_all_waiting_tasks() -> None:
    async def story() -> list[str]:
        ours, theirs = socket.socketpair()
        reader, writer = await miniloop.open_connection(sock=ours)
        writer.write(b"x" * (4 << 20))
        waiting = [reader.read(), writer.drain(), writer.wait_closed()]
        tasks = [miniloop.create_task(wait) for wait in waiting]
        await miniloop.sleep(0)
        theirs.close()
        done = await miniloop.gather(*tasks, return_exceptions=True)
        return [type(outcome).__name__ for outcome in done]

    first, *others = play(story)
    assert first in ("BrokenPipeError", "ConnectionResetError")
    assert others == [first, first]


def test_a_writer_that_is_garbage_collected_is_closed_with_a_warning() -> None:
    async def story() -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            held: list[Any] = [*(await miniloop.open_connection(sock=ours))]
            await miniloop.sleep(0)

            def lose() -> None:
                held.clear()
                gc.collect()

            with pytest.warns(
                ResourceWarning, match=r"^unclosed <StreamWriter transport=<_Selector"
            ):
                lose()
            await miniloop.sleep(0)
            await miniloop.sleep(0)
            assert ours.fileno() == -1

    play(story)


# Servers


def serve(callback: Any) -> tuple[bytes, list[tuple[str, str]]]:
    """Return the data a client gets from a server with that callback, and the reports."""

    async def story(loop: VirtualLoop) -> bytes:
        server = await miniloop.start_server(callback, "127.0.0.1", 0)
        reader, writer = await miniloop.open_connection(*server.sockets[0].getsockname())
        said = await reader.read()
        writer.close()
        await writer.wait_closed()
        server.close()
        await server.wait_closed()
        return said

    with virtual_loop() as loop:
        return loop.run_until_complete(story(loop)), loop.told


def test_the_callback_can_be_a_plain_function() -> None:
    def greet(reader: miniloop.StreamReader, writer: miniloop.StreamWriter) -> None:
        writer.write(b"hello")
        writer.close()

    assert serve(greet) == (b"hello", [])


def test_an_exception_in_the_callback_is_reported_and_closes_the_connection() -> None:
    async def fail(reader: miniloop.StreamReader, writer: miniloop.StreamWriter) -> None:
        writer.write(b"hel")
        raise LookupError("no more words")

    trouble = ("Unhandled exception in client_connected_cb", "LookupError('no more words')")
    assert serve(fail) == (b"hel", [trouble])


def test_the_repr_shows_buffered_bytes_end_of_file_and_exception() -> None:
    with virtual_loop() as loop:
        reader = miniloop.StreamReader(5, loop=loop)
        steps = [repr(miniloop.StreamReader(loop=loop)), repr(reader)]
        reader.feed_data(b"abc")
        reader.set_exception(KeyError("why"))
        reader.feed_eof()
        steps.append(repr(reader))
    assert steps == [
        "<StreamReader>",
        "<StreamReader limit=5>",
        "<StreamReader 3 bytes eof limit=5 exception=KeyError('why')>",
    ]
