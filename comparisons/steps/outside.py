"""The outside that functions wait for: a process of its own, which answers after a while.

It is a process and not a thread, so that its answers never have to wait for our GIL.

A question says when it was asked and how long the answer takes; the answer is a single byte, which
cannot arrive in part. Answers leave in the order in which they are due, however late the operating
system lets this process run: that is what makes the order of steps the same on every run.
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

# Not the platform's default, which depends on the version, and may be fork: that copies locks held
# by other threads.
SPAWN = get_context("spawn")
QUESTION = struct.Struct("!QI")  # when it was asked (monotonic nanoseconds), milliseconds to answer


class RunFailed(Exception):
    """A model of execution could not finish; the message says why."""


def question(milliseconds: int) -> bytes:
    return QUESTION.pack(time.monotonic_ns(), milliseconds)


def number_in(answer: bytes) -> int:
    if not answer:
        raise RunFailed("the outside hung up before it answered")
    return answer[0]


def ask(line: socket.socket, milliseconds: int) -> int:
    """Block this thread until the answer is there."""
    line.sendall(question(milliseconds))
    return number_in(line.recv(1))


class Outside:
    """Answers questions until its parent is gone; lives in the helper process."""

    def __init__(self, listener: socket.socket, parent: Connection, open_files: ExitStack) -> None:
        self.listener = listener
        self.parent = parent
        self.open_files = open_files  # everything that is to be closed in the end
        self.selector = open_files.enter_context(selectors.DefaultSelector())
        self.selector.register(listener, selectors.EVENT_READ)
        self.selector.register(parent, selectors.EVENT_READ)
        self.asked = count()
        # A heap: when, how many were asked before, the answer, to whom.
        self.due: list[tuple[int, int, bytes, socket.socket]] = []

    def serve(self) -> None:
        while True:
            for key, _ in self.selector.select(self.time_to_next_answer()):
                if key.fileobj is self.parent:
                    return
                if key.fileobj is self.listener:
                    line = self.open_files.enter_context(self.listener.accept()[0])
                    self.selector.register(line, selectors.EVENT_READ)
                elif isinstance(key.fileobj, socket.socket):
                    self.listen_to(key.fileobj)
            self.answer_what_is_due()

    def time_to_next_answer(self) -> float | None:
        if not self.due:
            return None
        return max(0.0, (self.due[0][0] - time.monotonic_ns()) / 1e9)

    def listen_to(self, line: socket.socket) -> None:
        try:
            data = line.recv(QUESTION.size, socket.MSG_WAITALL)
        except ConnectionError:
            data = b""
        if len(data) == QUESTION.size:
            asked_at, milliseconds = QUESTION.unpack(data)
            due_at = asked_at + milliseconds * 1_000_000
            answer = bytes([milliseconds % 256])
            heapq.heappush(self.due, (due_at, next(self.asked), answer, line))
        else:
            self.forget(line)

    def answer_what_is_due(self) -> None:
        while self.due and self.due[0][0] <= time.monotonic_ns():
            _, _, answer, line = heapq.heappop(self.due)
            try:
                line.send(answer)
            except ConnectionError:
                self.forget(line)

    def forget(self, line: socket.socket) -> None:
        """Whoever asked on this line has gone, perhaps before the answer was due."""
        self.selector.unregister(line)
        line.close()
        self.due = [entry for entry in self.due if entry[-1] is not line]
        heapq.heapify(self.due)


def be_outside(parent: Connection, listener: socket.socket) -> None:
    with parent, listener, ExitStack() as open_files:
        parent.send("here")
        Outside(listener, parent, open_files).serve()


@contextmanager
def outside() -> Iterator[tuple[str, int]]:
    """The address of an outside that answers until the block ends."""
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        child_process(be_outside, listener) as helper,
    ):
        hear_from(*helper)
        host, port = listener.getsockname()
        yield host, port


@contextmanager
def child_process(target: Any, *args: object) -> Iterator[tuple[SpawnProcess, Connection]]:
    """A process that runs target(pipe, *args), and our end of the pipe.

    It is gone when the block ends, and never hears of Ctrl-C, which reaches a terminal's whole
    process group: the parent decides. (SIG_IGN set by the child itself would come too late for a
    Ctrl-C during its imports, so it is born with the signal blocked.)
    """
    ours, theirs = SPAWN.Pipe()
    process = SPAWN.Process(target=target, args=(theirs, *args), daemon=True)
    with ctrl_c_held_back():
        process.start()
    theirs.close()
    try:
        yield process, ours
    except BaseException:
        process.terminate()
        raise
    finally:
        ours.close()  # for a child that still listens, the sign to go
        process.join()
        process.close()


def hear_from(process: SpawnProcess, pipe: Connection) -> Any:
    """The next message of a child; RunFailed if it sent that, or died."""
    try:
        message = pipe.recv()
    except (EOFError, ConnectionError) as error:
        process.join()
        raise RunFailed(f"a helper process died (exit code {process.exitcode})") from error
    if isinstance(message, RunFailed):
        raise message
    return message


@contextmanager
def ctrl_c_held_back() -> Iterator[None]:
    """A Ctrl-C in this block arrives when the block ends; children born in it never get any."""
    # Else the first start of a process starts the resource tracker, which unblocks the signal.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
