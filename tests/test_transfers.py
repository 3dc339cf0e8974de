"""Large transfers through every kind of stream, and peers that are killed during one.

Purpose: each story runs on asyncio, which shows that asyncio behaves like this, and on miniloop. It
uses real sockets, real processes and the real clock. 64 MiB must arrive unchanged, and no more data
may be buffered than flow control allows. A killed peer must cause an exception. After each story
the same number of file descriptors is open as before.
Rules: no test depends on timing. A reader is slower than the writer because it lets some iterations
of the loop pass after each piece. LIMIT_OF_PATIENCE only stops a story that hangs.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import io
import os
import signal
import ssl
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Coroutine
from functools import cache, partial
from pathlib import Path
from typing import Any

import psutil
import pytest

import miniloop
from tests.certificates import NAME, client_context, server_context, stranger_context

BOTH = (asyncio, miniloop)
LIMIT_OF_PATIENCE = 30

KIB = 1024
PIECE = 64 * KIB
PIECES = 1024
READ = 16 * KIB
#: The limit of a StreamReader, in bytes.
LIMIT = 64 * KIB
#: The most bytes that a transport passes to the protocol in one call: one read, or one TLS record.
#: asyncio's TLS has two more water marks, and passes everything it has buffered.
ONE_READ = 256 * KIB
AT_ONCE = {(miniloop, "tls"): 16 * KIB, (asyncio, "tls"): 3 * ONE_READ}

NOISE = os.urandom(PIECE)

Story = Callable[[Any], Coroutine[Any, Any, Any]]
Streams = tuple[Any, Any]


def play(story: Story, aio: Any) -> Any:
    """Run a story on a new loop; it must close everything it opens, and cause no report."""
    reports: list[dict[str, Any]] = []

    async def main() -> Any:
        loop = aio.get_running_loop()
        loop.slow_callback_duration = float("inf")
        loop.set_exception_handler(lambda loop, context: reports.append(context))
        return await aio.wait_for(story(aio), LIMIT_OF_PATIENCE)

    before = psutil.Process().num_fds()
    with aio.Runner(loop_factory=aio.SelectorEventLoop) as runner:
        told = runner.run(main())
    assert psutil.Process().num_fds() == before
    assert [str(report) for report in reports] == []
    return told


on_both = pytest.mark.parametrize("aio", BOTH, ids=lambda aio: aio.__name__)

# -- connections -----------------------------------------------------------------------------------


async def close(*writers: Any) -> None:
    """Close both ends at once: TLS closes when both ends have sent a close_notify."""
    for writer in writers:
        writer.close()
    for writer in writers:
        with contextlib.suppress(OSError):  # the error that ended it; the story expects it
            await writer.wait_closed()


@contextlib.asynccontextmanager
async def listening(aio: Any, kind: str) -> AsyncIterator[tuple[Any, str, Any]]:
    """Yield a server, its path or port as text, and a future for its first client's streams."""
    accepted = aio.get_running_loop().create_future()

    def accept(reader: Any, writer: Any) -> None:
        accepted.set_result((reader, writer))

    with tempfile.TemporaryDirectory() as folder:
        if kind == "unix":
            server = await aio.start_unix_server(accept, f"{folder}/socket")
            address = f"{folder}/socket"
        else:
            tls = server_context() if kind == "tls" else None
            server = await aio.start_server(accept, "127.0.0.1", 0, ssl=tls)
            address = str(server.sockets[0].getsockname()[1])
        try:
            yield server, address, accepted
        finally:
            server.close()
            await server.wait_closed()


async def connect(aio: Any, kind: str, address: str) -> Streams:
    if kind == "unix":
        streams = await aio.open_unix_connection(address)
    elif kind == "tls":
        streams = await aio.open_connection(
            "127.0.0.1", int(address), ssl=client_context(), server_hostname=NAME
        )
    else:
        streams = await aio.open_connection("127.0.0.1", int(address))
    return streams  # type: ignore[no-any-return]


@contextlib.asynccontextmanager
async def connection(aio: Any, kind: str) -> AsyncIterator[tuple[Streams, Streams]]:
    """Yield the streams of both ends."""
    async with listening(aio, kind) as (_, address, accepted):
        ours, theirs = await connect(aio, kind, address), await accepted
        try:
            yield ours, theirs
        finally:
            await close(ours[1], theirs[1])


async def write_pipe(aio: Any, descriptor: int) -> Any:
    """Return a writer for one end of a pipe."""
    loop = aio.get_running_loop()
    factory = partial(aio.StreamReaderProtocol, aio.StreamReader(loop=loop), loop=loop)
    transport, protocol = await loop.connect_write_pipe(factory, io.FileIO(descriptor, "wb"))
    return aio.StreamWriter(transport, protocol, None, loop)


async def read_pipe(aio: Any, descriptor: int) -> Streams:
    """Return a reader for the other end, and its transport."""
    loop = aio.get_running_loop()
    reader = aio.StreamReader(limit=LIMIT, loop=loop)
    factory = partial(aio.StreamReaderProtocol, reader, loop=loop)
    transport, _ = await loop.connect_read_pipe(factory, io.FileIO(descriptor, "rb"))
    return reader, transport


# -- 64 MiB ----------------------------------------------------------------------------------------


def piece(number: int) -> bytes:
    """Return a unique piece, so that lost, repeated or reordered pieces are detected."""
    return number.to_bytes(4, "big") + NOISE[4:]


@cache
def digest_of_all() -> str:
    sha = hashlib.sha256()
    for number in range(PIECES):
        sha.update(piece(number))
    return sha.hexdigest()


async def send(writer: Any) -> int:
    """Write 64 MiB; return the largest size of the transport's buffer in bytes."""
    most = 0
    for number in range(PIECES):
        writer.write(piece(number))
        most = max(most, writer.transport.get_write_buffer_size())
        await writer.drain()
    return most


async def receive(aio: Any, reader: Any, look: Callable[[], object] = str) -> tuple[str, int]:
    """Read 64 MiB slowly; return the digest and the largest size of the reader's buffer."""
    most, missing, sha = 0, PIECES * PIECE, hashlib.sha256()
    feed = reader.feed_data

    def feed_data(data: bytes) -> None:
        nonlocal most
        feed(data)
        most = max(most, len(reader._buffer))

    reader.feed_data = feed_data
    while missing:
        data = await reader.read(READ)
        assert data, f"{missing} bytes are missing"
        missing -= len(data)
        sha.update(data)
        look()
        await aio.sleep(0)
    del reader.feed_data
    return sha.hexdigest(), most


async def transfer(aio: Any, reader: Any, writer: Any, at_once: int = ONE_READ) -> None:
    """Check that all data arrives, that both ends pause, and that buffers stay in bounds."""
    most_to_write, (digest, most_read) = await aio.gather(send(writer), receive(aio, reader))
    assert digest == digest_of_all()
    high_water = writer.transport.get_write_buffer_limits()[1]
    assert high_water < most_to_write <= high_water + PIECE
    assert 2 * LIMIT < most_read <= 2 * LIMIT + at_once


async def through_a_connection_both_ways(kind: str, aio: Any) -> None:
    at_once = AT_ONCE.get((aio, kind), ONE_READ)
    async with connection(aio, kind) as (ours, theirs):
        there = transfer(aio, theirs[0], ours[1], at_once)
        await aio.gather(there, transfer(aio, ours[0], theirs[1], at_once))


async def through_a_pipe(aio: Any) -> None:
    reading, writing = os.pipe()
    writer = await write_pipe(aio, writing)
    reader, transport = await read_pipe(aio, reading)
    await transfer(aio, reader, writer)
    await close(writer)
    assert await reader.read() == b""
    transport.close()
    await aio.sleep(0)


async def through_a_process_and_back(aio: Any) -> None:
    process = await aio.create_subprocess_exec("cat", stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    await transfer(aio, process.stdout, process.stdin)
    await close(process.stdin)
    assert await process.stdout.read() == b""
    assert await process.wait() == 0


def held(transport: Any) -> int:
    """Return the buffered bytes of a transport; with TLS, plus those of the transport below."""
    size = transport.get_write_buffer_size()
    if transport.get_extra_info("sslcontext") is not None:
        tls = getattr(transport, "_ssl_protocol", transport)  # a separate object in asyncio
        size += tls._transport.get_write_buffer_size()
    return int(size)


async def a_file_is_sent(kind: str, aio: Any) -> None:
    """The kernel copies the file, except over TLS: there a thread reads it in blocks."""
    most = 0

    def look() -> None:
        nonlocal most
        most = max(most, held(ours[1].transport))

    with tempfile.TemporaryFile() as file:
        for number in range(PIECES):
            file.write(piece(number))
        file.seek(0)
        async with connection(aio, kind) as (ours, theirs):
            sending = aio.get_running_loop().sendfile(ours[1].transport, file)
            sent, (digest, _) = await aio.gather(sending, receive(aio, theirs[0], look))
        assert (sent, file.tell(), digest) == (PIECES * PIECE, PIECES * PIECE, digest_of_all())
    # One block waits for encryption, and one is in the transport below after some leftover bytes.
    assert most <= (3 * ONE_READ if kind == "tls" else 0)


# -- a peer that is killed -------------------------------------------------------------------------

PEER = Path(__file__).with_name("transfer_peer.py")


async def start_peer(aio: Any, role: str, *where: str, **streams: Any) -> Any:
    options = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, **streams}
    return await aio.create_subprocess_exec(sys.executable, str(PEER), role, *where, **options)


async def kill(process: Any) -> None:
    process.kill()
    await process.stdout.read()
    assert await process.wait() == -signal.SIGKILL


async def end_of(ending: Coroutine[Any, Any, Any]) -> str:
    try:
        await ending
    except (BrokenPipeError, ConnectionResetError):  # it depends on the call that detects it
        return "lost"
    except EOFError as exc:
        return type(exc).__name__
    return "nothing"


@contextlib.asynccontextmanager
async def connected_peer(aio: Any, kind: str, role: str) -> AsyncIterator[tuple[Any, Any, Any]]:
    """Yield the peer process, and the streams of our end."""
    async with listening(aio, kind) as (_, address, accepted):
        process = await start_peer(aio, role, kind, address)
        reader, writer = await accepted
        writer.write(b"go")
        try:
            yield process, reader, writer
        finally:
            await close(writer)


async def the_reader_of_a_connection_is_killed(kind: str, aio: Any) -> Any:
    async with connected_peer(aio, kind, "reads") as (process, reader, writer):
        sending = aio.create_task(end_of(send(writer)))
        await process.stdout.readexactly(1)
        await kill(process)
        reading, writing = reader.readexactly(1), send(writer)
        return [await sending, await end_of(reading), await end_of(writing)]


async def the_writer_of_a_connection_is_killed(kind: str, aio: Any) -> Any:
    async with connected_peer(aio, kind, "writes") as (process, reader, _):
        await reader.readexactly(PIECE)
        await kill(process)
        ends = [await end_of(reader.readexactly(PIECES * PIECE))]
        return [*ends, await end_of(reader.readexactly(1))]


async def the_reader_of_a_file_is_killed(kind: str, aio: Any) -> Any:
    with tempfile.TemporaryFile() as file:
        file.truncate(PIECES * PIECE)
        async with connected_peer(aio, kind, "reads") as (process, _, writer):
            sending = aio.get_running_loop().sendfile(writer.transport, file)
            sending = aio.create_task(end_of(sending))
            await process.stdout.readexactly(1)
            await kill(process)
            end = await sending
        assert 0 < file.tell() < PIECES * PIECE
    return end


async def the_reader_of_a_pipe_is_killed(aio: Any) -> Any:
    reading, writing = os.pipe()
    process = await start_peer(aio, "reads", stdin=reading)
    os.close(reading)
    writer = await write_pipe(aio, writing)
    sending = aio.create_task(end_of(send(writer)))
    await process.stdout.readexactly(1)
    await kill(process)
    ends = [await sending, await end_of(send(writer))]
    await close(writer)
    return ends


async def the_writer_of_a_pipe_is_killed(aio: Any) -> Any:
    reading, writing = os.pipe()
    process = await start_peer(aio, "writes", stdout=writing)
    os.close(writing)
    reader, transport = await read_pipe(aio, reading)
    await reader.readexactly(PIECE)
    process.kill()
    assert await process.wait() == -signal.SIGKILL
    end = await end_of(reader.readexactly(PIECES * PIECE))
    transport.close()
    await aio.sleep(0)
    return end


async def a_process_that_reads_is_killed(aio: Any) -> Any:
    process = await start_peer(aio, "reads", stdin=subprocess.PIPE)
    sending = aio.create_task(end_of(send(process.stdin)))
    await process.stdout.readexactly(1)
    await kill(process)
    return [await sending, await end_of(send(process.stdin))]


async def a_process_that_writes_is_killed(aio: Any) -> Any:
    process = await start_peer(aio, "writes")
    await process.stdout.readexactly(PIECE)
    process.kill()
    end = await end_of(process.stdout.readexactly(PIECES * PIECE))
    assert await process.wait() == -signal.SIGKILL
    return end


# -- TLS and certificates --------------------------------------------------------------------------


async def an_echo_over_tls(aio: Any) -> None:
    async with connection(aio, "tls") as (ours, theirs):
        ours[1].write(b"hello")
        theirs[1].write((await theirs[0].readexactly(5)).upper())
        assert await ours[0].readexactly(5) == b"HELLO"
        assert ours[1].get_extra_info("peercert")["subjectAltName"] == (("DNS", NAME),)


async def a_server_of_an_unknown_authority(aio: Any) -> str:
    aio.get_running_loop().set_debug(False)  # it would report the server's failed handshake
    async with listening(aio, "tls") as (_, address, accepted):
        options: dict[str, Any] = {"ssl": stranger_context(), "server_hostname": NAME}
        with pytest.raises(ssl.SSLCertVerificationError) as caught:
            await aio.open_connection("127.0.0.1", int(address), **options)
        assert not accepted.done()
        return caught.value.verify_message


# -- all stories -----------------------------------------------------------------------------------

#: Every story and its expected result.
PROGRAMME: dict[str, tuple[Story, Any]] = {
    "an echo over TLS": (an_echo_over_tls, None),
    "a server of an unknown authority": (
        a_server_of_an_unknown_authority, "unable to get local issuer certificate",
    ),
    "64 MiB both ways at once, TCP": (partial(through_a_connection_both_ways, "tcp"), None),
    "64 MiB both ways at once, Unix": (partial(through_a_connection_both_ways, "unix"), None),
    "64 MiB both ways at once, TLS": (partial(through_a_connection_both_ways, "tls"), None),
    "64 MiB through a pipe": (through_a_pipe, None),
    "64 MiB through a process and back": (through_a_process_and_back, None),
    "a file of 64 MiB, TCP": (partial(a_file_is_sent, "tcp"), None),
    "a file of 64 MiB, Unix": (partial(a_file_is_sent, "unix"), None),
    "a file of 64 MiB, TLS": (partial(a_file_is_sent, "tls"), None),
    "the reader of a connection is killed, TCP": (
        partial(the_reader_of_a_connection_is_killed, "tcp"), ["lost"] * 3,
    ),
    "the reader of a connection is killed, Unix": (
        partial(the_reader_of_a_connection_is_killed, "unix"), ["lost"] * 3,
    ),
    "the reader of a connection is killed, TLS": (
        partial(the_reader_of_a_connection_is_killed, "tls"), ["lost"] * 3,
    ),
    "the writer of a connection is killed, TCP": (
        partial(the_writer_of_a_connection_is_killed, "tcp"), ["IncompleteReadError"] * 2,
    ),
    "the writer of a connection is killed, Unix": (
        partial(the_writer_of_a_connection_is_killed, "unix"), ["IncompleteReadError"] * 2,
    ),
    "the writer of a connection is killed, TLS": (
        partial(the_writer_of_a_connection_is_killed, "tls"), ["IncompleteReadError"] * 2,
    ),
    "the reader of a file is killed, TCP": (
        partial(the_reader_of_a_file_is_killed, "tcp"), "lost",
    ),
    "the reader of a file is killed, Unix": (
        partial(the_reader_of_a_file_is_killed, "unix"), "lost",
    ),
    "the reader of a pipe is killed": (
        the_reader_of_a_pipe_is_killed, ["lost", "lost"],
    ),
    "the writer of a pipe is killed": (the_writer_of_a_pipe_is_killed, "IncompleteReadError"),
    "a process that reads is killed": (
        a_process_that_reads_is_killed, ["lost", "lost"],
    ),
    "a process that writes is killed": (a_process_that_writes_is_killed, "IncompleteReadError"),
}  # fmt: skip


@on_both
@pytest.mark.parametrize("title", PROGRAMME)
def test_a_story_has_the_expected_result(title: str, aio: Any) -> None:
    story, end = PROGRAMME[title]
    assert play(story, aio) == end


def test_a_killed_reader_of_a_file_over_tls_raises() -> None:
    """Only on miniloop: asyncio sometimes discards the data and reports success."""
    assert play(partial(the_reader_of_a_file_is_killed, "tls"), miniloop) == "lost"


def test_the_stories_print_nothing_in_development_mode() -> None:
    program = (
        "from tests.test_transfers import PROGRAMME, miniloop, play\n"
        "assert [play(story, miniloop) for story, _ in PROGRAMME.values()]"
        " == [end for _, end in PROGRAMME.values()]"
    )
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", "-c", program],
        cwd=Path(__file__).parent.parent, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stderr == ""
    assert (done.returncode, done.stdout) == (0, "")
