"""An HTTP/1.1 GET request, with the same response parser for every model.

`Reply` parses a response and does no I/O; `fetch` and `fetch_on_loop` do the I/O and no parsing.
So the models differ only in how they wait for the bytes.

Each connection fetches one page. Redirects are not followed, compression is not requested, and
every status except 200 is an error. All errors are raised as `PageError`, which names the page.
"""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote, urlsplit

if TYPE_CHECKING:
    from ssl import SSLContext  # costs 20 ms to import, and only https needs it

CHUNK = 65536
HEX_DIGITS = b"0123456789abcdefABCDEF"
SCHEME_PORTS = {"http": 80, "https": 443}


class PageError(Exception):
    """A page could not be fetched; the message names the page and the reason."""


class Page(NamedTuple):
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


class Target(NamedTuple):
    host: str
    port: int
    tls: bool
    request: bytes


def target_of(url: str) -> Target:
    """Return where to connect and what to send; raise ValueError unless it is an http(s) URL."""
    parts = urlsplit(url.strip())
    if parts.scheme not in SCHEME_PORTS or not parts.hostname:
        raise ValueError(f"{url!r} is not an http:// or https:// address")
    host = parts.hostname.encode("idna").decode("ascii")
    named_host = f"[{host}]" if ":" in host else host
    port = parts.port if parts.port is not None else SCHEME_PORTS[parts.scheme]
    path = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~")
    query = quote(parts.query, safe="/%:@!$&'()*+,;=~?")
    lines = (
        f"GET {path}{'?' + query if query else ''} HTTP/1.1",
        f"Host: {named_host if parts.port is None else f'{named_host}:{port}'}",
        "User-Agent: miniloop-comparisons",
        "Accept-Encoding: identity",
        "Connection: close",
    )
    request = "\r\n".join((*lines, "", "")).encode("ascii")
    return Target(host, port, parts.scheme == "https", request)


class Reply:
    """A response, parsed as its bytes arrive."""

    def __init__(self) -> None:
        self._received = bytearray()  # not parsed yet
        self._body = bytearray()
        self._status = 0  # 0 until the head is complete
        self._reason = ""
        self._headers: tuple[tuple[str, str], ...] = ()
        self._length: int | None = None  # None: the body ends with the connection
        self._chunked = False

    def feed(self, data: bytes) -> bool:
        """Parse received bytes (b"" for end of file); return True once the response is complete."""
        self._received += data
        while not self._status or 100 <= self._status < 200:  # skip interim responses
            if not self._take_head():
                return self._unfinished(data)
        complete = self._take_chunks() if self._chunked else self._take_plain(ended=not data)
        return complete or self._unfinished(data)

    def page(self) -> Page:
        """Return the complete response; raise PageError unless its status is 200."""
        if self._status != 200:
            target = dict(self._headers).get("location")
            hint = f", redirect to {target}" if target else ""
            raise PageError(f"status {self._status} {self._reason}{hint}")
        return Page(self._status, self._headers, bytes(self._body))

    def _unfinished(self, data: bytes) -> bool:
        if not data:
            raise PageError("the server closed the connection before the response was complete")
        return False

    def _take_head(self) -> bool:
        head, end, rest = self._received.partition(b"\r\n\r\n")
        if not end:
            return False
        first, *lines = head.decode("latin-1").split("\r\n")
        version, _, status = first.partition(" ")
        code, _, self._reason = status.partition(" ")
        if not version.startswith("HTTP/1.") or not (code.isdecimal() and len(code) == 3):
            raise PageError(f"the response is not HTTP/1: {first[:60]!r}")
        self._received, self._status = rest, int(code)
        pairs = (line.partition(":") for line in lines)
        self._headers = tuple((name.strip().lower(), value.strip()) for name, _, value in pairs)
        self._frame(dict(self._headers))
        return True

    def _frame(self, headers: dict[str, str]) -> None:
        """Determine from the headers where the body ends."""
        self._chunked = headers.get("transfer-encoding", "").lower() == "chunked"
        length = headers.get("content-length")
        if length is not None and not length.isdecimal():
            raise PageError(f"the server sent a bad Content-Length: {length!r}")
        bodiless = self._status in (204, 304)
        self._length = 0 if bodiless else None if length is None else int(length)

    def _take_plain(self, ended: bool) -> bool:
        self._body += self._received
        self._received.clear()
        if self._length is None:
            return ended
        del self._body[self._length :]
        return len(self._body) == self._length

    def _take_chunks(self) -> bool:
        while True:
            size_line, end, rest = self._received.partition(b"\r\n")
            if not end:
                return False
            digits = bytes(size_line).split(b";")[0].strip()
            if not digits or digits.strip(HEX_DIGITS):
                raise PageError(f"the server sent a bad chunk size: {digits[:60]!r}")
            size = int(digits, 16)
            if size == 0:
                return True
            if len(rest) < size + len(b"\r\n"):
                return False
            self._body += rest[:size]
            self._received = rest[size + len(b"\r\n") :]


def fetch(url: str, seconds: float, context: "SSLContext | None" = None) -> Page:
    """Fetch a page and block the thread; `seconds` is the timeout of each socket operation."""
    target = target_of(url)
    reply = Reply()
    with _page_errors(url, seconds), socket.create_connection(target[:2], seconds) as plain:
        if context is None or not target.tls:
            _exchange(plain, target, reply)
        else:
            with context.wrap_socket(plain, server_hostname=target.host) as secured:
                _exchange(secured, target, reply)
        return reply.page()


def _exchange(connection: socket.socket, target: Target, reply: Reply) -> None:
    connection.sendall(target.request)
    while not reply.feed(connection.recv(CHUNK)):
        pass


async def fetch_on_loop(
    aio: ModuleType, url: str, seconds: float, context: "SSLContext | None" = None
) -> Page:
    """Fetch a page within `seconds`; `aio` is asyncio or a module with asyncio's names."""
    target = target_of(url)
    reply = Reply()
    tls: dict[str, Any] = {"ssl": context} if target.tls else {}
    with _page_errors(url, seconds, aio.__name__ if target.tls else ""):
        async with aio.timeout(seconds):
            reader, writer = await aio.open_connection(target.host, target.port, **tls)
            try:
                writer.write(target.request)
                while not reply.feed(await reader.read(CHUNK)):
                    pass
            finally:
                if target.tls:  # close() would wait for the server's close_notify
                    writer.transport.abort()
                writer.close()
                await writer.wait_closed()
        return reply.page()


@contextmanager
def _page_errors(url: str, seconds: float, tls_of: str = "") -> Iterator[None]:
    """Convert every error of a fetch into a PageError that names the page.

    `tls_of` is the name of the module whose TLS is used, or "". A module without TLS rejects the
    argument `ssl`.
    """
    try:
        yield
    except PageError as error:
        raise PageError(f"{url}: {error}") from None
    except TimeoutError:
        raise PageError(f"{url}: no response within {seconds:g} s") from None
    except ConnectionRefusedError:
        raise PageError(f"{url}: connection refused") from None
    except (NotImplementedError, TypeError) as error:
        if not tls_of:
            raise
        raise PageError(f"{url}: https needs TLS, which {tls_of} lacks ({error})") from error
    except OSError as error:
        raise PageError(f"{url}: {error.strerror or error}") from None
