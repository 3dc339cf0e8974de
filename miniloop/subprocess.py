"""Subprocesses: child processes, their pipes, and their end.

Purpose: `create_subprocess_exec` and `create_subprocess_shell` give a Process with streams to talk
to it; underneath, a transport tells a protocol of all its pipes and of its end.
Rules: for `wait()` a process has ended when its exit status is known and its pipes are closed. It
is signalled only while that status is not known: then its number may belong to another process.
This file does not know how a process is started: that is the standard library's Popen. Nor AIX,
where a pipe does not show its writer that nobody reads. Read pipes.py and streams.py first.
"""

from __future__ import annotations

import os
import threading
import warnings
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from io import FileIO
from signal import SIGKILL, SIGTERM

from . import events
from .combinators import gather
from .connections import ProtocolFactory
from .events import Loop
from .exceptions import CancelledError
from .format_helpers import logger
from .hints import Any, Final, Popen, TypeAlias
from .locks import Event
from .pipes import PipesEventLoop, _UnixReadPipeTransport, _UnixWritePipeTransport
from .protocols import BaseProtocol, Protocol, SubprocessProtocol
from .streams import DEFAULT_LIMIT, FlowControlMixin, StreamReader, StreamWriter
from .tasks import sleep
from .transports import BaseTransport, Buffer, SubprocessTransport

__all__ = ("create_subprocess_exec", "create_subprocess_shell")

# As in the standard library's subprocess, which only those who start a process have to load.
PIPE, STDOUT, DEVNULL = -1, -2, -3

#: A file, its descriptor, one of the three above, or None: what this process has.
Stdio: TypeAlias = Any

# -- the end of a child ----------------------------------------------------------------------------


def _watch_by_pidfd(loop: Loop, pid: int, exited: Callable[[int], None]) -> None:
    """Call `exited` with the status of the child when it ends: its pidfd can be read then."""

    def reap() -> None:
        loop._remove_reader(pidfd)
        pidfd.close()
        exited(_reap(pid))

    try:
        pidfd = FileIO(os.pidfd_open(pid))  # a file closes itself where the loop is closed before
    except OSError:
        # An old kernel, one that forbids it, no descriptor left, or a child that is reaped already.
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


_watch_child = _watch_by_pidfd if hasattr(os, "pidfd_open") else _watch_by_thread

# -- transport and loop ----------------------------------------------------------------------------


class _PipeProtocol(Protocol):
    """Tells the transport of the process what happens at one of its pipes."""

    def __init__(self, process: BaseSubprocessTransport, fd: int) -> None:
        self._process = process
        self._fd = fd

    def data_received(self, data: bytes) -> None:
        self._process._tell("pipe_data_received", self._fd, data)

    def connection_lost(self, exc: Exception | None) -> None:
        self._process._pipe_lost(self._fd, exc)

    def pause_writing(self) -> None:
        self._process._protocol.pause_writing()

    def resume_writing(self) -> None:
        self._process._protocol.resume_writing()


class BaseSubprocessTransport(SubprocessTransport):
    """A child process and its pipes."""

    def __init__(self, loop: Loop, protocol: Any, process: Popen[bytes]) -> None:
        super().__init__({"subprocess": process})
        self._loop = loop  # None once all is over, like the next two
        self._protocol = protocol
        self._proc: Any = process
        self._pid = process.pid
        self._closed = False
        self._returncode: int | None = None
        self._ended = Event()  # what wait() waits for
        self._pipes: dict[int, Any] = {}  # their transports, by the descriptor in the child
        # All at once, and not by connect_read_pipe(): so no cancellation finds some of them open,
        # and nothing of what they tell comes before connection_made.
        for fd, file in enumerate((process.stdin, process.stdout, process.stderr)):
            if file is not None:
                kind = _UnixWritePipeTransport if fd == 0 else _UnixReadPipeTransport
                self._pipes[fd] = kind(loop, file, _PipeProtocol(self, fd))
        self._connected = set(self._pipes)  # those that are not lost
        loop.call_soon(protocol.connection_made, self)

    def _tell(self, event: str, *args: Any) -> None:
        """Tell the protocol; and of the end, if this was the last there was to tell."""
        self._loop.call_soon(getattr(self._protocol, event), *args)
        if self._returncode is not None and not self._connected:
            self._loop.call_soon(self._call_connection_lost)

    def _pipe_lost(self, fd: int, exc: Exception | None) -> None:
        self._connected.remove(fd)
        self._tell("pipe_connection_lost", fd, exc)

    def _process_exited(self, returncode: int) -> None:
        if self._loop.get_debug():
            logger.info("%r exited with return code %r", self, returncode)
        self._returncode = returncode
        if self._proc.returncode is None:
            self._proc.returncode = returncode  # else Popen would look for the process itself
        self._tell("process_exited")

    def _call_connection_lost(self) -> None:
        try:
            self._protocol.connection_lost(None)
        finally:
            self._ended.set()
            self._protocol = self._proc = self._loop = None

    async def _wait(self) -> int | None:
        if self._returncode is None:
            await self._ended.wait()
        return self._returncode

    def set_protocol(self, protocol: BaseProtocol) -> None:
        """Let `protocol` have what happens from now on."""
        self._protocol = protocol

    def get_protocol(self) -> BaseProtocol:
        """Return the protocol."""
        return self._protocol  # type: ignore[no-any-return]

    def is_closing(self) -> bool:
        """Return True once the transport closes or has closed."""
        return self._closed

    def get_pid(self) -> int:
        """Return the number of the process."""
        return self._pid

    def get_returncode(self) -> int | None:
        """Return the exit status, the negative signal number, or None while the process lives."""
        return self._returncode

    def get_pipe_transport(self, fd: int) -> BaseTransport | None:
        """Return the transport of the child's stdin (0), stdout (1) or stderr (2), if piped."""
        return self._pipes.get(fd)

    def send_signal(self, signal: int) -> None:
        """Send a signal; ProcessLookupError if the process is gone."""
        if self._proc is None:
            raise ProcessLookupError
        if self._returncode is None:
            with suppress(ProcessLookupError):  # it has ended, and we shall hear of it
                os.kill(self._pid, signal)

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
        if self._loop is not None and not self._loop.is_closed():
            for pipe in self._pipes.values():
                pipe.close()
        # Not by Popen: its poll() would take the status from whoever watches the child.
        if self._returncode is None and self._proc.returncode is None:
            if self._loop.get_debug():
                logger.warning("Close running child process: kill %r", self)
            with suppress(PermissionError):  # it may run as another user
                self.kill()

    def __del__(self) -> None:
        if not self._closed:
            warnings.warn(f"unclosed transport {self!r}", ResourceWarning, source=self)
            self.close()

    def __repr__(self) -> str:
        closed = " closed" if self._closed else ""
        state = "running" if self._returncode is None else f"returncode={self._returncode}"
        return f"<{type(self).__name__}{closed} pid={self._pid} {state}>"


class SubprocessEventLoop(PipesEventLoop):
    """The loop's chapter on child processes."""

    async def subprocess_shell(
        self, protocol_factory: ProtocolFactory, cmd: str | bytes, *, stdin: Stdio = PIPE,
        stdout: Stdio = PIPE, stderr: Stdio = PIPE, universal_newlines: bool = False,
        shell: bool = True, bufsize: int = 0, encoding: str | None = None,
        errors: str | None = None, text: bool | None = None, **kwargs: Any,
    ) -> tuple[Any, Any]:  # fmt: skip
        """Let the shell run `cmd`, and return transport and protocol; see subprocess_exec."""
        if not isinstance(cmd, bytes | str):
            raise ValueError("cmd must be a string")
        if not shell:
            raise ValueError("shell must be True")
        _check_raw(universal_newlines, bufsize, text, encoding, errors)
        kwargs.update(stdin=stdin, stdout=stdout, stderr=stderr, shell=True)
        return await self._spawn(protocol_factory, f"run shell command {cmd!r}", cmd, kwargs)

    async def subprocess_exec(
        self, protocol_factory: ProtocolFactory, program: Any, *args: Any, stdin: Stdio = PIPE,
        stdout: Stdio = PIPE, stderr: Stdio = PIPE, universal_newlines: bool = False,
        shell: bool = False, bufsize: int = 0, encoding: str | None = None,
        errors: str | None = None, text: bool | None = None, **kwargs: Any,
    ) -> tuple[Any, Any]:  # fmt: skip
        """Run `program` with `args`, and return transport and protocol, a SubprocessProtocol.

        The other keywords are those of subprocess.Popen, but the pipes carry bytes, unbuffered:
        ValueError for anything else. Raises OSError if the program cannot be started.
        """
        if shell:
            raise ValueError("shell must be False")
        _check_raw(universal_newlines, bufsize, text, encoding, errors)
        kwargs.update(stdin=stdin, stdout=stdout, stderr=stderr)
        what = f"execute program {program!r}"  # without `args`: a password may be among them
        return await self._spawn(protocol_factory, what, (program, *args), kwargs)

    async def _spawn(
        self, factory: ProtocolFactory, what: str, args: Any, options: dict[str, Any]
    ) -> tuple[Any, Any]:
        import subprocess

        protocol = factory()
        process = subprocess.Popen(args, bufsize=0, **options)
        transport = BaseSubprocessTransport(self, protocol, process)
        try:
            _watch_child(self, transport.get_pid(), transport._process_exited)
            await sleep(0)  # connection_made stands before this task in the ready queue
        except BaseException as exc:
            transport.close()
            if isinstance(exc, CancelledError):
                await transport._wait()
            raise
        if self._debug:
            logger.info("%s: %r", what, transport)
        return transport, protocol


_RAW: Final = {"universal_newlines": False, "bufsize": 0, "text": False, "encoding": None,
               "errors": None}  # fmt: skip


def _check_raw(*given: object) -> None:
    """Refuse what would make text of the bytes in the pipes, or buffer them."""
    for value, (name, needed) in zip(given, _RAW.items(), strict=True):
        if value not in (needed, None):
            raise ValueError(f"{name} must be {needed}")


# -- the process as programs see it ----------------------------------------------------------------


async def create_subprocess_shell(
    cmd: str | bytes, stdin: Stdio = None, stdout: Stdio = None, stderr: Stdio = None,
    limit: int = DEFAULT_LIMIT, **kwds: Any,
) -> Process:  # fmt: skip
    """Let the shell run `cmd`, and return its Process; see create_subprocess_exec."""
    loop = events.get_running_loop()
    kwds.update(stdin=stdin, stdout=stdout, stderr=stderr)
    _, process = await loop.subprocess_shell(partial(Process, limit, loop), cmd, **kwds)
    return process  # type: ignore[no-any-return]


async def create_subprocess_exec(
    program: Any, *args: Any, stdin: Stdio = None, stdout: Stdio = None, stderr: Stdio = None,
    limit: int = DEFAULT_LIMIT, **kwds: Any,
) -> Process:  # fmt: skip
    """Run `program` with `args`, and return its Process.

    Each of stdin, stdout and stderr that is PIPE becomes a stream; `limit`, in bytes, is that of
    the readers. `kwds` are those of `loop.subprocess_exec`. Raises OSError if it cannot be started.
    """
    loop = events.get_running_loop()
    kwds.update(stdin=stdin, stdout=stdout, stderr=stderr)
    _, process = await loop.subprocess_exec(partial(Process, limit, loop), program, *args, **kwds)
    return process  # type: ignore[no-any-return]


class Process(FlowControlMixin, SubprocessProtocol):
    """A child process: `pid`, and the streams `stdin`, `stdout` and `stderr`, None if not piped.

    It is itself the protocol that its transport tells of pipes and end.
    """

    stdin: StreamWriter | None = None
    stdout: StreamReader | None = None
    stderr: StreamReader | None = None

    def __init__(self, limit: int, loop: Loop) -> None:
        super().__init__(loop)
        self._limit = limit
        self._readers: dict[int, StreamReader] = {}  # of the pipes that are not lost

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
        reads = (_read_all(self.stdout), _read_all(self.stderr))
        _, stdout, stderr = await gather(self._feed_stdin(input), *reads)
        await self.wait()
        return stdout, stderr

    async def _feed_stdin(self, input: Buffer | None) -> None:
        if self.stdin is None:
            return
        try:
            if input is not None:
                self.stdin.write(input)
            await self.stdin.drain()
        except (BrokenPipeError, ConnectionResetError) as exc:
            if self._loop.get_debug():
                logger.debug("%r communicate: stdin got %r", self, exc)
        self.stdin.close()

    # -- what the transport tells ------------------------------------------------------------------

    def connection_made(self, transport: Any) -> None:
        """Make the streams."""
        self._transport: Any = transport
        self.pid: int = transport.get_pid()
        for fd in (1, 2):
            if (pipe := transport.get_pipe_transport(fd)) is not None:
                self._readers[fd] = StreamReader(self._limit, self._loop)
                self._readers[fd].set_transport(pipe)
        self.stdout, self.stderr = self._readers.get(1), self._readers.get(2)
        if (pipe := transport.get_pipe_transport(0)) is not None:
            self.stdin = StreamWriter(pipe, self, None, self._loop)

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


async def _read_all(stream: StreamReader | None) -> bytes | None:
    return None if stream is None else await stream.read()
