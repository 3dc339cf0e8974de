"""Pipes and child processes: the streams of a child, and its end.

Purpose: `connect_read_pipe` and `connect_write_pipe` make a transport of one end of a pipe, of a
character device or of a socket that is used in one direction. A child process is up to three such
pipes and an end: a transport tells a protocol of all of them, and upon that stand
`create_subprocess_exec` and `create_subprocess_shell`, whose Process has streams to talk to it.
Rules: a transport owns the file that it is given, and closes it. Who waits for a process waits for
its exit status and for the end of its pipes; who comes when the status is known waits for nothing.
It is signalled only while its status is not known: then its number may belong to another process.
This file does not know how a process is started: that is the standard library's Popen. Nor AIX,
where a pipe does not show its writer that nobody reads. Read descriptors.py and streams.py first.
"""

from __future__ import annotations

import os
import stat
import threading
import warnings
from contextlib import suppress
from functools import partial
from io import FileIO
from signal import SIGKILL, SIGTERM

from . import combinators, events, exceptions, futures, locks, protocols, streams, tasks
from .connections import Connection, ProtocolFactory
from .descriptors import _DescriptorTransport, _ReadHalf, _WriteHalf
from .events import Loop
from .format_helpers import logger
from .hints import Any, Callable, Popen, TypeAlias
from .sendfile import SendfileEventLoop
from .transports import BaseTransport, Buffer, SubprocessTransport

__all__ = ("create_subprocess_exec", "create_subprocess_shell")

# As in the standard library's subprocess, which only those who start a process have to load.
PIPE, STDOUT, DEVNULL = -1, -2, -3

#: A file, its descriptor, one of the three above, or None: what this process has.
Stdio: TypeAlias = Any

# -- pipes -----------------------------------------------------------------------------------------


class _PipeTransport(_DescriptorTransport):
    """What the two ends of a pipe have in common."""

    _kind = "pipe"

    def __init__(self, loop: Loop, pipe: Any, protocol: protocols.BaseProtocol,
                 waiter: futures.Future[None] | None = None) -> None:  # fmt: skip
        fd = pipe.fileno()
        mode = os.fstat(fd).st_mode
        if not (stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) or stat.S_ISCHR(mode)):
            # The kernel always finds a regular file ready, and epoll refuses it.
            raise ValueError("Pipe transport is only for pipes, sockets and character devices")
        self._shows_hang_up = not stat.S_ISCHR(mode)  # a terminal does not tell its writer
        os.set_blocking(fd, False)
        super().__init__(loop, pipe, protocol, waiter, {"pipe": pipe})


class _UnixReadPipeTransport(_ReadHalf, _PipeTransport):
    """The end of a pipe that is read."""

    def _os_read(self, size: int) -> bytes:
        return os.read(self._fd, size)

    def _os_read_into(self, buffer: Any) -> int:
        return os.readv(self._fd, [buffer])

    def _on_eof(self) -> None:
        super()._on_eof()
        self.close()  # a pipe has no other direction to be kept open for


class _UnixWritePipeTransport(_WriteHalf, _PipeTransport):
    """The end of a pipe that is written."""

    def _os_write(self, data: Buffer) -> int:
        return os.write(self._fd, data)

    def _os_write_pieces(self, pieces: list[Buffer]) -> int:
        return os.writev(self._fd, pieces)

    def _start_reading(self) -> None:
        if self._shows_hang_up:
            super()._start_reading()

    def _read_ready(self) -> None:
        """There is nothing to read but the news that nobody will read what we write."""
        if self._loop.get_debug():
            logger.debug("%r was closed by peer", self)
        self._force_close(BrokenPipeError() if self._buffer else None)

    def close(self) -> None:
        super().close()
        self._eof = True  # nothing is added to what drains

    def _refuse(self, call: str, data: object) -> None:
        if data:
            self._drop_write()

    def write_eof(self) -> None:
        self.close()

    def can_write_eof(self) -> bool:
        return True


# -- the end of a child ----------------------------------------------------------------------------


def _watch_child(loop: Loop, pid: int, exited: Callable[[int], None]) -> None:
    """Call `exited` with the status of the child when it ends: its pidfd can be read then."""

    def reap() -> None:
        loop._remove_reader(pidfd)
        pidfd.close()
        exited(_reap(pid))

    try:
        pidfd = FileIO(os.pidfd_open(pid))  # a file closes itself where the loop is closed before
    except (AttributeError, OSError):
        # Not Linux, an old kernel, one that forbids it, no descriptor left, or a child that is
        # reaped already.
        _watch_by_thread(loop, pid, exited)
    else:
        loop._add_reader(pidfd, reap)


def _watch_by_thread(loop: Loop, pid: int, exited: Callable[[int], None]) -> None:
    """Call `exited` with the status of the child when it ends: a thread waits for it."""

    def wait() -> None:
        returncode = _reap(pid)
        try:
            loop.call_soon_threadsafe(exited, returncode)
        except RuntimeError:
            logger.warning("Loop %r that handles pid %r is closed", loop, pid)

    threading.Thread(target=wait, name=f"{__package__}-waitpid-{pid}", daemon=True).start()


def _reap(pid: int) -> int:
    """Wait for the child and take its exit status; from now on its number is free."""
    try:
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    except ChildProcessError:  # somebody else has waited for it, or SIGCHLD is ignored
        logger.warning("Unknown child process pid %d, will report returncode 255", pid)
        return 255


# -- transport and loop ----------------------------------------------------------------------------


class _PipeProtocol(protocols.Protocol):
    """Tells the transport of the process what happens at one of its pipes."""

    def __init__(self, process: BaseSubprocessTransport, fd: int) -> None:
        self._process = process
        self._fd = fd

    def data_received(self, data: bytes) -> None:
        self._process._tell("pipe_data_received", self._fd, data)

    def connection_lost(self, exc: Exception | None) -> None:
        self._process._tell("pipe_connection_lost", self._fd, exc)
        self._process._end_of(self._fd)

    def pause_writing(self) -> None:
        self._process._protocol.pause_writing()

    def resume_writing(self) -> None:
        self._process._protocol.resume_writing()


class BaseSubprocessTransport(SubprocessTransport):
    """A child process and its pipes."""

    def __init__(self, loop: Loop, protocol: Any, process: Popen[bytes]) -> None:
        super().__init__({"subprocess": process})
        self._loop = loop
        self._protocol = protocol  # None once all is over
        self._process = process
        self._closed = False
        self._returncode: int | None = None  # Popen's may be there before, if somebody has asked it
        self._ended = locks.Event()  # what wait() waits for
        self._pipes: dict[int, Any] = {}  # their transports, by the descriptor in the child
        # All at once, and not by connect_read_pipe(): so no cancellation finds some of them open,
        # and nothing of what they tell comes before connection_made.
        for fd, file in enumerate((process.stdin, process.stdout, process.stderr)):
            if file is not None:
                kind = _UnixWritePipeTransport if fd == 0 else _UnixReadPipeTransport
                self._pipes[fd] = kind(loop, file, _PipeProtocol(self, fd))
        self._unended = {"process", *self._pipes}  # the pipes that are not lost, and the process
        loop.call_soon(protocol.connection_made, self)

    def _tell(self, event: str, *args: Any) -> None:
        self._loop.call_soon(getattr(self._protocol, event), *args)

    def _process_exited(self, returncode: int) -> None:
        self._returncode = returncode
        if self._process.returncode is None:
            self._process.returncode = returncode  # else Popen would look for the process itself
        self._tell("process_exited")
        self._end_of("process")

    def _end_of(self, part: int | str) -> None:
        """Of the pipes and the process the last to end is the end of all."""
        self._unended.remove(part)
        if not self._unended:
            self._loop.call_soon(self._call_connection_lost)

    def _call_connection_lost(self) -> None:
        try:
            self._protocol.connection_lost(None)
        finally:
            self._ended.set()
            self._protocol = None  # it has us, too: else both wait for the collector

    async def _wait(self) -> int | None:
        if self._returncode is None:
            await self._ended.wait()
        return self._returncode

    def set_protocol(self, protocol: protocols.BaseProtocol) -> None:
        """Let `protocol` have what happens from now on."""
        self._protocol = protocol

    def get_protocol(self) -> protocols.BaseProtocol:
        """Return the protocol."""
        return self._protocol  # type: ignore[no-any-return]

    def is_closing(self) -> bool:
        """Return True once the transport closes or has closed."""
        return self._closed

    def get_pid(self) -> int:
        """Return the number of the process."""
        return self._process.pid

    def get_returncode(self) -> int | None:
        """Return the exit status, the negative signal number, or None while the process lives."""
        return self._returncode

    def get_pipe_transport(self, fd: int) -> BaseTransport | None:
        """Return the transport of the child's stdin (0), stdout (1) or stderr (2), if piped."""
        return self._pipes.get(fd)

    def send_signal(self, signal: int) -> None:
        """Send a signal; ProcessLookupError if the process is gone."""
        if self._protocol is None:
            raise ProcessLookupError
        # Not by Popen: its poll() would take the status from whoever watches the child.
        if self._process.returncode is None:
            with suppress(ProcessLookupError):  # it has ended, and we shall hear of it
                os.kill(self.get_pid(), signal)

    def terminate(self) -> None:
        """Send SIGTERM; ProcessLookupError if the process is gone."""
        self.send_signal(SIGTERM)

    def kill(self) -> None:
        """Send SIGKILL; ProcessLookupError if the process is gone."""
        self.send_signal(SIGKILL)

    def close(self) -> None:
        """Close the pipes, and kill the process if it lives."""
        if self._closed:
            return
        self._closed = True
        if not self._loop.is_closed():
            for pipe in self._pipes.values():
                pipe.close()
        if self._process.returncode is None:
            with suppress(PermissionError):  # it may run as another user
                self.kill()

    def __del__(self) -> None:
        if not self._closed:
            warnings.warn(f"unclosed transport {self!r}", ResourceWarning, source=self)
            self.close()

    def __repr__(self) -> str:
        closed = " closed" if self._closed else ""
        state = "running" if self._returncode is None else f"returncode={self._returncode}"
        return f"<{type(self).__name__}{closed} pid={self.get_pid()} {state}>"


class SubprocessEventLoop(SendfileEventLoop):
    """The loop's chapter on pipes and child processes."""

    async def connect_read_pipe(self, protocol_factory: ProtocolFactory, pipe: Any) -> Connection:
        """Read from `pipe`, a file object, which the transport closes; return it and the protocol.

        Raises ValueError if it is neither a pipe nor a socket nor a character device.
        """
        return await self._join(_UnixReadPipeTransport, pipe, protocol_factory)

    async def connect_write_pipe(self, protocol_factory: ProtocolFactory, pipe: Any) -> Connection:
        """Write to `pipe`; for the rest see connect_read_pipe."""
        return await self._join(_UnixWritePipeTransport, pipe, protocol_factory)

    async def subprocess_shell(
        self, protocol_factory: ProtocolFactory, cmd: str | bytes, *, stdin: Stdio = PIPE,
        stdout: Stdio = PIPE, stderr: Stdio = PIPE, universal_newlines: bool = False,
        shell: bool = True, bufsize: int = 0, encoding: str | None = None,
        errors: str | None = None, text: bool | None = None, **kwargs: Any,
    ) -> Connection:  # fmt: skip
        """Let the shell run `cmd`, and return transport and protocol; see subprocess_exec."""
        if not isinstance(cmd, bytes | str):
            raise ValueError("cmd must be a string")
        _check(True, universal_newlines, shell, bufsize, text, encoding, errors)
        kwargs.update(stdin=stdin, stdout=stdout, stderr=stderr, shell=True)
        return await self._spawn(protocol_factory, cmd, kwargs)

    async def subprocess_exec(
        self, protocol_factory: ProtocolFactory, program: Any, *args: Any, stdin: Stdio = PIPE,
        stdout: Stdio = PIPE, stderr: Stdio = PIPE, universal_newlines: bool = False,
        shell: bool = False, bufsize: int = 0, encoding: str | None = None,
        errors: str | None = None, text: bool | None = None, **kwargs: Any,
    ) -> Connection:  # fmt: skip
        """Run `program` with `args`, and return transport and protocol, a SubprocessProtocol.

        The other keywords are those of subprocess.Popen, but the pipes carry bytes, unbuffered:
        ValueError for anything else. Raises OSError if the program cannot be started.
        """
        _check(False, universal_newlines, shell, bufsize, text, encoding, errors)
        kwargs.update(stdin=stdin, stdout=stdout, stderr=stderr)
        return await self._spawn(protocol_factory, (program, *args), kwargs)

    async def _spawn(self, factory: ProtocolFactory, args: Any, options: Any) -> Connection:
        import subprocess

        protocol = factory()
        process = subprocess.Popen(args, bufsize=0, **options)
        transport = BaseSubprocessTransport(self, protocol, process)
        try:
            _watch_child(self, process.pid, transport._process_exited)
            await tasks.sleep(0)  # connection_made stands before this task in the ready queue
        except BaseException as exc:
            transport.close()
            if isinstance(exc, exceptions.CancelledError):
                await transport._wait()
            raise
        return transport, protocol


def _check(for_shell: bool, *given: object) -> None:
    """Refuse what would make text of the bytes in the pipes, or buffer them."""
    names = ("universal_newlines", "shell", "bufsize", "text", "encoding", "errors")
    needed = (False, for_shell, 0, False, None, None)
    for name, value, right in zip(names, given, needed, strict=True):
        exact = right is None or name == "bufsize"  # of the others, only the truth counts
        if (value if exact else bool(value)) != right:
            raise ValueError(f"{name} must be {right}")


# -- the process as programs see it ----------------------------------------------------------------


async def create_subprocess_shell(cmd: str | bytes, stdin: Stdio = None, stdout: Stdio = None,
                                  stderr: Stdio = None, limit: int = streams.DEFAULT_LIMIT,
                                  **kwds: Any) -> Process:  # fmt: skip
    """Let the shell run `cmd`, and return its Process; see create_subprocess_exec."""
    kwds.update(stdin=stdin, stdout=stdout, stderr=stderr)
    start = events.get_running_loop().subprocess_shell
    return (await start(partial(Process, limit), cmd, **kwds))[1]  # type: ignore[no-any-return]


async def create_subprocess_exec(program: Any, *args: Any, stdin: Stdio = None,
                                 stdout: Stdio = None, stderr: Stdio = None,
                                 limit: int = streams.DEFAULT_LIMIT,
                                 **kwds: Any) -> Process:  # fmt: skip
    """Run `program` with `args`, and return its Process.

    Each of stdin, stdout and stderr that is PIPE becomes a stream; `limit`, in bytes, is that of
    the readers. `kwds` are those of `loop.subprocess_exec`. Raises OSError if it cannot be started.
    """
    kwds.update(stdin=stdin, stdout=stdout, stderr=stderr)
    start = events.get_running_loop().subprocess_exec
    return (await start(partial(Process, limit), program, *args, **kwds))[1]  # type: ignore[no-any-return]


class Process(streams.FlowControlMixin, protocols.SubprocessProtocol):
    """A child process: `pid`, and the streams `stdin`, `stdout` and `stderr`, None if not piped.

    It is itself the protocol that its transport tells of pipes and end.
    """

    stdin: streams.StreamWriter | None = None
    stdout: streams.StreamReader | None = None
    stderr: streams.StreamReader | None = None

    def __init__(self, limit: int) -> None:
        super().__init__()
        self._limit = limit
        self._readers: dict[int, streams.StreamReader] = {}  # of the pipes that are not lost

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.pid}>"

    @property
    def returncode(self) -> int | None:
        """The exit status, the negative number of a signal, or None while the process lives."""
        return self._transport.get_returncode()  # type: ignore[no-any-return]

    async def wait(self) -> int:
        """Wait until the process has ended and its pipes are closed; return its exit status.

        A process that writes more than a pipe holds, where nobody reads, does not end.
        """
        return await self._transport._wait()  # type: ignore[no-any-return]

    def send_signal(self, signal: int) -> None:
        """Send a signal; ProcessLookupError if the process is gone."""
        self._transport.send_signal(signal)

    def terminate(self) -> None:
        """Send SIGTERM; ProcessLookupError if the process is gone."""
        self._transport.terminate()

    def kill(self) -> None:
        """Send SIGKILL; ProcessLookupError if the process is gone."""
        self._transport.kill()

    async def communicate(self, input: Buffer | None = None) -> tuple[bytes | None, bytes | None]:
        """Write `input` to stdin and close it, read stdout and stderr to their end, and wait.

        Returns what was read, None for what is not piped. That the process does not read all of
        `input` is no error.
        """
        reads = (tasks.sleep(0) if reader is None else reader.read()
                 for reader in (self.stdout, self.stderr))  # fmt: skip
        _, stdout, stderr = await combinators.gather(self._feed_stdin(input), *reads)
        await self.wait()
        return stdout, stderr

    async def _feed_stdin(self, input: Buffer | None) -> None:
        if self.stdin is None:
            return
        with suppress(BrokenPipeError, ConnectionResetError):
            if input is not None:
                self.stdin.write(input)
            await self.stdin.drain()
        self.stdin.close()

    # -- what the transport tells ------------------------------------------------------------------

    def connection_made(self, transport: Any) -> None:
        """Make the streams."""
        self._transport: Any = transport
        self.pid: int = transport.get_pid()
        for fd in (1, 2):
            if (pipe := transport.get_pipe_transport(fd)) is not None:
                self._readers[fd] = streams.StreamReader(self._limit, self._loop)
                self._readers[fd].set_transport(pipe)
        self.stdout, self.stderr = self._readers.get(1), self._readers.get(2)
        if (pipe := transport.get_pipe_transport(0)) is not None:
            self.stdin = streams.StreamWriter(pipe, self, None, self._loop)

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        """Give the bytes to the reader."""
        self._readers[fd].feed_data(data)

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:
        """Let all go on that use the pipe, with the reason if there is one."""
        if fd == 0:
            self.connection_lost(exc)
        elif exc is None:
            self._readers.pop(fd).feed_eof()
        else:
            self._readers.pop(fd).set_exception(exc)
        self.process_exited()

    def process_exited(self) -> None:
        """Close the transport once the process has ended and its output is read."""
        if self.returncode is not None and not self._readers:
            self._transport.close()
