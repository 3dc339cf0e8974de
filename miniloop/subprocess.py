"""Pipes and child processes.

Purpose: `connect_read_pipe` and `connect_write_pipe` make a transport of one end of a pipe, of a
character device, or of a socket used in one direction. A child process has up to three pipes and an
exit status: BaseSubprocessTransport reports all of them to one protocol. On top of it,
`create_subprocess_exec` and `create_subprocess_shell` return a Process with streams.
Invariants: a transport owns the file that it is given, and closes it. A process is signalled only
while its exit status is unknown: afterwards its id may belong to another process. A process and its
transport go through these states:

    running → exited   the watcher has the exit status; process_exited() is scheduled, wait() ends
    exited  → over     all pipes are lost, too; connection_lost() is called

close() is not a state: it closes the pipes and kills the process, and the states follow from that.
If all pipes are lost before the exit, the second transition follows the first at once.
This file does not depend on how a process is started: the standard library's Popen does that. It
does not support AIX, where the writer to a pipe cannot notice that the reader is gone. Read
descriptors.py and streams.py first.
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

from . import combinators, connections, exceptions, futures, locks, protocols, streams, tasks
from .abstract import Connection, ProtocolFactory
from .descriptors import _DescriptorTransport, _ReadHalf, _WriteHalf
from .events import Loop, get_running_loop
from .format_helpers import logger
from .hints import Any, Callable, Popen, TypeAlias
from .transports import BaseTransport, Buffer, SubprocessTransport, _closing_on_error

__all__ = ("create_subprocess_exec", "create_subprocess_shell")

# The values of the standard library's subprocess, which is imported only to start a process.
PIPE, STDOUT, DEVNULL = -1, -2, -3

#: A file, its descriptor, one of the three above, or None: the child inherits the parent's.
Stdio: TypeAlias = Any

# -- pipes -----------------------------------------------------------------------------------------


class _PipeTransport(_DescriptorTransport):
    """The base of both ends of a pipe."""

    _kind = "pipe"

    def __init__(self, loop: Loop, pipe: Any, protocol: protocols.BaseProtocol,
                 waiter: futures.Future[None] | None = None) -> None:  # fmt: skip
        fd = pipe.fileno()
        mode = os.fstat(fd).st_mode
        if not (stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) or stat.S_ISCHR(mode)):
            # A regular file is always ready, so epoll refuses to watch it.
            raise ValueError("Pipe transport is only for pipes, sockets and character devices")
        # When the reader is gone, the writing end of a pipe or a socket becomes readable. That of a
        # terminal does not: there, "readable" means that somebody has typed something.
        self._shows_hang_up = not stat.S_ISCHR(mode)
        os.set_blocking(fd, False)
        # Of these, each end uses its own two.
        self._os_read, self._os_read_into = partial(os.read, fd), lambda buf: os.readv(fd, [buf])
        self._os_write, self._os_write_pieces = partial(os.write, fd), partial(os.writev, fd)
        super().__init__(loop, pipe, protocol, waiter, {"pipe": pipe})


class _UnixReadPipeTransport(_ReadHalf, _PipeTransport):
    """The end of a pipe that is read."""

    def _on_eof(self) -> None:
        super()._on_eof()
        self.close()  # even if eof_received() returned True: a pipe has no direction to write in


class _UnixWritePipeTransport(_WriteHalf, _PipeTransport):
    """The end of a pipe that is written."""

    def _start_reading(self) -> None:
        if self._shows_hang_up:
            super()._start_reading()

    def _read_ready(self) -> None:
        """Close: at the writing end, "readable" means that the reading end is gone."""
        if self._loop.get_debug():
            logger.debug("%r was closed by peer", self)
        self._force_close(BrokenPipeError() if self._buffer else None)

    def close(self) -> None:
        super().close()
        self._eof = True  # no write may add to the draining buffer

    def _refuse(self, call: str, data: object) -> None:
        if data:
            self._drop_write()

    def write_eof(self) -> None:
        self.close()


# -- watching a child ------------------------------------------------------------------------------


def _watch_child(loop: Loop, pid: int, exited: Callable[[int], None]) -> None:
    """Call `exited` with the child's exit status: its pidfd becomes readable when it exits."""

    def reap() -> None:
        loop._remove_reader(pidfd)
        pidfd.close()
        exited(_reap(pid))

    try:
        # A file object closes itself, even if the loop is closed before the child exits.
        pidfd = FileIO(os.pidfd_open(pid))
    except (AttributeError, OSError):
        # Not Linux, an old kernel, a sandbox that forbids it, no descriptor left, or a child that
        # is reaped already.
        _watch_by_thread(loop, pid, exited)
    else:
        loop._add_reader(pidfd, reap)


def _watch_by_thread(loop: Loop, pid: int, exited: Callable[[int], None]) -> None:
    """Call `exited` with the child's exit status: a thread waits for it.

    The thread does not reap the child. The loop could then send a signal to another process that
    has got the same id (gh-127049).
    """

    def wait() -> None:
        with suppress(ChildProcessError):  # the program itself has called waitpid()
            os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        try:
            loop.call_soon_threadsafe(lambda: exited(_reap(pid)))
        except RuntimeError:
            _reap(pid)
            logger.warning("Loop %r that handles pid %r is closed", loop, pid)

    threading.Thread(target=wait, name=f"{__package__}-waitpid-{pid}", daemon=True).start()


def _reap(pid: int) -> int:
    """Wait for the child and return its exit status. From now on the kernel may reuse its id."""
    try:
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    except ChildProcessError:  # the program itself has called waitpid(), or ignores SIGCHLD
        logger.warning("Unknown child process pid %d, will report returncode 255", pid)
        return 255


# -- the transport of a process --------------------------------------------------------------------


class _PipeProtocol(protocols.Protocol):
    """Pass what happens at one pipe on to the protocol of the process.

    By call_soon(): an exception of the program's protocol is then reported by the loop. In a plain
    call it would be an exception of the pipe's protocol, and close the pipe.
    """

    def __init__(self, process: BaseSubprocessTransport, fd: int) -> None:
        self._process, self._fd = process, fd

    def data_received(self, data: bytes) -> None:
        self._process._loop.call_soon(self._process._protocol.pipe_data_received, self._fd, data)

    def connection_lost(self, exc: Exception | None) -> None:
        self._process._loop.call_soon(self._process._protocol.pipe_connection_lost, self._fd, exc)
        self._process._part_ended(self._fd)

    def pause_writing(self) -> None:
        self._process._protocol.pause_writing()

    def resume_writing(self) -> None:
        self._process._protocol.resume_writing()


class BaseSubprocessTransport(SubprocessTransport):
    """A child process and its pipes; the table of its states is at the top of this file."""

    def __init__(self, loop: Loop, protocol: Any, process: Popen[bytes]) -> None:
        super().__init__({"subprocess": process})
        self._loop = loop
        self._protocol = protocol  # None once over
        self._process = process
        self._closed = False  # close() was called
        # None while running. Not Popen's, which is set early if the program calls Popen.poll().
        self._returncode: int | None = None
        self._exited = locks.Event()  # wait() waits for it
        self._pipes: dict[int, Any] = {}  # pipe transports by the child's descriptor: 0, 1, 2
        # Connect all pipes at once. `await connect_read_pipe(…)` for each would be simpler, but it
        # could be cancelled halfway, and data could arrive before connection_made().
        for fd, file in enumerate((process.stdin, process.stdout, process.stderr)):
            if file is not None:
                kind = _UnixWritePipeTransport if fd == 0 else _UnixReadPipeTransport
                self._pipes[fd] = kind(loop, file, _PipeProtocol(self, fd))
        self._alive = {"process", *self._pipes}  # the parts that have not ended
        loop.call_soon(protocol.connection_made, self)

    def _process_exited(self, returncode: int) -> None:
        """Enter the state `exited`; the watcher calls this once."""
        self._returncode = returncode
        if self._process.returncode is None:
            self._process.returncode = returncode  # else Popen would try to reap the child itself
        self._loop.call_soon(self._protocol.process_exited)
        self._part_ended("process")
        self._exited.set()

    def _part_ended(self, part: int | str) -> None:
        """Enter the state `over` if `part`, a pipe or the process, was the last to end."""
        self._alive.remove(part)
        if not self._alive:
            self._loop.call_soon(self._call_connection_lost)

    def _call_connection_lost(self) -> None:
        try:
            self._protocol.connection_lost(None)
        finally:
            # Transport and protocol refer to each other: break the cycle, so that both are freed
            # without the garbage collector.
            self._protocol = None

    async def _wait(self) -> int | None:
        """Wait until the process has exited, and return its exit status (gh-119710)."""
        await self._exited.wait()
        return self._returncode

    def set_protocol(self, protocol: protocols.BaseProtocol) -> None:
        """Call `protocol` from now on."""
        self._protocol = protocol

    def get_protocol(self) -> protocols.BaseProtocol:
        """Return the protocol; None once the process is over."""
        return self._protocol  # type: ignore[no-any-return]

    def is_closing(self) -> bool:
        """Return True if close() was called."""
        return self._closed

    def get_pid(self) -> int:
        """Return the process id."""
        return self._process.pid

    def get_returncode(self) -> int | None:
        """Return the exit status, a negative signal number, or None if the process runs."""
        return self._returncode

    def get_pipe_transport(self, fd: int) -> BaseTransport | None:
        """Return the transport of the child's stdin (0), stdout (1) or stderr (2), or None."""
        return self._pipes.get(fd)

    def send_signal(self, signal: int) -> None:
        """Send a signal, unless the process has exited; raise ProcessLookupError if it is over."""
        if self._protocol is None:
            raise ProcessLookupError
        # Not Popen.send_signal(): it calls poll(), which would take the exit status from the
        # watcher.
        if self._process.returncode is None:
            with suppress(ProcessLookupError):  # it has just exited; the watcher will report that
                os.kill(self.get_pid(), signal)

    def terminate(self) -> None:
        """Send SIGTERM; see send_signal."""
        self.send_signal(SIGTERM)

    def kill(self) -> None:
        """Send SIGKILL; see send_signal."""
        self.send_signal(SIGKILL)

    def close(self) -> None:
        """Close the pipes, and kill the process if it runs."""
        if self._closed:
            return
        self._closed = True
        if not self._loop.is_closed():
            for pipe in self._pipes.values():
                pipe.close()
        # The process may run as another user, or be over.
        with suppress(PermissionError, ProcessLookupError):
            self.kill()

    def __del__(self) -> None:
        if not self._closed:
            warnings.warn(f"unclosed transport {self!r}", ResourceWarning, source=self)
            self.close()

    def __repr__(self) -> str:
        closed = " closed" if self._closed else ""
        state = "running" if self._returncode is None else f"returncode={self._returncode}"
        return f"<{type(self).__name__}{closed} pid={self.get_pid()} {state}>"


async def connect_read_pipe(loop: Loop, protocol_factory: ProtocolFactory, pipe: Any) -> Connection:
    """Read from `pipe`, a file object, which the transport closes; return it and the protocol.

    Raises ValueError if it is neither a pipe nor a socket nor a character device.
    """
    return await connections._make_transport(loop, _UnixReadPipeTransport, pipe, protocol_factory)


async def connect_write_pipe(loop: Loop, protocol_factory: ProtocolFactory,
                             pipe: Any) -> Connection:  # fmt: skip
    """Write to `pipe`; for the rest see connect_read_pipe."""
    return await connections._make_transport(loop, _UnixWritePipeTransport, pipe, protocol_factory)


async def subprocess_shell(loop: Loop, protocol_factory: ProtocolFactory, cmd: str | bytes, *,
        stdin: Stdio = PIPE, stdout: Stdio = PIPE, stderr: Stdio = PIPE,
        universal_newlines: bool = False, shell: bool = True, bufsize: int = 0,
        encoding: str | None = None, errors: str | None = None, text: bool | None = None,
        **kwargs: Any) -> Connection:  # fmt: skip
    """Let the shell run `cmd`, and return transport and protocol; see subprocess_exec."""
    if not isinstance(cmd, bytes | str):
        raise ValueError("cmd must be a string")
    _check(True, universal_newlines, shell, bufsize, text, encoding, errors)
    kwargs.update(stdin=stdin, stdout=stdout, stderr=stderr, shell=True)
    return await _spawn(loop, protocol_factory, cmd, kwargs)


async def subprocess_exec(loop: Loop, protocol_factory: ProtocolFactory, program: Any, *args: Any,
        stdin: Stdio = PIPE, stdout: Stdio = PIPE, stderr: Stdio = PIPE,
        universal_newlines: bool = False, shell: bool = False, bufsize: int = 0,
        encoding: str | None = None, errors: str | None = None, text: bool | None = None,
        **kwargs: Any) -> Connection:  # fmt: skip
    """Run `program` with `args`, and return transport and protocol, a SubprocessProtocol.

    The other keywords are those of subprocess.Popen, but the pipes carry bytes, unbuffered:
    ValueError for anything else. Raises OSError if the program cannot be started.
    """
    _check(False, universal_newlines, shell, bufsize, text, encoding, errors)
    kwargs.update(stdin=stdin, stdout=stdout, stderr=stderr)
    return await _spawn(loop, protocol_factory, (program, *args), kwargs)


async def _spawn(loop: Loop, factory: ProtocolFactory, args: Any, options: Any) -> Connection:
    import subprocess

    protocol = factory()
    process = subprocess.Popen(args, bufsize=0, **options)
    transport = BaseSubprocessTransport(loop, protocol, process)
    try:
        with _closing_on_error(transport):
            _watch_child(loop, process.pid, transport._process_exited)
            await tasks.sleep(0)  # connection_made is ahead of this task in the ready queue
    except exceptions.CancelledError:
        await transport._wait()
        raise
    return transport, protocol


def _check(for_shell: bool, *given: object) -> None:
    """Raise ValueError for options that would decode or buffer the bytes in the pipes."""
    names = ("universal_newlines", "shell", "bufsize", "text", "encoding", "errors")
    needed = (False, for_shell, 0, False, None, None)
    for name, value, right in zip(names, given, needed, strict=True):
        exact = right is None or name == "bufsize"  # bufsize=None and encoding="" are errors
        if (value if exact else bool(value)) != right:
            raise ValueError(f"{name} must be {right}")


# -- Process ---------------------------------------------------------------------------------------


async def create_subprocess_shell(cmd: str | bytes, stdin: Stdio = None, stdout: Stdio = None,
                                  stderr: Stdio = None, limit: int = streams.DEFAULT_LIMIT,
                                  **kwds: Any) -> Process:  # fmt: skip
    """Run `cmd` in the shell and return its Process; see create_subprocess_exec."""
    loop = get_running_loop()
    transport, protocol = await loop.subprocess_shell(
        lambda: SubprocessStreamProtocol(limit, loop), cmd,
        stdin=stdin, stdout=stdout, stderr=stderr, **kwds)  # fmt: skip
    return Process(transport, protocol, loop)


async def create_subprocess_exec(program: Any, *args: Any, stdin: Stdio = None,
        stdout: Stdio = None, stderr: Stdio = None, limit: int = streams.DEFAULT_LIMIT,
        **kwds: Any) -> Process:  # fmt: skip
    """Run `program` with `args` and return its Process.

    Each of stdin, stdout and stderr that is PIPE becomes a stream; `limit`, in bytes, is that of
    the readers. `kwds` are those of `loop.subprocess_exec`. Raises OSError if the program cannot be
    started.
    """
    loop = get_running_loop()
    transport, protocol = await loop.subprocess_exec(
        lambda: SubprocessStreamProtocol(limit, loop), program, *args,
        stdin=stdin, stdout=stdout, stderr=stderr, **kwds)  # fmt: skip
    return Process(transport, protocol, loop)


class SubprocessStreamProtocol(streams.FlowControlMixin, protocols.SubprocessProtocol):
    """The protocol behind a Process: it makes the streams, feeds them and closes the transport.

    `limit`, in bytes, is that of the readers. `loop` defaults to the running loop, as that of
    StreamReaderProtocol does; asyncio requires it.
    """

    def __init__(self, limit: int, loop: Loop | None = None) -> None:
        super().__init__(loop)
        self._limit = limit
        self._transport: Any = None  # from connection_made() until this protocol closes it
        self._exited = False  # process_exited() was called
        self._outputs: set[int] = set()  # of 1 and 2, those whose pipe is open
        self.stdin: streams.StreamWriter | None = None
        self.stdout: streams.StreamReader | None = None
        self.stderr: streams.StreamReader | None = None

    def connection_made(self, transport: Any) -> None:
        """Make a stream of each pipe."""
        self._transport = transport
        self.stdout, self.stderr = self._make_reader(1), self._make_reader(2)
        if (pipe := transport.get_pipe_transport(0)) is not None:
            self.stdin = streams.StreamWriter(pipe, self, None, self._loop)

    def _make_reader(self, fd: int) -> streams.StreamReader | None:
        if (pipe := self._transport.get_pipe_transport(fd)) is None:
            return None
        self._outputs.add(fd)
        reader = streams.StreamReader(self._limit, self._loop)
        reader.set_transport(pipe)
        return reader

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        """Feed the reader."""
        if (reader := self.stdout if fd == 1 else self.stderr) is not None:
            reader.feed_data(data)

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:
        """End the stream: with `exc`, or with an end of file."""
        if fd == 0:
            self.connection_lost(exc)  # wakes drain() and wait_closed() of stdin
            return
        streams._end_reader(self.stdout if fd == 1 else self.stderr, exc)
        self._outputs.discard(fd)
        self._close_at_the_end()

    def process_exited(self) -> None:
        """Close the transport when the output has been received, too."""
        self._exited = True
        self._close_at_the_end()

    def _close_at_the_end(self) -> None:
        if self._exited and not self._outputs:
            self._transport.close()
            self._transport = None
            self.stdin = None  # the writer refers to this protocol: break the reference cycle

    def __repr__(self) -> str:
        pipes = {"stdin": self.stdin, "stdout": self.stdout, "stderr": self.stderr}
        facts = [f"{name}={stream!r}" for name, stream in pipes.items() if stream is not None]
        return f"<{' '.join([type(self).__name__, *facts])}>"


class Process:
    """A child process: `pid`, and the streams `stdin`, `stdout`, `stderr`; None if not piped.

    A program may make one itself, of what `loop.subprocess_exec()` returns for a
    SubprocessStreamProtocol. `loop` is there because asyncio has it.
    """

    def __init__(self, transport: Any, protocol: SubprocessStreamProtocol, loop: Loop) -> None:
        self._transport = transport
        self.stdin, self.stdout, self.stderr = protocol.stdin, protocol.stdout, protocol.stderr
        self.pid: int = transport.get_pid()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.pid}>"

    @property
    def returncode(self) -> int | None:
        """The exit status, a negative signal number, or None if the process runs."""
        return self._transport.get_returncode()  # type: ignore[no-any-return]

    async def wait(self) -> int:
        """Wait until the process has exited, and return the exit status.

        Its pipes may still be open. This waits forever if the process writes more to a pipe than
        fits, and nobody reads: use communicate() then.
        """
        return await self._transport._wait()  # type: ignore[no-any-return]

    def send_signal(self, signal: int) -> None:
        """Send a signal, unless the process has exited.

        Raises ProcessLookupError if its pipes are closed, too.
        """
        self._transport.send_signal(signal)

    def terminate(self) -> None:
        """Send SIGTERM; see send_signal."""
        self._transport.terminate()

    def kill(self) -> None:
        """Send SIGKILL; see send_signal."""
        self._transport.kill()

    async def communicate(self, input: Buffer | None = None) -> tuple[bytes | None, bytes | None]:
        """Write `input` to stdin and close it, read stdout and stderr to their end, and wait.

        Returns both outputs, None for one that is not piped. It is no error if the process exits
        without reading all of `input`.
        """
        outputs = _read_all(self.stdout), _read_all(self.stderr)
        _, stdout, stderr = await combinators.gather(self._feed_stdin(input), *outputs)
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


async def _read_all(reader: streams.StreamReader | None) -> bytes | None:
    return None if reader is None else await reader.read()
