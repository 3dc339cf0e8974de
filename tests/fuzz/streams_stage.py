"""What a random program about streams plays on: its words, and the trace that it leaves.

A program is the text of `async def main():`. It is run as it is printed; the names it uses and does
not define are those of `Stage.words()`:

- `aio`: the implementation under test; `log(step)`: a line of the trace;
- `do(function, *args)`, `await result(coroutine)`: call, and log how that ended;
- `await turns(n)`: let the loop make n turns; `await finish()`: let all end, and tell how;
- `Flow()`: a transport that records pauses; `Recorder(…)`, `Buffered(…)`: protocols that record;
- `by_task()`: sort the trace by who did what, for programs whose turns the kernel counts;
  `block(n)`: n bytes; `await give(peer, n)`, `await take(peer, n)`: turns until all is carried;
  `Tally(…)`: a protocol that records only what is then determined;
- `pair()`, `tcp()`: our socket, which the library gets, and the peer, which the program moves by
  plain calls; `await connect(sock, protocol)`: a transport for our socket.

Nothing here is left to chance: no time passes, no thread runs, and no call to a socket returns
before its effect can be seen at the other end, so the library finds the same state in each turn.
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
"""Where a trace is cut, on all implementations alike."""

LAST_TURNS = 12
"""So long `finish()` waits for what has been begun."""

MOST_TURNS = 500
"""So long many bytes may take to get from one end to the other."""

WRITELINES_DOES_NOT_PAUSE = (3, 12) <= sys.version_info < (3, 12, 9) or (
    (3, 13) <= sys.version_info < (3, 13, 2)
)
"""asyncio's writelines() may fill the buffer above its mark without a word to the protocol."""

TCP_CLOSE = 7
"""The state of a TCP socket that has been reset, in tcp_info."""


WORDS = """
aio log do writelines start result lines turns finish pair tcp connect open_streams serve_streams
by_task block give take
"""
"""The words of a program that are attributes of its stage."""


class Cut(BaseException):
    """The trace is as long as it may become."""


class Oops(BaseException):
    """What a program raises, for all who catch Exception only."""


def fail(error: BaseException) -> None:
    """Raise, where Python wants an expression."""
    raise error


class Trace(list[str]):
    """The steps of a program. Bytes that come one after the other are one step."""

    def __init__(self) -> None:
        super().__init__()
        self.actor: Callable[[], str] | None = None
        """Tells who does the next step, if steps are to be sorted by that."""
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
        """Record bytes, joined to those before: where the kernel splits them is its own affair."""
        if self._closed:
            return
        if self._received is None:
            self("received")
            self._received = bytearray()
        self._received += data
        self[-1] = f"received {bytes(self._received)!r}"


def _shown(value: object) -> str:
    """A result; of many bytes how many, and a checksum."""
    if isinstance(value, (bytes, bytearray)) and len(value) > 100:
        return f"{len(value)} bytes {zlib.crc32(value):08x}"
    return repr(value)


def ending(error: BaseException) -> str:
    """An exception, with what the exceptions of streams carry."""
    carried = [
        f"{name}={_shown(getattr(error, name))}"
        for name in ("partial", "expected", "consumed")
        if hasattr(error, name)
    ]
    text = describe(error)
    if sys.version_info < (3, 12):
        text = text.replace("Cannot call writelines()", "Cannot call write()")
    return " ".join(["raised", text, *carried])


class Stage:
    """One run of one program on one implementation."""

    def __init__(self, module: str) -> None:
        self.aio: Any = importlib.import_module(module)
        self.log = Trace()
        self._sockets: list[OurSocket | Peer] = []
        self.transport: Any = None
        """The transport of the last connection that was made."""
        self._transports: list[Any] = []
        self._tasks: list[Any] = []
        self._kept: list[Any] = []
        """What may not go before the program ends."""

    def words(self) -> dict[str, Any]:
        """The names a program may use."""
        words: dict[str, Any] = {name: getattr(self, name) for name in WORDS.split()}
        words.update(Oops=Oops, fail=fail, Flow=lambda **how: Flow(self.log, **how))
        words["Tally"] = lambda **how: _tally(self, **how)
        words["Recorder"] = lambda **how: Recorder(self, **how)
        words["Buffered"] = lambda **how: _buffered(self, **how)
        return words

    def run(self, program: types.CodeType) -> Trace:
        """Run the program, and whatever it leaves, to the end; give back the trace."""
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
        gc.disable()  # what it finds, and when, is no matter of the program
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
                self.log("waits for ever")
                self.log.close()
                main.cancel()

    async def _watched(self, main: Callable[[], Any]) -> None:
        try:
            await main()
        except Cut:
            self.log.append("cut")
        except BaseException as error:
            self.log(f"main {ending(error)}")
        finally:
            for transport in self._transports:
                if not transport.is_closing():
                    transport.abort()
            self.log.close()
            for task in self.aio.all_tasks() - {self.aio.current_task()}:
                task.cancel()
            await self.turns(2)

    def _report(self, loop: Any, context: dict[str, Any]) -> None:
        del loop
        error = context.get("exception")
        message = re.sub(r"\w*Transport\.", "Transport.", context["message"])
        message = re.sub(r"^(Exception in callback [\w.]+)\(.*", r"\1", message)
        self.log(f"report {message} {error and describe(error)}")

    # Words

    def do(self, function: Callable[..., Any], *args: Any) -> None:
        """Call, and log how that ended."""
        try:
            result = function(*args)
        except Exception as error:
            self.log(f"{function.__name__} {ending(error)}")
        else:
            self.log(
                function.__name__ if result is None else f"{function.__name__} {_shown(result)}"
            )

    def writelines(self, writer: Any, pieces: list[bytes]) -> None:
        """Write pieces, save where asyncio has known faults or tries more often.

        After close() or abort() it raises TypeError or AttributeError, or keeps the pieces for
        ever. With something in the buffer it sends at once, though the kernel has just had no room.
        And some releases do not ask whether the protocol is to be paused: they are made to, by a
        call that asks and has no other effect. An empty piece is left out; it would stay for ever.
        """
        transport = getattr(writer, "transport", writer)
        if writer.is_closing() or (transport.get_write_buffer_size() and self._has_news()):
            self.log("writelines left out")
            return

        def writelines(pieces: list[bytes]) -> None:
            writer.writelines([piece for piece in pieces if piece])
            if WRITELINES_DOES_NOT_PAUSE:
                low, high = transport.get_write_buffer_limits()
                transport.set_write_buffer_limits(high, low)

        self.do(writelines, pieces)

    def _has_news(self) -> bool:
        """To send would not just find that the kernel has no room."""
        ours = next(sock for sock in self._sockets if isinstance(sock, OurSocket))
        poll = select.poll()
        poll.register(ours, select.POLLOUT)
        return bool(poll.poll(0)) or ours.peer.is_deaf

    def start(self, coroutine: Any) -> Any:
        """A task; it lives until the program ends, whoever else refers to it."""
        task = self.aio.create_task(coroutine)
        self._tasks.append(task)
        return task

    async def result(self, coroutine: Any) -> None:
        """Await, and log how that ended; go on after a cancellation, too."""
        name = coroutine.__name__
        try:
            result = await coroutine
        except Cut:
            raise
        except BaseException as error:
            self.log(f"{name} {ending(error)}")
        else:
            self.log(f"{name} {_shown(result)}")

    async def lines(self, reader: Any) -> None:
        """`async for line in reader`."""
        try:
            async for line in reader:
                self.log(f"line {line!r}")
        except Cut:
            raise
        except BaseException as error:
            self.log(f"lines {ending(error)}")
        else:
            self.log("lines end")

    async def turns(self, count: int = 1) -> None:
        """Let the loop make so many turns."""
        for _ in range(count):
            await self.aio.sleep(0)

    async def finish(self) -> None:
        """Let what was begun go on for a while; tell how things stand; then end it all."""
        await self.turns(LAST_TURNS)
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
        await self.turns(3)
        for task in self._tasks:
            task.cancel()
        await self.turns(3)
        for sock in self._sockets:
            if isinstance(sock, Peer):
                self.do(sock.read)

    def by_task(self) -> None:
        """Sort the steps by who does them: how many turns it takes is the kernel's affair."""

        def actor() -> str:
            task = self.aio.current_task()
            return f"task {self._tasks.index(task) + 1}" if task in self._tasks else "main"

        self.log.actor = actor

    def block(self, count: int) -> bytes:
        """So many bytes, no two parts alike."""
        return (bytes(range(251)) * (count // 251 + 1))[:count]

    async def give(self, peer: Peer, count: int) -> None:
        """Let the peer send a block, turn by turn, as our side receives it."""
        left = self.block(count)
        for _ in range(MOST_TURNS):
            left = left[peer.send_some(left) :]
            if not left:
                self.log(f"given {count}")
                return
            await self.turns()
        self.log(f"given {count} in part")

    async def take(self, peer: Peer, count: int) -> None:
        """Let the peer receive so many bytes, turn by turn, as our side sends them."""
        data = bytearray()
        for _ in range(MOST_TURNS):
            piece = peer.receive_some(count - len(data))
            data += piece or b""
            if len(data) == count or piece == b"":
                break
            await self.turns()
        self.log(f"taken {_shown(data)}")

    def pair(self, takes: int | None = None) -> tuple[OurSocket, Peer]:
        """Two connected Unix sockets."""
        return self._connected(*socket.socketpair(), takes)

    def tcp(self, takes: int | None = None) -> tuple[OurSocket, Peer]:
        """Two connected TCP sockets."""
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
        """A transport for `sock` that calls `protocol`."""
        loop = self.aio.get_running_loop()
        if accepted:
            transport, _ = await loop.connect_accepted_socket(lambda: protocol, sock)
        else:
            transport, _ = await loop.create_connection(lambda: protocol, sock=sock)
        self._transports.append(transport)
        return transport

    async def open_streams(self, sock: Any, limit: int) -> tuple[Any, Any]:
        """A reader and a writer for `sock`."""
        reader, writer = await self.aio.open_connection(sock=sock, limit=limit)
        self._transports.append(writer.transport)
        self._kept += reader, writer
        return reader, writer

    async def serve_streams(self, sock: Any, limit: int, talk: Any) -> tuple[Any, Any]:
        """The same as a server makes them, which runs `talk(reader, writer)` as a task."""
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
    """Something like a transport, which a StreamReader pauses and resumes."""

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
    """A protocol that records each call; `on` says what else its methods do.

    `Recorder(eof_received=lambda transport: True)`: a method calls its function with the transport,
    and returns what that returns.
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
    """A Recorder that is a BufferedProtocol with a buffer of `size` bytes."""

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
    """A protocol that counts what it receives; with a buffer of `size` bytes, or without one."""

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


# --- sockets without races ----------------------------------------------------------------------


class OurSocket(socket.socket):
    """A socket that takes at most so many bytes by one call, if one says so, and counts them."""

    takes: int | None = None
    """How many bytes it takes at a time; 0: it would block; None: as many as it can."""
    peer: Peer

    def send(self, data: Any, *flags: int) -> int:
        if self.takes == 0:
            raise BlockingIOError
        unread = self.peer.unread()
        sent = super().send(memoryview(data)[: self.takes], *flags)
        self.peer.wait(lambda: self.peer.unread() != unread or self.peer.told())
        return sent

    def sendmsg(self, buffers: Any, *args: Any) -> int:
        assert not args
        return self.send(b"".join(buffers))

    def shutdown(self, how: int) -> None:
        super().shutdown(how)
        self.peer.wait(self.peer.told)

    def close(self) -> None:
        if self.fileno() != -1:
            super().close()
            self.peer.wait(self.peer.told)


class Peer:
    """The other end, moved by plain calls; each returns when our socket can see what it did."""

    def __init__(self, sock: socket.socket, ours: OurSocket) -> None:
        self._sock = sock
        self._ours = ours
        self._is_tcp = sock.family != socket.AF_UNIX
        self.is_deaf = False

    def send(self, data: bytes) -> None:
        """Send all of a few bytes."""
        before = _unread(self._ours)
        assert self._sock.send(data) == len(data)
        if self._ours.fileno() == -1:
            self.wait(lambda: _state(self._sock) == TCP_CLOSE)  # it answers by a reset
        else:
            self.wait(lambda: _unread(self._ours) == before + len(data) or _ended(self._ours))

    def send_some(self, data: bytes) -> int:
        """Send as much as there is room for."""
        try:
            return self._sock.send(data)
        except BlockingIOError:
            return 0

    def receive_some(self, most: int) -> bytes | None:
        """Receive what there is; None if that is nothing yet, b"" at the end."""
        try:
            return self._sock.recv(most)
        except BlockingIOError:
            return None
        except ConnectionResetError:
            return b""

    def read(self) -> str:
        """Receive what is there; tell it, and whether that is all that will ever come."""
        if self._sock.fileno() == -1:
            return "closed"
        data = bytearray()
        try:
            while piece := self._sock.recv(1 << 16):
                data += piece
        except BlockingIOError:
            return _told(data)
        except OSError as error:
            return f"{_told(data)} {describe(error)}"
        return f"{_told(data)} end"

    def fill(self) -> None:
        """Leave our socket no room to send, until somebody reads here."""
        with contextlib.suppress(BlockingIOError):
            while True:
                socket.socket.send(self._ours, bytes(1 << 16))

    def end(self) -> None:
        """Send the end of file, and go on to read."""
        self._sock.shutdown(socket.SHUT_WR)
        self.wait(lambda: _ended(self._ours))

    def deafen(self) -> None:
        """Refuse what will come, and go on to send."""
        self._sock.shutdown(socket.SHUT_RD)
        self.is_deaf = True

    def reset(self) -> None:
        """Close so that our socket is told of a reset; a Unix socket only if it has unread data."""
        reset(self._sock)
        self.wait(lambda: _ended(self._ours))

    def close(self) -> None:
        """Close, without waiting for our socket's answers."""
        self._sock.close()

    # What both ends wait for

    def unread(self) -> int:
        return _unread(self._sock)

    def told(self) -> bool:
        return _ended(self._sock)

    def wait(self, seen: Callable[[], bool]) -> None:
        """Wait until the kernel has carried a thing over, which a Unix socket does in the call."""
        if self._is_tcp:
            _wait_for(seen)


def _told(data: bytes | bytearray) -> str:
    """Bytes as text, short where the kernel was filled."""
    return re.sub(rb"\0+", b"...", data).decode()


def _wait_for(seen: Callable[[], bool]) -> None:
    tries = 0
    while not seen():
        select.select([], [], [], 0.0001)
        tries += 1
        assert tries < PATIENCE / 0.0001, "a socket never saw what the other one did"


def _unread(sock: socket.socket) -> int:
    """How many bytes wait in the kernel to be received; -1 if the socket is closed."""
    if sock.fileno() == -1:
        return -1
    (count,) = struct.unpack("i", fcntl.ioctl(sock, termios.FIONREAD, b"\0\0\0\0"))
    return int(count)


def _ended(sock: socket.socket) -> bool:
    """The other end has sent its end of file or a reset, or there is no socket any more."""
    if sock.fileno() == -1:
        return True
    poll = select.poll()
    poll.register(sock, select.POLLRDHUP)
    return bool(poll.poll(0))


def _state(sock: socket.socket) -> int:
    return sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0]
