"""Pipes: behaviour of their transports that those of sockets do not have."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from tests.parity.harness import Stage
from tests.parity.network import Recorder

MORE_THAN_A_PIPE_HOLDS = 1024 * 1024

MADE, PAUSE, RESUME = [("protocol", step) for step in ("made", "pause", "resume")]
LOST = ("protocol", "lost", None)
DRAINED = [MADE, PAUSE, RESUME, LOST]


@asynccontextmanager
async def write_pipe(stage: Stage) -> AsyncIterator[tuple[Any, Recorder, int]]:
    """Yield transport and protocol of the writing end, and the descriptor of the reading end."""
    peer, ours = os.pipe()
    os.set_blocking(peer, False)
    loop = stage.aio.get_running_loop()
    file = os.fdopen(ours, "wb", 0)
    transport, protocol = await loop.connect_write_pipe(lambda: Recorder(stage), file)
    try:
        yield transport, protocol, peer
    finally:
        if not transport.is_closing():
            transport.abort()
        await stage.aio.sleep(0)
        os.close(peer)


async def read_until_eof(stage: Stage, peer: int) -> bytes:
    """Read until eof, one iteration for each piece; fail if there is no eof."""
    received = b""
    for _ in range(1000):
        with suppress(BlockingIOError):
            piece = os.read(peer, 64 * 1024)
            if not piece:
                return received
            received += piece
        await stage.aio.sleep(0)
    raise AssertionError("the pipe is still open")


def test_writes_after_close_are_dropped_while_the_buffer_is_sent(stage: Stage) -> None:
    async def main() -> None:
        async with write_pipe(stage) as (transport, _, peer):
            transport.write(bytes(MORE_THAN_A_PIPE_HOLDS))
            transport.close()
            transport.write(b"too late")
            transport.writelines([b"much ", b"too late"])
            received = await read_until_eof(stage, peer)
            stage.log(received == bytes(MORE_THAN_A_PIPE_HOLDS))

    assert stage.run(main) == [*DRAINED, True]


def test_abort_ends_a_close_that_is_still_sending(stage: Stage) -> None:
    async def main() -> None:
        async with write_pipe(stage) as (transport, protocol, _):
            transport.write(bytes(MORE_THAN_A_PIPE_HOLDS))
            transport.close()
            transport.write(b"too late")
            transport.abort()
            await stage.aio.wait_for(protocol.lost, 1)

    assert stage.run(main) == [MADE, PAUSE, LOST]


def test_writing_empty_data_to_a_closed_pipe_logs_nothing(stage: Stage) -> None:
    async def main() -> None:
        async with write_pipe(stage) as (transport, _, _):
            transport.close()
            for _ in range(10):
                transport.write(b"")

    stage.run(main)
    assert stage.logged() == []


def test_data_may_be_changed_after_it_was_written(stage: Stage) -> None:
    async def main() -> None:
        async with write_pipe(stage) as (transport, _, peer):
            data = bytearray(b"." * MORE_THAN_A_PIPE_HOLDS)
            transport.write(data)
            data[:] = b"!" * len(data)
            transport.write(data)
            data.clear()
            transport.close()
            received = await read_until_eof(stage, peer)
            stage.log(received.count(b"."), received.count(b"!"))

    size = MORE_THAN_A_PIPE_HOLDS
    assert stage.run(main) == [*DRAINED, (size, size)]
