"""An echo server on one event loop, and the processes that talk to it.

`sample()` serves in this process, which has to be a fresh one: the loop is the one thing that shall
be different from sample to sample. The clients are processes of their own, plain blocking sockets
with one connection each; they check every byte that comes back. What counts is the CPU time of the
server alone, from the first message to the last, after a warm-up.

The column "epoll" is no loop but the least that a server in Python can do: a dictionary of sockets
and three system calls a message. What a loop takes beyond it is the price of the loop.

By hand: `python -m comparisons.loops.echo --column miniloop --api streams --size 1024`
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
"""Messages of each client that do not count."""
CHUNK: Final = 64 * 1024
"""Bytes that a server asks for at a time, where that is its own choice and not the loop's.

With 128 KiB or more, the memory for each message would be mapped and unmapped by the kernel, which
takes longer than the message.
"""
NUMBER: Final = 8
"""Bytes at the head of a message that make each one different."""
CLIENT_SECONDS: Final = 30.0
"""How long a client waits for its server before it gives up; so nothing here waits for ever."""

INTERRUPTED: Final = 130


class Sample(NamedTuple):
    seconds: float
    """From the first message to the last reply."""
    cpu_per_message: float
    """CPU seconds of the server process, user and system."""
    requests_per_second: float
    mean: float
    """Seconds from a message's first byte to the reply's last, as the clients see it."""
    p99: float


class EchoError(Exception):
    """A server or a client that did not do its work; the text is for the report."""


def sample(column: str, api: str, size: int, messages: int) -> Sample:
    """Echo `messages` of `size` bytes through the loop of `column`, used in the way of `api`.

    The process has to be fresh, and for "asyncio-python" `_asyncio` cannot be imported in it.
    Raises EchoError if a byte comes back wrong, or a client or the server fails.
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


# -- the clients, as the server's process sees them -----------------------------------------------


class Clients:
    """The client processes, and the thread which talks to them while the main thread serves.

    The thread waits in a read as long as the clients are at work, so it takes no CPU time then.
    """

    def __init__(self, listener: socket.socket, size: int, messages: int) -> None:
        what = (str(number) for number in (listener.getsockname()[1], size, messages))
        self._command = (sys.executable, "-m", __spec__.name, "--client", *what)
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
                    with suppress(BrokenPipeError):  # what it would not read any more
                        pipe.close()

    def _kill(self) -> None:
        for process in self._processes:
            process.kill()
            process.wait()

    def start(self, stop_serving: Callable[[], object]) -> None:
        """Let them begin; `stop_serving` is called, in a thread, when they have ended or failed."""
        self._thread = Thread(target=self._measure, args=(stop_serving,))
        self._thread.start()

    def sample(self) -> Sample:
        """What came of it, or the EchoError."""
        if self._sample is None:
            raise self._error or EchoError("the server has ended before its clients")
        return self._sample

    def _measure(self, stop_serving: Callable[[], object]) -> None:
        try:
            for process in self._processes:
                _hear(process, "warm")
            before = process_time()
            for process in self._processes:
                print("go", file=process.stdin, flush=True)
            for process in self._processes:
                _hear(process, "done")
            cpu = process_time() - before  # and only then is there anything long to be read
            answers = [json.loads(_read(process)) for process in self._processes]
            self._sample = _sum_up(answers, cpu / self._messages)
        except (EchoError, OSError, ValueError) as error:
            self._error = error if isinstance(error, EchoError) else EchoError(f"a client: {error}")
        finally:
            self._kill()
            stop_serving()


def _hear(process: "subprocess.Popen[str]", word: str) -> None:
    heard = _read(process)
    if heard != word:
        raise EchoError(f"a client: {heard}")


def _read(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    line = process.stdout.readline().strip()
    if not line:
        raise EchoError("a client process died in the middle of its work")
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
    """Warm up, wait for the word, send message after message; say what came of it on stdout."""
    with socket.create_connection((HOST, port), CLIENT_SECONDS) as server:
        server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        exchanges = _exchanges(server, size)
        for _ in range(WARM_UP):
            next(exchanges)
        print("warm", flush=True)
        if not sys.stdin.readline():
            raise EchoError("nobody said go")
        begun = perf_counter()
        latencies = [next(exchanges) for _ in range(messages)]
        ended = perf_counter()
        print("done", flush=True)
        print(json.dumps({"begun": begun, "ended": ended, "latencies": latencies}), flush=True)
        sys.stdin.read()  # nobody shall find the connection gone who still looks at it


def _exchanges(server: socket.socket, size: int) -> Iterator[float]:
    """Send a message and get it back, again and again; the seconds that each took."""
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
                raise EchoError("the server has closed the connection")
            received += more
        taken = perf_counter() - begun
        if reply != message:
            raise EchoError("what came back is not what was sent")
        yield taken


# -- the servers ----------------------------------------------------------------------------------


def _serve_bare(listener: socket.socket, clients: Clients) -> None:
    """The floor: wait, receive, send. A server of its own writes no less."""
    if not hasattr(select, "epoll"):
        raise EchoError("this system has no epoll")
    with ExitStack() as stack:
        poll = stack.enter_context(select.epoll())
        bell, ringer = socket.socketpair()  # rung when the clients have ended
        stack.enter_context(bell)
        stack.enter_context(ringer)
        connections: dict[int, socket.socket] = {}
        unsent: dict[int, bytes] = {}
        poll.register(listener, select.EPOLLIN)
        poll.register(bell, select.EPOLLIN)
        clients.start(lambda: ringer.send(b"!"))
        while True:
            for fd, event in poll.poll():
                connection = connections.get(fd)
                if connection is None:
                    if fd == bell.fileno():
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
    if sent < len(data):  # read no more until the rest is gone
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
    """The module that is asyncio in this column, and what makes its loop; None for the usual."""
    if column == "miniloop":
        return import_module("miniloop"), None
    aio = import_module("asyncio")
    accelerated = sys.modules.get("_asyncio") is not None
    if accelerated is (column == "asyncio-python"):
        raise EchoError(f"{column}: the process is not a fresh one made for this column")
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
        with suppress(ConnectionError):  # of a client that has failed and says why itself
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
    await aio.gather(*echoing)  # for which wait_closed() waits only since 3.12


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
        prog="python -m comparisons.loops.echo", description="One sample of an echo server."
    )
    parser.add_argument("--column", choices=COLUMNS, default="miniloop")
    parser.add_argument("--api", choices=APIS, default="streams")
    parser.add_argument("--size", type=positive, default=1024, help="bytes of a message")
    parser.add_argument("--messages", type=positive, default=10_000, help="of all clients")
    parser.add_argument("--client", type=int, nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.client:
        with errors_told(sys.stdout):
            client(*options.client)
        return 0
    hide_accelerator(options.column)
    with errors_told(sys.stderr):
        taken = sample(options.column, options.api, options.size, options.messages)
        print(json.dumps(taken._asdict()))
    return 0


def hide_accelerator(column: str) -> None:
    """Let asyncio do without its C part, where `column` says so; before it is imported."""
    if column == "asyncio-python":
        sys.modules["_asyncio"] = None  # type: ignore[assignment]


def positive(text: str) -> int:
    if (number := int(text)) < 1:
        raise ValueError
    return number


@contextmanager
def errors_told(stream: Any) -> Iterator[None]:
    """End with status 1 and one line, without a traceback, where the server or a client fails."""
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
