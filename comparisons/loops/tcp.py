"""The throughput of streams, from a server to a client on the same loop.

The workload is pyperformance's asyncio_tcp, reimplemented from its description: over one
connection, the server writes a large block 100 times and awaits `drain()` after each one. The
client reads until the end.

To run one sample: `python -m comparisons.loops.tcp --column miniloop`
"""

import argparse
import sys
from collections.abc import Sequence
from time import perf_counter
from types import ModuleType
from typing import Any, Final

from comparisons.loops import echo

LOOPS: Final = tuple(column for column in echo.COLUMNS if column != "epoll")
WRITES: Final = 100
MEGABYTES: Final = 10
MEBIBYTE: Final = 1024 * 1024


def sample(column: str, writes: int = WRITES, megabytes: int = MEGABYTES) -> float:
    """Return the seconds to transfer `writes` blocks of `megabytes` MiB on the loop of `column`.

    Call it in a new process; for "asyncio-python", `_asyncio` must not be importable in it.
    Raises EchoError if bytes are lost.
    """
    aio, loop_factory = echo.loop_of(column)
    with aio.Runner(loop_factory=loop_factory) as runner:
        seconds: float = runner.run(_transfer(aio, writes, b"x" * (megabytes * MEBIBYTE)))
        return seconds


async def _transfer(aio: ModuleType, writes: int, block: bytes) -> float:
    async def serve(_: Any, writer: Any) -> None:
        for _ in range(writes):
            writer.write(block)
            await writer.drain()
        writer.close()
        await writer.wait_closed()

    server = await aio.start_server(serve, echo.HOST, 0)
    async with server:
        begun = perf_counter()
        reader, writer = await aio.open_connection(*server.sockets[0].getsockname())
        received = 0
        while data := await reader.read(len(block)):
            received += len(data)
        seconds = perf_counter() - begun
        writer.close()
        await writer.wait_closed()
    if received != writes * len(block):
        raise echo.EchoError(f"received {received} of {writes * len(block)} bytes")
    return seconds


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m comparisons.loops.tcp",
        description="Take one sample of the stream throughput; print the seconds.",
    )
    add = parser.add_argument
    add("--column", choices=LOOPS, default="miniloop", help="the event loop")
    add("--writes", type=echo.positive, default=WRITES, help="number of blocks")
    add("--megabytes", type=echo.positive, default=MEGABYTES, help="size of a block in MiB")
    options = parser.parse_args(arguments)
    echo.hide_accelerator(options.column)
    with echo.report_errors(sys.stderr):
        print(f"{sample(options.column, options.writes, options.megabytes):.6f}")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(echo.INTERRUPTED)
