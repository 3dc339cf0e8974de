"""The service that functions wait for: a separate process that answers requests after a delay.

It is a process and not a thread, so that its answers never wait for the GIL of this process.

A request contains the time at which it was sent and the delay of its answer. An answer is a single
byte, which cannot arrive in parts. Answers are sent in the order in which they are due, even if the
operating system schedules this process late. That makes the order of the steps deterministic.
"""

import heapq
import selectors
import signal
import socket
import struct
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from multiprocessing import get_context, resource_tracker
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from typing import Any

# Not the platform's default, which depends on the Python version and may be fork: that copies locks
# held by other threads.
SPAWN = get_context("spawn")
REQUEST = struct.Struct("!QI")  # when it was sent (monotonic nanoseconds), delay in milliseconds


class RunFailed(Exception):
    """An execution model failed; the message says why."""


def request(milliseconds: int) -> bytes:
    return REQUEST.pack(time.monotonic_ns(), milliseconds)


def number_in(answer: bytes) -> int:
    if not answer:
        raise RunFailed("the service closed the connection without an answer")
    return answer[0]


def ask(connection: socket.socket, milliseconds: int) -> int:
    """Send a request and block this thread until the answer arrives."""
    connection.sendall(request(milliseconds))
    return number_in(connection.recv(1))


class Service:
    """Answers requests until its parent exits; runs in the helper process."""

    def __init__(self, listener: socket.socket, parent: Connection, open_files: ExitStack) -> None:
        self.listener = listener
        self.parent = parent
        self.open_files = open_files  # everything that must be closed at the end
        self.selector = open_files.enter_context(selectors.DefaultSelector())
        self.selector.register(listener, selectors.EVENT_READ)
        self.selector.register(parent, selectors.EVENT_READ)
        self.numbers = count()
        # A heap of (due time, number of the request, answer, connection).
        self.due: list[tuple[int, int, bytes, socket.socket]] = []

    def serve(self) -> None:
        while True:
            for key, _ in self.selector.select(self.time_to_next_answer()):
                if key.fileobj is self.parent:
                    return
                if key.fileobj is self.listener:
                    connection = self.open_files.enter_context(self.listener.accept()[0])
                    self.selector.register(connection, selectors.EVENT_READ)
                elif isinstance(key.fileobj, socket.socket):
                    self.read_request(key.fileobj)
            self.send_due_answers()

    def time_to_next_answer(self) -> float | None:
        if not self.due:
            return None
        return max(0.0, (self.due[0][0] - time.monotonic_ns()) / 1e9)

    def read_request(self, connection: socket.socket) -> None:
        try:
            data = connection.recv(REQUEST.size, socket.MSG_WAITALL)
        except ConnectionError:
            data = b""
        if len(data) == REQUEST.size:
            sent_at, milliseconds = REQUEST.unpack(data)
            due_at = sent_at + milliseconds * 1_000_000
            answer = bytes([milliseconds % 256])
            heapq.heappush(self.due, (due_at, next(self.numbers), answer, connection))
        else:
            self.disconnect(connection)

    def send_due_answers(self) -> None:
        while self.due and self.due[0][0] <= time.monotonic_ns():
            _, _, answer, connection = heapq.heappop(self.due)
            try:
                connection.send(answer)
            except ConnectionError:
                self.disconnect(connection)

    def disconnect(self, connection: socket.socket) -> None:
        """Close a connection whose client has closed it, and drop its pending answers."""
        self.selector.unregister(connection)
        connection.close()
        self.due = [entry for entry in self.due if entry[-1] is not connection]
        heapq.heapify(self.due)


def run_service(parent: Connection, listener: socket.socket) -> None:
    with parent, listener, ExitStack() as open_files:
        parent.send("ready")
        Service(listener, parent, open_files).serve()


@contextmanager
def running_service() -> Iterator[tuple[str, int]]:
    """Run a service until the end of the block; yield its address."""
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        child_process(run_service, listener) as helper,
    ):
        receive_from(*helper)
        host, port = listener.getsockname()
        yield host, port


@contextmanager
def child_process(target: Any, *args: object) -> Iterator[tuple[SpawnProcess, Connection]]:
    """Start a process that runs target(pipe, *args); yield it and the parent's end of the pipe.

    The process exits at the end of the block. It ignores Ctrl-C, which a terminal sends to the
    whole process group; the parent decides when it exits. (If the child set SIG_IGN itself, that
    would be too late for a Ctrl-C during its imports, so it starts with the signal blocked.)
    """
    ours, theirs = SPAWN.Pipe()
    process = SPAWN.Process(target=target, args=(theirs, *args), daemon=True)
    with ctrl_c_delayed():
        process.start()
    theirs.close()
    try:
        yield process, ours
    except BaseException:
        process.terminate()
        raise
    finally:
        ours.close()  # tells a child that still reads from the pipe to exit
        process.join()
        process.close()


def receive_from(process: SpawnProcess, pipe: Connection) -> Any:
    """Return the next message of a child; raise RunFailed if it sent one, or died."""
    try:
        message = pipe.recv()
    except (EOFError, ConnectionError) as error:
        process.join()
        raise RunFailed(f"a helper process died (exit code {process.exitcode})") from error
    if isinstance(message, RunFailed):
        raise message
    return message


@contextmanager
def ctrl_c_delayed() -> Iterator[None]:
    """Delay Ctrl-C until the end of the block; children started in it keep it blocked."""
    # Otherwise the first start of a process starts the resource tracker, which unblocks the signal.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
