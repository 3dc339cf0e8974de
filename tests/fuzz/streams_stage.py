"""The environment of a random program about streams: the words it may use, and its trace.

A program is the text of `async def main():`. It is run as it is printed. The names that it uses and
does not define are those of `Stage.words()`:

- `aio`: the implementation under test; `log(step)`: record a row of the trace;
- `do(function, *args)`, `await result(coroutine)`: call, and record the result or exception;
- `await iterations(n)`: run n iterations of the loop; `await finish()`: record the state, and close
  everything;
- `Flow()`: a transport that records pauses; `Recorder(…)`, `Buffered(…)`: protocols that record;
- `by_task()`: sort the trace by task, for programs in which the kernel decides how many iterations
  something takes; `block(n)`: n bytes; `await give(peer, n)`, `await take(peer, n)`: let the peer
  send or receive all of n bytes; `Tally(…)`: a protocol that records only what is determined then;
- `pair()`, `tcp()`: our socket, which the library gets, and the peer, on which the program makes
  plain calls; `await connect(sock, protocol)`: a transport for our socket.

Everything is deterministic: no time passes, no thread runs, and a call to a socket returns only
when its effect is visible at the other end. So the library finds the same state in each iteration.
"""

from __future__ import annotations

import contextlib
import fcntl
import gc
import importlib
import logging
import re
import select
import socket
import struct
import sys
import termios
import types
import zlib
from collections.abc import Callable
from typing import Any

from tests.parity.clock import PATIENCE, Clock, Deadlock, VirtualSelector, Workers
from tests.parity.harness import describe
from tests.parity.network import HOST, reset

MOST_STEPS = 400
"""Each trace is cut after this many steps."""

LAST_ITERATIONS = 12
"""How many iterations `finish()` waits for the tasks."""

MOST_ITERATIONS = 500
"""How many iterations a transfer of many bytes may take."""

WRITELINES_DOES_NOT_PAUSE = (3, 12) <= sys.version_info < (3, 12, 9) or (
    (3, 13) <= sys.version_info < (3, 13, 2)
)
"""Whether asyncio's writelines() can exceed the high-water mark without calling pause_writing()."""

TCP_CLOSE = 7
"""The state of a TCP socket after a reset, in tcp_info."""


WORDS = """
aio log do writelines start result lines iterations finish pair tcp connect open_streams
serve_streams by_task block give take
"""
"""The words of a program that are attributes of its stage."""


class Cut(BaseException):
    """The trace has reached its maximum length."""


class Oops(BaseException):
    """An exception of a program that `except Exception` does not catch."""


def fail(error: BaseException) -> None:
    """Raise `error`, as an expression."""
    raise error


class Trace(list[str]):
    """The steps of a program. Consecutive bytes are one step."""

    def __init__(self) -> None:
        super().__init__()
        self.actor: Callable[[], str] | None = None
        """Returns the actor of the next step, if the steps are sorted by actor."""
        self._received: bytearray | None = None
        self._closed = False

    def close(self) -> None:
        """Record no more."""
        self._closed = True

    def __call__(self, step: str) -> None:
        self._received = None
        if self._closed:
            return
        if len(self) >= MOST_STEPS:
            raise Cut
        self.append(step if self.actor is None else f"{self.actor()}: {step}")

    def received(self, data: bytes) -> None:
        """Record bytes; join them to those before, since the kernel may split them anywhere."""
        if self._closed:
            return
        if self._received is None:
            self("received")
            self._received = bytearray()
        self._received += data
        self[-1] = f"received {bytes(self._received)!r}"


def _shown(value: object) -> str:
    """Describe a result; many bytes by their number and checksum."""
    if isinstance(value, (bytes, bytearray)) and len(value) > 100:
        return f"{len(value)} bytes {zlib.crc32(value):08x}"
    return repr(value)


def described(error: BaseException) -> str:
    """Describe an exception, with the attributes of the exceptions of streams."""
    carried = [
        f"{name}={_shown(getattr(error, name))}"
        for name in ("partial", "expected", "consumed")
        if hasattr(error, name)
    ]
    text = describe(error)
    if sys.version_info < (3, 12):
        text = text.replace("Cannot call writelines()", "Cannot call write()")
    if sys.version_info < (3, 14):
        text = text.replace("a bytes, bytearray, or memoryview object", "a bytes-like object")
    return " ".join(["raised", text, *carried])


class Stage:
    """One run of one program on one implementation."""

    def __init__(self, module: str) -> None:
        self.aio: Any = importlib.import_module(module)
        self.log = Trace()
        self._sockets: list[OurSocket | Peer] = []
        self.transport: Any = None
        """The transport of the last connection."""
        self._transports: list[Any] = []
        self._tasks: list[Any] = []
        self._kept: list[Any] = []
        """Objects that must not be freed before the program ends."""

    def words(self) -> dict[str, Any]:
        """Return the names that a program may use."""
        words: dict[str, Any] = {name: getattr(self, name) for name in WORDS.split()}
        words.update(Oops=Oops, fail=fail, Flow=lambda **how: Flow(self.log, **how))
        words["Tally"] = lambda **how: _tally(self, **how)
        words["Recorder"] = lambda **how: Recorder(self, **how)
        words["Buffered"] = lambda **how: _buffered(self, **how)
        return words

    def run(self, program: types.CodeType) -> Trace:
        """Run the program, and everything that it leaves, to the end; return the trace."""
        words = self.words()
        exec(program, words)
        selector = VirtualSelector(Clock(), Workers())
        loop = self.aio.SelectorEventLoop(selector)
        loop.set_debug(False)
        loop.set_exception_handler(self._report)
        logger = logging.getLogger(self.aio.__name__)
        lines = _Lines(self.log)
        logger.addHandler(lines)
        gc_was_enabled = gc.isenabled()
        gc.disable()  # what it finds, and when, does not depend on the program
        try:
            self._run_to_the_end(loop, loop.create_task(self._watched(words["main"])))
        finally:
            loop.close()
            for sock in self._sockets:
                sock.close()
            logger.removeHandler(lines)
            if gc_was_enabled:
                gc.enable()
        if self.log.actor is not None:
            self.log.sort(key=lambda step: step.partition(":")[0])
        return self.log

    def _run_to_the_end(self, loop: Any, main: Any) -> None:
        while not main.done():
            try:
                loop.run_until_complete(main)
            except Deadlock:
                self.log("waits forever")
                self.log.close()
                main.cancel()

    async def _watched(self, main: Callable[[], Any]) -> None:
        try:
            await main()
        except Cut:
            self.log.append("cut")
        except BaseException as error:
            self.log(f"main {described(error)}")
        finally:
            for transport in self._transports:
                if not transport.is_closing():
                    transport.abort()
            self.log.close()
            for task in self.aio.all_tasks() - {self.aio.current_task()}:
                task.cancel()
            await self.iterations(2)

    def _report(self, loop: Any, context: dict[str, Any]) -> None:
        del loop
        error = context.get("exception")
        message = re.sub(r"\w*Transport\.", "Transport.", context["message"])
        message = re.sub(r"^(Exception in callback [\w.]+)\(.*", r"\1", message)
        self.log(f"report {message} {error and describe(error)}")

    # Words

    def do(self, function: Callable[..., Any], *args: Any) -> None:
        """Call `function`, and record its result or exception."""
        try:
            result = function(*args)
        except Exception as error:
            self.log(f"{function.__name__} {described(error)}")
        else:
            self.log(
                function.__name__ if result is None else f"{function.__name__} {_shown(result)}"
            )

    def writelines(self, writer: Any, pieces: list[bytes]) -> None:
        """Write pieces, except where asyncio has known bugs or sends more often.

        After close() or abort(), asyncio raises TypeError or AttributeError, or keeps the pieces
        forever. If the buffer is not empty, it tries to send again although the kernel just had no
        room. Some releases do not pause the protocol: a call that checks this and has no other
        effect follows. Empty pieces are removed: asyncio would keep them forever.
        """
        transport = getattr(writer, "transport", writer)
        if writer.is_closing() or (transport.get_write_buffer_size() and self._would_change()):
            self.log("writelines skipped")
            return

        def writelines(pieces: list[bytes]) -> None:
            writer.writelines([piece for piece in pieces if piece])
            if WRITELINES_DOES_NOT_PAUSE:
                low, high = transport.get_write_buffer_limits()
                transport.set_write_buffer_limits(high, low)

        self.do(writelines, pieces)

    def _would_change(self) -> bool:
        """Return whether sending would find anything else than that the kernel has no room."""
        ours = next(sock for sock in self._sockets if isinstance(sock, OurSocket))
        poll = select.poll()
        poll.register(ours, select.POLLOUT)
        return bool(poll.poll(0)) or ours.peer.refuses_data

    def start(self, coroutine: Any) -> Any:
        """Start a task; keep a reference to it until the program ends."""
        task = self.aio.create_task(coroutine)
        self._tasks.append(task)
        return task

    async def result(self, coroutine: Any) -> None:
        """Await `coroutine`, and record its result or exception, a cancellation included."""
        name = coroutine.__name__
        try:
            result = await coroutine
        except Cut:
            raise
        except BaseException as error:
            self.log(f"{name} {described(error)}")
        else:
            self.log(f"{name} {_shown(result)}")

    async def lines(self, reader: Any) -> None:
        """Record the lines of `async for line in reader`."""
        try:
            async for line in reader:
                self.log(f"line {line!r}")
        except Cut:
            raise
        except BaseException as error:
            self.log(f"lines {described(error)}")
        else:
            self.log("lines end")

    async def iterations(self, count: int = 1) -> None:
        """Run `count` iterations of the loop."""
        for _ in range(count):
            await self.aio.sleep(0)

    async def finish(self) -> None:
        """Let all tasks continue for a while; record the state of everything; then close
        everything."""
        await self.iterations(LAST_ITERATIONS)
        self.log(f"tasks waiting: {sum(not task.done() for task in self._tasks)}")
        for sock in self._sockets:
            if isinstance(sock, Peer):
                self.do(sock.read)
        for transport in self._transports:
            self.do(transport.is_closing)
            self.do(transport.is_reading)
            self.do(transport.get_write_buffer_size)
            if not transport.is_closing() or transport.get_write_buffer_size():
                self.do(transport.abort)
        await self.iterations(3)
        for task in self._tasks:
            task.cancel()
        await self.iterations(3)
        for sock in self._sockets:
            if isinstance(sock, Peer):
                self.do(sock.read)

    def by_task(self) -> None:
        """Sort the steps by task, since the kernel decides how many iterations each takes."""

        def actor() -> str:
            task = self.aio.current_task()
            return f"task {self._tasks.index(task) + 1}" if task in self._tasks else "main"

        self.log.actor = actor

    def block(self, count: int) -> bytes:
        """Return `count` bytes in which no two parts are equal."""
        return (bytes(range(251)) * (count // 251 + 1))[:count]

    async def give(self, peer: Peer, count: int) -> None:
        """Let the peer send a block, iteration by iteration, while our side receives it."""
        left = self.block(count)
        for _ in range(MOST_ITERATIONS):
            left = left[peer.send_some(left) :]
            if not left:
                self.log(f"given {count}")
                return
            await self.iterations()
        self.log(f"given {count} incompletely")

    async def take(self, peer: Peer, count: int) -> None:
        """Let the peer receive `count` bytes, iteration by iteration, while our side sends them."""
        data = bytearray()
        for _ in range(MOST_ITERATIONS):
            piece = peer.receive_some(count - len(data))
            data += piece or b""
            if len(data) == count or piece == b"":
                break
            await self.iterations()
        self.log(f"taken {_shown(data)}")

    def pair(self, takes: int | None = None) -> tuple[OurSocket, Peer]:
        """Return two connected Unix sockets."""
        return self._connected(*socket.socketpair(), takes)

    def tcp(self, takes: int | None = None) -> tuple[OurSocket, Peer]:
        """Return two connected TCP sockets."""
        with socket.create_server((HOST, 0)) as listener:
            peer = socket.create_connection(listener.getsockname())
            ours, _ = listener.accept()
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self._connected(ours, peer, takes)

    def _connected(
        self, ours: socket.socket, peer: socket.socket, takes: int | None
    ) -> tuple[OurSocket, Peer]:
        ours.setblocking(False)
        peer.setblocking(False)
        our_socket = OurSocket(fileno=ours.detach())
        our_socket.takes = takes
        our_socket.peer = Peer(peer, our_socket)
        self._sockets += our_socket.peer, our_socket
        return our_socket, our_socket.peer

    async def connect(self, sock: Any, protocol: Any, accepted: bool = False) -> Any:
        """Return a transport for `sock` that calls `protocol`."""
        loop = self.aio.get_running_loop()
        if accepted:
            transport, _ = await loop.connect_accepted_socket(lambda: protocol, sock)
        else:
            transport, _ = await loop.create_connection(lambda: protocol, sock=sock)
        self._transports.append(transport)
        return transport

    async def open_streams(self, sock: Any, limit: int) -> tuple[Any, Any]:
        """Return a reader and a writer for `sock`."""
        reader, writer = await self.aio.open_connection(sock=sock, limit=limit)
        self._transports.append(writer.transport)
        self._kept += reader, writer
        return reader, writer

    async def serve_streams(self, sock: Any, limit: int, talk: Any) -> tuple[Any, Any]:
        """Do the same as a server does, which runs `talk(reader, writer)` as a task."""
        made: list[Any] = []

        def connected(reader: Any, writer: Any) -> Any:
            made[:] = reader, writer
            return talk(reader, writer)

        loop = self.aio.get_running_loop()
        protocol = self.aio.StreamReaderProtocol(self.aio.StreamReader(limit), connected)
        transport, _ = await loop.connect_accepted_socket(lambda: protocol, sock)
        self._transports.append(transport)
        reader, writer = made
        self._kept += made
        return reader, writer


class _Lines(logging.Handler):
    """Records what is logged."""

    def __init__(self, log: Trace) -> None:
        super().__init__(logging.WARNING)
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        self._log(f"logged {record.getMessage()}")


class Flow:
    """The part of a transport that a StreamReader pauses and resumes."""

    def __init__(self, log: Trace, *, can_pause: bool = True) -> None:
        self._log = log
        self._can_pause = can_pause

    def pause_reading(self) -> None:
        self._log("pause_reading")
        if not self._can_pause:
            raise NotImplementedError

    def resume_reading(self) -> None:
        self._log("resume_reading")


class Recorder:
    """A protocol that records each call. `on` adds an action to a method.

    `Recorder(eof_received=lambda transport: True)`: the method calls its function with the
    transport, and returns its result.
    """

    def __init__(self, stage: Stage, **on: Callable[[Any], Any]) -> None:
        self._stage = stage
        self._log = stage.log
        self._on = on

    def _then(self, method: str) -> Any:
        return self._on[method](self._stage.transport) if method in self._on else None

    def connection_made(self, transport: Any) -> None:
        self._stage.transport = transport
        self._log("connection_made")
        self._then("connection_made")

    def data_received(self, data: bytes) -> None:
        self._log.received(data)
        self._then("data_received")

    def eof_received(self) -> Any:
        self._log("eof_received")
        return self._then("eof_received")

    def pause_writing(self) -> None:
        self._log("pause_writing")
        self._then("pause_writing")

    def resume_writing(self) -> None:
        self._log("resume_writing")
        self._then("resume_writing")

    def connection_lost(self, error: Exception | None) -> None:
        self._log(f"connection_lost {error and describe(error)}")
        self._then("connection_lost")


def _buffered(stage: Stage, *, size: int, **on: Callable[[Any], Any]) -> Any:
    """Return a Recorder that is a BufferedProtocol with a buffer of `size` bytes."""

    class Buffered(Recorder, stage.aio.BufferedProtocol):  # type: ignore[misc, name-defined]
        def get_buffer(self, hint: int) -> bytearray:
            del hint
            self._then("get_buffer")
            self._buffer = bytearray(size)
            return self._buffer

        def buffer_updated(self, count: int) -> None:
            self._log.received(bytes(self._buffer[:count]))
            self._then("buffer_updated")

    return Buffered(stage, **on)


def _tally(stage: Stage, *, size: int | None = None, keep_open: bool = False) -> Any:
    """Return a protocol that counts the bytes it receives, with a buffer of `size` bytes or
    without."""

    class Tally(stage.aio.BufferedProtocol if size else stage.aio.Protocol):  # type: ignore[misc]
        def __init__(self) -> None:
            self._data = bytearray()
            self._paused = False

        def data_received(self, data: bytes) -> None:
            self._data += data

        def get_buffer(self, hint: int) -> bytearray:
            del hint
            assert size is not None
            self._buffer = bytearray(size)
            return self._buffer

        def buffer_updated(self, count: int) -> None:
            self._data += self._buffer[:count]

        def eof_received(self) -> bool:
            stage.log(f"end of {_shown(self._data)}")
            return keep_open

        def pause_writing(self) -> None:
            assert not self._paused
            self._paused = True

        def resume_writing(self) -> None:
            assert self._paused
            self._paused = False

        def connection_lost(self, error: Exception | None) -> None:
            stage.log(f"lost after {_shown(self._data)}: {error and describe(error)}")

    return Tally()


# --- sockets without races ------------------------------------------------------------------------


class OurSocket(socket.socket):
    """A socket that can be limited to `takes` bytes per call."""

    takes: int | None = None
    """The number of bytes it accepts per call; 0: it would block; None: no limit."""
    peer: Peer

    def send(self, data: Any, *flags: int) -> int:
        if self.takes == 0:
            raise BlockingIOError
        unread = self.peer.unread()
        sent = super().send(memoryview(data)[: self.takes], *flags)
        self.peer.wait(lambda: self.peer.unread() != unread or self.peer.has_ended())
        return sent

    def sendmsg(self, buffers: Any, *args: Any) -> int:
        assert not args
        return self.send(b"".join(buffers))

    def shutdown(self, how: int) -> None:
        super().shutdown(how)
        self.peer.wait(self.peer.has_ended)

    def close(self) -> None:
        if self.fileno() != -1:
            super().close()
            self.peer.wait(self.peer.has_ended)


class Peer:
    """The other end, on which plain calls are made. Each returns when our socket can see the
    effect."""

    def __init__(self, sock: socket.socket, ours: OurSocket) -> None:
        self._sock = sock
        self._ours = ours
        self._is_tcp = sock.family != socket.AF_UNIX
        self.refuses_data = False

    def send(self, data: bytes) -> None:
        """Send all of a few bytes."""
        before = _unread(self._ours)
        assert self._sock.send(data) == len(data)
        if self._ours.fileno() == -1:
            self.wait(lambda: _state(self._sock) == TCP_CLOSE)  # it replies with a reset
        else:
            self.wait(lambda: _unread(self._ours) == before + len(data) or _ended(self._ours))

    def send_some(self, data: bytes) -> int:
        """Send as much as there is room for; return the number of bytes."""
        try:
            return self._sock.send(data)
        except BlockingIOError:
            return 0

    def receive_some(self, most: int) -> bytes | None:
        """Receive the available data; None if there is none yet, b"" at eof."""
        try:
            return self._sock.recv(most)
        except BlockingIOError:
            return None
        except ConnectionResetError:
            return b""

    def read(self) -> str:
        """Receive the available data; describe it, and whether more can come."""
        if self._sock.fileno() == -1:
            return "closed"
        data = bytearray()
        try:
            while piece := self._sock.recv(1 << 16):
                data += piece
        except BlockingIOError:
            return _shortened(data)
        except OSError as error:
            return f"{_shortened(data)} {describe(error)}"
        return f"{_shortened(data)} end"

    def fill(self) -> None:
        """Fill the socket's buffer, so that our socket cannot send until the peer reads."""
        with contextlib.suppress(BlockingIOError):
            while True:
                socket.socket.send(self._ours, bytes(1 << 16))

    def end(self) -> None:
        """Send eof, and continue to read."""
        self._sock.shutdown(socket.SHUT_WR)
        self.wait(lambda: _ended(self._ours))

    def refuse_data(self) -> None:
        """Refuse further data, and continue to send."""
        self._sock.shutdown(socket.SHUT_RD)
        self.refuses_data = True

    def reset(self) -> None:
        """Close so that our socket gets a reset; a Unix socket only if it has unread data."""
        reset(self._sock)
        self.wait(lambda: _ended(self._ours))

    def close(self) -> None:
        """Close, without waiting for what our socket sends in reply."""
        self._sock.close()

    # Conditions that both ends wait for

    def unread(self) -> int:
        return _unread(self._sock)

    def has_ended(self) -> bool:
        return _ended(self._sock)

    def wait(self, seen: Callable[[], bool]) -> None:
        """Wait until the kernel has delivered something; a Unix socket does that in the call."""
        if self._is_tcp:
            _wait_for(seen)


def _shortened(data: bytes | bytearray) -> str:
    """Return bytes as text; zeros, with which the kernel was filled, are shortened."""
    return re.sub(rb"\0+", b"...", data).decode()


def _wait_for(seen: Callable[[], bool]) -> None:
    tries = 0
    while not seen():
        select.select([], [], [], 0.0001)
        tries += 1
        assert tries < PATIENCE / 0.0001, "a socket did not see what its peer did"


def _unread(sock: socket.socket) -> int:
    """Return the number of bytes that wait in the kernel; -1 if the socket is closed."""
    if sock.fileno() == -1:
        return -1
    (count,) = struct.unpack("i", fcntl.ioctl(sock, termios.FIONREAD, b"\0\0\0\0"))
    return int(count)


def _ended(sock: socket.socket) -> bool:
    """Return whether the other end sent eof or a reset, or the socket is closed."""
    if sock.fileno() == -1:
        return True
    poll = select.poll()
    poll.register(sock, select.POLLRDHUP)
    return bool(poll.poll(0))


def _state(sock: socket.socket) -> int:
    return sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0]
