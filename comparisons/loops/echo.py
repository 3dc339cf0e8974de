"""An echo server on one event loop, and its client processes.

`sample()` serves in this process, which must be a new one, so that samples differ only in their
loop. The clients are separate processes with one plain blocking socket each; they check every byte
that comes back. The result is the CPU time of the server alone, from the first to the last message
after a warm-up.

The column "epoll" is not an event loop, but the minimum for a server in Python: a dictionary of
sockets and three system calls per message. The difference to it is the cost of the loop.

To run one sample: `python -m comparisons.loops.echo --column miniloop --api streams --size 1024`
"""

import argparse
import json
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from importlib import import_module
from itertools import count
from pathlib import Path
from statistics import fmean, quantiles
from threading import Thread
from time import perf_counter, process_time
from types import ModuleType, TracebackType
from typing import Any, Final, NamedTuple, Self

COLUMNS: Final = ("asyncio", "asyncio-python", "miniloop", "uvloop", "epoll")
APIS: Final = ("protocol", "streams", "sock")

ROOT: Final = Path(__file__).resolve().parents[2]
HOST: Final = "127.0.0.1"
CLIENTS: Final = 2
WARM_UP: Final = 200
"""Messages of each client before the measurement."""
CHUNK: Final = 64 * 1024
"""Bytes that a server reads at a time, if the server decides that and not the loop.

With 128 KiB or more, malloc would map and unmap the memory of each message, which takes longer
than the message itself.
"""
NUMBER: Final = 8
"""Bytes at the start of a message that make each one different."""
CLIENT_SECONDS: Final = 30.0
"""The socket timeout of a client in seconds."""

INTERRUPTED: Final = 130


class Sample(NamedTuple):
    seconds: float
    """From the first message to the last reply."""
    cpu_per_message: float
    """CPU seconds of the server process per message, user and system time."""
    requests_per_second: float
    mean: float
    """The mean time in seconds from sending a message to the last byte of its reply."""
    p99: float


class EchoError(Exception):
    """A server or a client failed; the message is for the report."""


def sample(column: str, api: str, size: int, messages: int) -> Sample:
    """Echo `messages` messages of `size` bytes on the loop of `column`, with the given `api`.

    Call it in a new process; for "asyncio-python", `_asyncio` must not be importable in it.
    Raises EchoError if a reply is wrong, or if a client or the server fails.
    """
    with _listening() as listener, Clients(listener, size, messages // CLIENTS) as clients:
        if column == "epoll":
            _serve_bare(listener, clients)
        else:
            _serve_on_loop(column, api, listener, clients)
        return clients.sample()


def _listening() -> socket.socket:
    listener = socket.create_server((HOST, 0))
    listener.setblocking(False)
    return listener


# -- the clients, seen from the server process ----------------------------------------------------


class Clients:
    """The client processes, and a thread that controls them while the main thread serves.

    While the clients send messages, the thread blocks in a read, so it uses no CPU time.
    """

    def __init__(self, listener: socket.socket, size: int, messages: int) -> None:
        options = (str(number) for number in (listener.getsockname()[1], size, messages))
        self._command = (sys.executable, "-m", __spec__.name, "--client", *options)
        self._messages = messages * CLIENTS
        self._processes: list[subprocess.Popen[str]] = []
        self._thread: Thread | None = None
        self._sample: Sample | None = None
        self._error: Exception | None = None

    def __enter__(self) -> Self:
        with ExitStack() as on_error:
            on_error.callback(self._kill)
            for _ in range(CLIENTS):
                self._processes.append(
                    subprocess.Popen(
                        self._command, cwd=ROOT, text=True, stdin=subprocess.PIPE,
                        stdout=subprocess.PIPE,
                    )
                )  # fmt: skip
            on_error.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._kill()
        if self._thread is not None:
            self._thread.join()
        for process in self._processes:
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    with suppress(BrokenPipeError):  # it exited without reading all of its input
                        pipe.close()

    def _kill(self) -> None:
        for process in self._processes:
            process.kill()
            process.wait()

    def start(self, stop_serving: Callable[[], object]) -> None:
        """Start the clients; `stop_serving` is called in a thread when they finish or fail."""
        self._thread = Thread(target=self._measure, args=(stop_serving,))
        self._thread.start()

    def sample(self) -> Sample:
        """Return the result; raise EchoError if there is none."""
        if self._sample is None:
            raise self._error or EchoError("the server stopped before its clients")
        return self._sample

    def _measure(self, stop_serving: Callable[[], object]) -> None:
        try:
            for process in self._processes:
                _expect(process, "warm")
            before = process_time()
            for process in self._processes:
                print("go", file=process.stdin, flush=True)
            for process in self._processes:
                _expect(process, "done")
            cpu = process_time() - before  # before reading the long answers
            answers = [json.loads(_read(process)) for process in self._processes]
            self._sample = _sum_up(answers, cpu / self._messages)
        except (EchoError, OSError, ValueError) as error:
            self._error = error if isinstance(error, EchoError) else EchoError(f"a client: {error}")
        finally:
            self._kill()
            stop_serving()


def _expect(process: "subprocess.Popen[str]", word: str) -> None:
    line = _read(process)
    if line != word:
        raise EchoError(f"a client: {line}")


def _read(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    line = process.stdout.readline().strip()
    if not line:
        raise EchoError("a client process died")
    return line


def _sum_up(answers: list[dict[str, Any]], cpu_per_message: float) -> Sample:
    begun = min(answer["begun"] for answer in answers)
    seconds = max(answer["ended"] for answer in answers) - begun
    latencies = [latency for answer in answers for latency in answer["latencies"]]
    return Sample(
        seconds=seconds,
        cpu_per_message=cpu_per_message,
        requests_per_second=len(latencies) / seconds,
        mean=fmean(latencies),
        p99=quantiles(latencies, n=100)[-1],
    )


# -- one client -----------------------------------------------------------------------------------


def client(port: int, size: int, messages: int) -> None:
    """Warm up, wait for "go" on standard input, send the messages, print the result as JSON."""
    with socket.create_connection((HOST, port), CLIENT_SECONDS) as server:
        server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        exchanges = _exchanges(server, size)
        for _ in range(WARM_UP):
            next(exchanges)
        print("warm", flush=True)
        if not sys.stdin.readline():
            raise EchoError("standard input ended before the start signal")
        begun = perf_counter()
        latencies = [next(exchanges) for _ in range(messages)]
        ended = perf_counter()
        print("done", flush=True)
        print(json.dumps({"begun": begun, "ended": ended, "latencies": latencies}), flush=True)
        sys.stdin.read()  # keep the connection open until the server no longer uses it


def _exchanges(server: socket.socket, size: int) -> Iterator[float]:
    """Send messages and receive them back; yield the seconds that each one took."""
    message = bytearray(b"echo " * (size // 5 + 1))[:size]
    reply = bytearray(size)
    view = memoryview(reply)
    for number in count():
        message[:NUMBER] = number.to_bytes(NUMBER, "big")[-size:]
        begun = perf_counter()
        server.sendall(message)
        received = 0
        while received < size:
            more = server.recv_into(view[received:])
            if not more:
                raise EchoError("the server closed the connection")
            received += more
        taken = perf_counter() - begun
        if reply != message:
            raise EchoError("the reply differs from the message")
        yield taken


# -- the servers ----------------------------------------------------------------------------------


def _serve_bare(listener: socket.socket, clients: Clients) -> None:
    """Serve with a bare epoll loop: wait, receive, send."""
    if not hasattr(select, "epoll"):
        raise EchoError("this system has no epoll")
    with ExitStack() as stack:
        poll = stack.enter_context(select.epoll())
        wake_up, waker = socket.socketpair()  # readable when the clients have finished
        stack.enter_context(wake_up)
        stack.enter_context(waker)
        connections: dict[int, socket.socket] = {}
        unsent: dict[int, bytes] = {}
        poll.register(listener, select.EPOLLIN)
        poll.register(wake_up, select.EPOLLIN)
        clients.start(lambda: waker.send(b"!"))
        while True:
            for fd, event in poll.poll():
                connection = connections.get(fd)
                if connection is None:
                    if fd == wake_up.fileno():
                        return
                    connection = stack.enter_context(_accepted(listener))
                    connections[connection.fileno()] = connection
                    poll.register(connection, select.EPOLLIN)
                elif event & select.EPOLLOUT:
                    poll.modify(fd, select.EPOLLIN)
                    _send_bare(poll, connection, unsent.pop(fd), unsent)
                elif data := connection.recv(CHUNK):
                    _send_bare(poll, connection, data, unsent)
                else:
                    poll.unregister(fd)
                    connections.pop(fd).close()


def _accepted(listener: socket.socket) -> socket.socket:
    connection, _ = listener.accept()
    connection.setblocking(False)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def _send_bare(
    poll: "select.epoll", connection: socket.socket, data: bytes, unsent: dict[int, bytes]
) -> None:
    sent = connection.send(data)
    if sent < len(data):  # stop reading until the rest has been sent
        poll.modify(connection, select.EPOLLOUT)
        unsent[connection.fileno()] = data[sent:]


def _serve_on_loop(column: str, api: str, listener: socket.socket, clients: Clients) -> None:
    aio, loop_factory = loop_of(column)
    serving = {"protocol": _by_protocol, "streams": _by_streams, "sock": _by_sock}[api]

    async def main() -> None:
        loop = aio.get_running_loop()
        ended = loop.create_future()

        def stop_serving() -> None:
            loop.call_soon_threadsafe(ended.set_result, None)

        await serving(aio, listener, lambda: clients.start(stop_serving), ended)

    with aio.Runner(loop_factory=loop_factory) as runner:
        runner.run(main())


def loop_of(column: str) -> tuple[ModuleType, Callable[[], Any] | None]:
    """Return the column's module with asyncio's names and its loop factory; None: the default."""
    if column == "miniloop":
        return import_module("miniloop"), None
    aio = import_module("asyncio")
    accelerated = sys.modules.get("_asyncio") is not None
    if accelerated is (column == "asyncio-python"):
        raise EchoError(f"{column}: this process is not a new one for this column")
    return aio, import_module("uvloop").new_event_loop if column == "uvloop" else None


async def _by_protocol(
    aio: ModuleType, listener: socket.socket, start: Callable[[], None], ended: Any
) -> None:
    class Echo(aio.Protocol):  # type: ignore[misc, name-defined]
        def connection_made(self, transport: Any) -> None:
            self.transport = transport

        def data_received(self, data: bytes) -> None:
            self.transport.write(data)

    server = await aio.get_running_loop().create_server(Echo, sock=listener)
    start()
    await ended
    server.close()
    await server.wait_closed()


async def _by_streams(
    aio: ModuleType, listener: socket.socket, start: Callable[[], None], ended: Any
) -> None:
    echoing: list[Any] = []

    async def echo(reader: Any, writer: Any) -> None:
        echoing.append(aio.current_task())
        with suppress(ConnectionError):  # from a client that failed; it reports the reason itself
            while data := await reader.read(CHUNK):
                writer.write(data)
                await writer.drain()
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()

    server = await aio.start_server(echo, sock=listener)
    start()
    await ended
    server.close()
    await server.wait_closed()
    await aio.gather(*echoing)  # wait_closed() waits for these only since 3.12


async def _by_sock(
    aio: ModuleType, listener: socket.socket, start: Callable[[], None], ended: Any
) -> None:
    loop = aio.get_running_loop()

    async def echo(connection: socket.socket) -> None:
        with connection, suppress(ConnectionError):
            while data := await loop.sock_recv(connection, CHUNK):
                await loop.sock_sendall(connection, data)

    async def accept() -> None:
        for _ in range(CLIENTS):
            connection, _ = await loop.sock_accept(listener)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            echoing.append(loop.create_task(echo(connection)))

    echoing: list[Any] = []
    accepting = loop.create_task(accept())
    start()
    await ended
    accepting.cancel()
    await aio.gather(accepting, *echoing, return_exceptions=True)


# -- the command ----------------------------------------------------------------------------------


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m comparisons.loops.echo",
        description="Take one sample of an echo server; print it as JSON.",
    )
    add = parser.add_argument
    add("--column", choices=COLUMNS, default="miniloop", help="the event loop")
    add("--api", choices=APIS, default="streams", help="the API that the server uses")
    add("--size", type=positive, default=1024, help="message size in bytes")
    add("--messages", type=positive, default=10_000, help="messages of all clients together")
    add("--client", type=int, nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.client:
        with report_errors(sys.stdout):
            client(*options.client)
        return 0
    hide_accelerator(options.column)
    with report_errors(sys.stderr):
        taken = sample(options.column, options.api, options.size, options.messages)
        print(json.dumps(taken._asdict()))
    return 0


def hide_accelerator(column: str) -> None:
    """For "asyncio-python", make `_asyncio` impossible to import; call before importing asyncio."""
    if column == "asyncio-python":
        sys.modules["_asyncio"] = None  # type: ignore[assignment]


def positive(text: str) -> int:
    if (number := int(text)) < 1:
        raise ValueError
    return number


@contextmanager
def report_errors(stream: Any) -> Iterator[None]:
    """If the server or a client fails, print one line and exit with status 1."""
    try:
        yield
    except (EchoError, OSError, ImportError) as error:
        print(f"{error}" or type(error).__name__, file=stream, flush=True)
        sys.exit(1)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(INTERRUPTED))
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
