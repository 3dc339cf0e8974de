"""What an event loop and a server offer: every method by name, none of them implemented.

Purpose: `AbstractEventLoop`, `AbstractServer` and `AbstractEventLoopPolicy`, for `isinstance`, for
annotations, for mocks made with a spec, and as the list of what an event loop of your own must
have.
Invariants: names, parameters and defaults are those of asyncio 3.15. A method is an `async def`
exactly where the real one is a coroutine: `iscoroutinefunction()` and `create_autospec()` ask that
of the abstract class. SelectorEventLoop may have more parameters, never fewer, except where asyncio
does the same.
This file does not depend on any part of the loop, and a reader of the loop may skip it.
"""

from __future__ import annotations

import os
import sys
from contextvars import Context
from socket import AF_UNSPEC, AI_PASSIVE, socket

from .hints import Any, Awaitable, Callable, Coro, Executor, Iterable, Self, T, TypeAlias

__all__ = ("AbstractEventLoop", "AbstractServer")

# Classes of later files, which this one cannot import.
Future: TypeAlias = Any
Handle: TypeAlias = Any
Protocol: TypeAlias = Any
Task: TypeAlias = Any
Transport: TypeAlias = Any

Callback: TypeAlias = Callable[..., object]
ProtocolFactory: TypeAlias = Callable[[], Protocol]
Connection: TypeAlias = tuple[Transport, Protocol]
TaskFactory: TypeAlias = Callable[..., Any]
ExceptionHandler: TypeAlias = Callable[[Any, dict[str, Any]], object]
#: The address of a socket; its form depends on the family.
Address: TypeAlias = Any
#: A file descriptor's number, or an object with a method `fileno()`.
FileDescriptorLike: TypeAlias = Any
Path: TypeAlias = str | bytes | os.PathLike[str] | os.PathLike[bytes]
#: An SSLContext; True for the default one; None or False for no TLS. `ssl` is slow to import.
SSL: TypeAlias = Any

PIPE = -1  # subprocess.PIPE, which is slow to import


def _call_task_factory(factory: TaskFactory, loop: Any, coro: Any, kwargs: dict[str, Any]) -> Any:
    """Make a task by a task factory, with the arguments that were given to `create_task()`.

    Since Python 3.14, the factory gets all of them. Programs for older versions have factories that
    are plain `(loop, coro)` functions, or take a context only, and the loop sets the name.
    """
    if sys.version_info >= (3, 14):
        return factory(loop, coro, **kwargs)
    name = kwargs.pop("name", None)
    task = factory(loop, coro, **{key: kwargs[key] for key in kwargs if kwargs[key] is not None})
    if name is not None:
        task.set_name(name)
    return task


# fmt: off
# Lists to look things up in: one line a method, where that is enough. What the methods do is said
# where they are implemented: unix_events.py leads there.


class AbstractServer:
    """The base class of servers, which `create_server()` returns."""

    def close(self) -> None: raise NotImplementedError
    def close_clients(self) -> None: raise NotImplementedError
    def abort_clients(self) -> None: raise NotImplementedError
    def get_loop(self) -> AbstractEventLoop: raise NotImplementedError
    def is_serving(self) -> bool: raise NotImplementedError
    async def start_serving(self) -> None: raise NotImplementedError
    async def serve_forever(self) -> None: raise NotImplementedError
    async def wait_closed(self) -> None: raise NotImplementedError
    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        self.close()
        await self.wait_closed()


class AbstractEventLoop:
    """The base class of event loops."""

    # -- running and closing -----------------------------------------------------------------------

    def run_forever(self) -> None: raise NotImplementedError
    def run_until_complete(self, future: Awaitable[T]) -> T: raise NotImplementedError
    def stop(self) -> None: raise NotImplementedError
    def is_running(self) -> bool: raise NotImplementedError
    def is_closed(self) -> bool: raise NotImplementedError
    def close(self) -> None: raise NotImplementedError
    async def shutdown_asyncgens(self) -> None: raise NotImplementedError
    async def shutdown_default_executor(self) -> None: raise NotImplementedError

    # -- callbacks: all but the first two methods return a Handle ----------------------------------

    def time(self) -> float: raise NotImplementedError
    # TimerHandle.cancel() calls this.
    def _timer_handle_cancelled(self, handle: Handle) -> None: raise NotImplementedError
    def call_soon(self, callback: Callback, *args: Any, context: Context | None = None) -> Handle:
        return self.call_later(0, callback, *args, context=context)
    def call_later(self, delay: float, callback: Callback, *args: Any,
                   context: Context | None = None) -> Handle: raise NotImplementedError
    def call_at(self, when: float, callback: Callback, *args: Any,
                context: Context | None = None) -> Handle: raise NotImplementedError
    def call_soon_threadsafe(self, callback: Callback, *args: Any,
                             context: Context | None = None) -> Handle: raise NotImplementedError

    # -- futures and tasks -------------------------------------------------------------------------

    def create_future(self) -> Future: raise NotImplementedError
    def create_task(self, coro: Coro[Any], **kwargs: Any) -> Task: raise NotImplementedError
    def set_task_factory(self, factory: TaskFactory | None) -> None: raise NotImplementedError
    def get_task_factory(self) -> TaskFactory | None: raise NotImplementedError

    # -- threads -----------------------------------------------------------------------------------

    def run_in_executor(self, executor: Executor | None, func: Callable[..., Any],
                        *args: Any) -> Future: raise NotImplementedError
    def set_default_executor(self, executor: Executor) -> None: raise NotImplementedError

    # -- connections and servers -------------------------------------------------------------------

    async def getaddrinfo(self, host: bytes | str | None, port: bytes | str | int | None, *,
                          family: int = 0, type: int = 0, proto: int = 0,
                          flags: int = 0) -> list[tuple[Any, ...]]: raise NotImplementedError
    async def getnameinfo(self, sockaddr: tuple[str, int] | tuple[str, int, int, int],
                          flags: int = 0) -> tuple[str, str]: raise NotImplementedError
    async def create_connection(self, protocol_factory: ProtocolFactory,
            host: str | bytes | None = None, port: str | int | None = None, *, ssl: SSL = None,
            family: int = 0, proto: int = 0, flags: int = 0, sock: socket | None = None,
            local_addr: tuple[str, int] | None = None, server_hostname: str | None = None,
            ssl_handshake_timeout: float | None = None, ssl_shutdown_timeout: float | None = None,
            happy_eyeballs_delay: float | None = None,
            interleave: int | None = None) -> Connection: raise NotImplementedError
    async def create_server(self, protocol_factory: ProtocolFactory,
            host: str | Iterable[str] | None = None, port: str | int | None = None, *,
            family: int = AF_UNSPEC, flags: int = AI_PASSIVE, sock: socket | None = None,
            backlog: int = 100, ssl: SSL = None, reuse_address: bool | None = None,
            reuse_port: bool | None = None, keep_alive: bool | None = None,
            ssl_handshake_timeout: float | None = None, ssl_shutdown_timeout: float | None = None,
            start_serving: bool = True) -> AbstractServer: raise NotImplementedError
    async def create_unix_connection(self, protocol_factory: ProtocolFactory,
            path: Path | None = None, *, ssl: SSL = None, sock: socket | None = None,
            server_hostname: str | None = None, ssl_handshake_timeout: float | None = None,
            ssl_shutdown_timeout: float | None = None) -> Connection: raise NotImplementedError
    async def create_unix_server(self, protocol_factory: ProtocolFactory, path: Path | None = None,
            *, sock: socket | None = None, backlog: int = 100, ssl: SSL = None,
            ssl_handshake_timeout: float | None = None, ssl_shutdown_timeout: float | None = None,
            start_serving: bool = True) -> AbstractServer: raise NotImplementedError
    async def connect_accepted_socket(self, protocol_factory: ProtocolFactory, sock: socket, *,
            ssl: SSL = None, ssl_handshake_timeout: float | None = None,
            ssl_shutdown_timeout: float | None = None) -> Connection: raise NotImplementedError
    async def create_datagram_endpoint(self, protocol_factory: ProtocolFactory,
            local_addr: tuple[str, int] | str | None = None,
            remote_addr: tuple[str, int] | str | None = None, *, family: int = 0, proto: int = 0,
            flags: int = 0, reuse_address: bool | None = None, reuse_port: bool | None = None,
            allow_broadcast: bool | None = None,
            sock: socket | None = None) -> Connection: raise NotImplementedError
    async def start_tls(
        self, transport: Transport, protocol: Protocol, sslcontext: Any, *,
        server_side: bool = False, server_hostname: str | None = None,
        ssl_handshake_timeout: float | None = None, ssl_shutdown_timeout: float | None = None,
    ) -> Transport | None: raise NotImplementedError
    async def sendfile(self, transport: Transport, file: Any, offset: int = 0,
                       count: int | None = None, *, fallback: bool = True) -> int:
        raise NotImplementedError

    # -- pipes and subprocesses --------------------------------------------------------------------

    async def connect_read_pipe(self, protocol_factory: ProtocolFactory, pipe: Any) -> Connection:
        raise NotImplementedError
    async def connect_write_pipe(self, protocol_factory: ProtocolFactory, pipe: Any) -> Connection:
        raise NotImplementedError
    async def subprocess_shell(self, protocol_factory: ProtocolFactory, cmd: str | bytes, *,
                               stdin: Any = PIPE, stdout: Any = PIPE, stderr: Any = PIPE,
                               **kwargs: Any) -> Connection: raise NotImplementedError
    async def subprocess_exec(self, protocol_factory: ProtocolFactory, *args: Any,
                              stdin: Any = PIPE, stdout: Any = PIPE, stderr: Any = PIPE,
                              **kwargs: Any) -> Connection: raise NotImplementedError

    # -- file descriptors: remove_… return whether there was anything to remove --------------------

    def add_reader(self, fd: FileDescriptorLike, callback: Callback, *args: Any) -> None:
        raise NotImplementedError
    def remove_reader(self, fd: FileDescriptorLike) -> bool: raise NotImplementedError
    def add_writer(self, fd: FileDescriptorLike, callback: Callback, *args: Any) -> None:
        raise NotImplementedError
    def remove_writer(self, fd: FileDescriptorLike) -> bool: raise NotImplementedError

    # -- plain non-blocking sockets ----------------------------------------------------------------

    async def sock_recv(self, sock: socket, nbytes: int) -> bytes: raise NotImplementedError
    async def sock_recv_into(self, sock: socket, buf: Any) -> int: raise NotImplementedError
    async def sock_recvfrom(self, sock: socket, bufsize: int) -> tuple[bytes, Address]:
        raise NotImplementedError
    async def sock_recvfrom_into(self, sock: socket, buf: Any,
                                 nbytes: int = 0) -> tuple[int, Address]: raise NotImplementedError
    async def sock_sendall(self, sock: socket, data: Any) -> None: raise NotImplementedError
    async def sock_sendto(self, sock: socket, data: Any, address: Address) -> int:
        raise NotImplementedError
    async def sock_connect(self, sock: socket, address: Address) -> None: raise NotImplementedError
    async def sock_accept(self, sock: socket) -> tuple[socket, Address]: raise NotImplementedError
    async def sock_sendfile(self, sock: socket, file: Any, offset: int = 0,
                            count: int | None = None, *,
                            fallback: Any = None) -> int: raise NotImplementedError

    # -- signals -----------------------------------------------------------------------------------

    def add_signal_handler(self, sig: int, callback: Callback, *args: Any) -> None:
        raise NotImplementedError
    def remove_signal_handler(self, sig: int) -> bool: raise NotImplementedError

    # -- errors and debug mode ---------------------------------------------------------------------

    def get_exception_handler(self) -> ExceptionHandler | None: raise NotImplementedError
    def set_exception_handler(self, handler: ExceptionHandler | None) -> None:
        raise NotImplementedError
    def default_exception_handler(self, context: dict[str, Any]) -> None: raise NotImplementedError
    def call_exception_handler(self, context: dict[str, Any]) -> None: raise NotImplementedError
    def get_debug(self) -> bool: raise NotImplementedError
    def set_debug(self, enabled: bool) -> None: raise NotImplementedError


class AbstractEventLoopPolicy:
    """The base class of event loop policies, which are deprecated: see policies.py."""

    def get_event_loop(self) -> AbstractEventLoop: raise NotImplementedError
    def set_event_loop(self, loop: AbstractEventLoop | None) -> None: raise NotImplementedError
    def new_event_loop(self) -> AbstractEventLoop: raise NotImplementedError
# fmt: on
