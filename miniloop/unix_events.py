"""The whole event loop: the table of contents of its methods, and how it is closed.

Purpose: the three classes of asyncio, assembled from the files listed before this one.
`BaseEventLoop` has everything except the selector, `BaseSelectorEventLoop` adds the selector, and
`SelectorEventLoop` is the loop of Unix, which `new_event_loop()` makes.
Invariants: each attribute below is a function of the file that the comment above it names. Its
first parameter is the loop, so in a class it is a method like any other.
This file does not depend on how any of it works. Read it last, because it imports all other files
of the loop; but start here to find the code of a method.

To build a loop of your own, derive from BaseEventLoop and provide three things: `_selector`, an
object with a method `select(timeout)`; `_process_events(events)`, which gets what select() returned
and puts handles into `_ready`; and `_write_to_self()`, which makes select() return.
"""

from __future__ import annotations

from selectors import BaseSelector

# Not sorted: ruff would put each of these files on a line of its own.
# isort: off
from . import asyncgens, connections, datagrams, debug, kernel, policies, reports, selector_events
from . import sendfile, signals, sockets, sslproto, subprocess, threads

# isort: on

__all__ = ("BaseEventLoop", "EventLoop", "SelectorEventLoop")


class BaseEventLoop(kernel.Kernel):
    """Everything but the selector. A program may derive a loop of its own from it."""

    def __init__(self) -> None:
        super().__init__()
        self.set_debug(debug._is_debug_mode())

    def close(self) -> None:
        """Close the loop: it never runs again.

        Closed are, in this order: the wake-up socket and the selector; the ready queue and the
        timers, whose entries are dropped; the default executor, without waiting for its threads;
        the signal handlers. Raises RuntimeError while the loop runs. A second call has no effect.
        """
        if self.is_running():
            raise RuntimeError("Cannot close a running event loop")
        if self._closed:
            return
        selector_events._close_selector(self)
        self._closed = True
        self._drop_entries()
        threads._close_executor(self)
        # Last, because removing a handler raises ValueError outside the main thread. The loop is
        # closed then all the same.
        signals._remove_all_handlers(self)

    # kernel.py: time, call_soon, call_later, call_at, create_future, create_task,
    # set_task_factory, get_task_factory, run_forever, run_until_complete, stop, is_running,
    # is_closed

    # reports.py: exceptions that nobody catches
    set_exception_handler = reports.set_exception_handler
    get_exception_handler = reports.get_exception_handler
    call_exception_handler = reports.call_exception_handler
    default_exception_handler = reports.default_exception_handler

    # debug.py
    get_debug = debug.get_debug
    set_debug = debug.set_debug
    _check_call = debug._check_call
    _check_thread = debug._check_thread
    _set_coroutine_origin_tracking = debug._set_coroutine_origin_tracking

    # asyncgens.py: asynchronous generators that are left suspended
    shutdown_asyncgens = asyncgens.shutdown_asyncgens
    _asyncgen_firstiter_hook = asyncgens._asyncgen_firstiter_hook
    _asyncgen_finalizer_hook = asyncgens._asyncgen_finalizer_hook

    # threads.py: calls from other threads, and blocking calls in other threads
    call_soon_threadsafe = threads.call_soon_threadsafe
    run_in_executor = threads.run_in_executor
    set_default_executor = threads.set_default_executor
    shutdown_default_executor = threads.shutdown_default_executor
    getaddrinfo = threads.getaddrinfo
    getnameinfo = threads.getnameinfo

    # connections.py, sslproto.py, datagrams.py: transports and protocols over sockets
    create_connection = connections.create_connection
    create_server = connections.create_server
    connect_accepted_socket = connections.connect_accepted_socket
    start_tls = sslproto.start_tls
    create_datagram_endpoint = datagrams.create_datagram_endpoint  # type: ignore[assignment]

    # sockets.py: the addresses of a host
    _ensure_resolved = sockets._ensure_resolved

    # sendfile.py
    sock_sendfile = sendfile.sock_sendfile
    _sock_sendfile_native = sendfile._no_sendfile
    sendfile = sendfile.sendfile

    # subprocess.py: pipes and child processes
    connect_read_pipe = subprocess.connect_read_pipe
    connect_write_pipe = subprocess.connect_write_pipe
    subprocess_exec = subprocess.subprocess_exec  # type: ignore[assignment]
    subprocess_shell = subprocess.subprocess_shell


class BaseSelectorEventLoop(BaseEventLoop):
    """A loop that waits with a selector of the standard library."""

    def __init__(self, selector: BaseSelector | None = None) -> None:
        """`selector` is by default the best one that the system has."""
        super().__init__()
        selector_events._open(self, selector)

    # selector_events.py: callbacks for file descriptors
    add_reader = selector_events.add_reader
    remove_reader = selector_events.remove_reader
    add_writer = selector_events.add_writer
    remove_writer = selector_events.remove_writer
    _add_reader = selector_events._add_reader
    _remove_reader = selector_events._remove_reader
    _add_writer = selector_events._add_writer
    _remove_writer = selector_events._remove_writer
    _ensure_fd_no_transport = selector_events._ensure_fd_no_transport
    _process_events = selector_events._process_events
    _write_to_self = selector_events._write_to_self
    _read_from_self = selector_events._read_from_self

    # signals.py: what the wake-up socket receives
    _process_self_data = signals._process_self_data

    # sockets.py: coroutines on a plain non-blocking socket
    sock_recv = sockets.sock_recv  # type: ignore[assignment]
    sock_recv_into = sockets.sock_recv_into
    sock_recvfrom = sockets.sock_recvfrom
    sock_recvfrom_into = sockets.sock_recvfrom_into
    sock_sendall = sockets.sock_sendall
    sock_sendto = sockets.sock_sendto
    sock_connect = sockets.sock_connect
    sock_accept = sockets.sock_accept


class SelectorEventLoop(BaseSelectorEventLoop):
    """The event loop of Unix systems."""

    # signals.py
    add_signal_handler = signals.add_signal_handler
    remove_signal_handler = signals.remove_signal_handler
    _check_signal = staticmethod(signals._check_signal)

    # connections.py: the same over Unix sockets
    create_unix_connection = connections.create_unix_connection
    create_unix_server = connections.create_unix_server

    # sendfile.py, with os.sendfile
    _sock_sendfile_native = sendfile._sock_sendfile_native


EventLoop = SelectorEventLoop

policies.DefaultEventLoopPolicy._loop_factory = SelectorEventLoop
