"""The local HTTP/1.1 server of the comparison: a separate process with a fixed latency per page.

`/page/7` always returns the same headers and the same few KiB of text, so results can be compared.
Each response is delayed by a timer of its own, so any number of connections are served
concurrently, and every model waits for the same time.

It only serves GET requests for its pages, and closes a connection whose request head is too long.
It exits at the end of its standard input, so it never outlives its parent process.
"""

import argparse
import asyncio
import random
import sys
from functools import lru_cache

HOST = "127.0.0.1"
BACKLOG = 1024
LONGEST_HEAD = 16 * 1024
WORDS = ("bread", "oven", "flour", "water", "salt", "yeast", "dough", "crust", "knead", "wait")
LINES, WORDS_IN_LINE = 80, 9


@lru_cache(maxsize=4096)
def page_answer(number: int) -> bytes:
    """Return the complete response for one page, the same on every machine."""
    generator = random.Random(number)
    lines = [" ".join(generator.choices(WORDS, k=WORDS_IN_LINE)) for _ in range(LINES)]
    body = "\n".join((f"page {number}", *lines, ""))
    return answer("200 OK", body, f"ETag: page-{number}", "Cache-Control: no-store")


def answer(status: str, body: str, *headers: str) -> bytes:
    content = body.encode("ascii")
    lines = (
        f"HTTP/1.1 {status}",
        "Content-Type: text/plain; charset=us-ascii",
        f"Content-Length: {len(content)}",
        *headers,
    )
    return "\r\n".join((*lines, "", "")).encode("ascii") + content


def answer_to(head: bytes) -> bytes:
    """Return the response for the head of a request."""
    request = head.split(b"\r\n", 1)[0].decode("latin-1").split(" ")
    if len(request) != 3:
        return answer("400 Bad Request", "not a valid request\n", "Connection: close")
    method, path, _ = request
    if method != "GET":
        return answer("405 Method Not Allowed", "GET only\n", "Allow: GET")
    number = path.removeprefix("/page/")
    if path == number or not (number.isascii() and number.isdecimal() and len(number) < 10):
        return answer("404 Not Found", "no such page\n")
    return page_answer(int(number))


class Connection(asyncio.Protocol):
    """One client connection: read a request, wait for the latency, send the response."""

    def __init__(self, latency: float) -> None:
        self._latency = latency
        self._received = b""
        self._transport: asyncio.Transport
        self._answering: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        if len(self._received) > LONGEST_HEAD:
            self._transport.abort()
        elif self._answering is None:
            self._read_request()

    def connection_lost(self, error: Exception | None) -> None:
        if self._answering is not None:
            self._answering.cancel()

    def _read_request(self) -> None:
        head, end, rest = self._received.partition(b"\r\n\r\n")
        if end:
            self._received = rest
            loop = asyncio.get_running_loop()
            self._answering = loop.call_later(self._latency, self._answer, head)

    def _answer(self, head: bytes) -> None:
        self._answering = None
        self._transport.write(answer_to(head))
        if b"connection: close" in head.lower():
            self._transport.close()
        else:
            self._read_request()


async def serve(latency: float) -> None:
    """Print the port, then serve until the end of standard input."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(latency), HOST, 0, backlog=BACKLOG)
    parent_gone = asyncio.Event()
    loop.add_reader(sys.stdin.fileno(), parent_gone.set)
    print(server.sockets[0].getsockname()[1], flush=True)
    await parent_gone.wait()
    loop.remove_reader(sys.stdin.fileno())
    server.close()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m comparisons.server", description=__doc__)
    parser.add_argument("--latency", type=float, default=0.025, help="seconds per page")
    asyncio.run(serve(parser.parse_args().latency))


if __name__ == "__main__":
    main()
