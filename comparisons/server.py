"""The HTTP/1.1 server of the comparison: a process of its own, a set latency per page.

`/page/7` always answers the same headers and the same few KiB of text, so results can be compared.
Every page is held back for the latency on a timer of its own, so the server answers any number of
connections side by side: what is waited for, all the models wait for alike.

It serves GET and its own pages, nothing else, and does not trust a client further than a short
head. It ends when its standard input does, and so never outlives whoever started it.
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
    """The whole answer for one page, the same on every machine."""
    chance = random.Random(number)
    lines = [" ".join(chance.choices(WORDS, k=WORDS_IN_LINE)) for _ in range(LINES)]
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
    """What to send back for the head of a request."""
    request = head.split(b"\r\n", 1)[0].decode("latin-1").split(" ")
    if len(request) != 3:
        return answer("400 Bad Request", "that is not a request\n", "Connection: close")
    method, path, _ = request
    if method != "GET":
        return answer("405 Method Not Allowed", "GET only\n", "Allow: GET")
    number = path.removeprefix("/page/")
    if path == number or not (number.isascii() and number.isdecimal() and len(number) < 10):
        return answer("404 Not Found", "there is no such page\n")
    return page_answer(int(number))


class Connection(asyncio.Protocol):
    """One client: a request is read, held back for the latency, answered."""

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
    """Serve until standard input ends; the first line printed is the port."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(latency), HOST, 0, backlog=BACKLOG)
    owner_gone = asyncio.Event()
    loop.add_reader(sys.stdin.fileno(), owner_gone.set)
    print(server.sockets[0].getsockname()[1], flush=True)
    await owner_gone.wait()
    loop.remove_reader(sys.stdin.fileno())
    server.close()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m comparisons.server", description=__doc__)
    parser.add_argument("--latency", type=float, default=0.025, help="seconds per page")
    asyncio.run(serve(parser.parse_args().latency))


if __name__ == "__main__":
    main()
