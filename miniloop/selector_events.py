"""Watching file descriptors: how the loop waits, and how other threads wake it up.

Purpose: give the loop a selector (epoll, kqueue…) to wait with, callbacks for descriptors that can
be read or written, and a socket pair by which another thread or a signal wakes it up.
Invariants: for each watched descriptor, the selector stores a dictionary with a Handle for reading,
for writing, or for both. A Handle enters the ready queue each time the selector reports the
descriptor, until it is removed.
The functions take the loop as their first argument: they are the methods of BaseSelectorEventLoop
(see unix_events.py). This file does not depend on what is read or written. Read kernel.py first.
"""

from __future__ import annotations

import socket
from contextvars import Context
from selectors import EVENT_READ, EVENT_WRITE, BaseSelector, DefaultSelector, SelectorKey

from .abstract import FileDescriptorLike
from .events import Callback, Handle, Loop
from .format_helpers import logger
from .hints import Any, Iterable

# -- opening, closing, and waking up ---------------------------------------------------------------


def _open(loop: Loop, selector: BaseSelector | None) -> None:
    """Give the loop its selector and its wake-up socket."""
    loop._selector = DefaultSelector() if selector is None else selector
    # A selector waits only for descriptors. So every wake-up is a byte on a socket: the interpreter
    # writes the number of a signal into `_csock`, and call_soon_threadsafe() writes a zero byte.
    # The loop reads both from `_ssock`. Both ends are non-blocking: writing to a full buffer must
    # not block a thread, and reading from an empty one must not block the loop.
    loop._ssock, loop._csock = socket.socketpair()
    loop._ssock.setblocking(False)
    loop._csock.setblocking(False)
    loop._add_reader(loop._ssock.fileno(), loop._read_from_self)


def _close_selector(loop: Loop) -> None:
    """Close what `_open` has opened; no effect on a loop that has no wake-up socket."""
    if loop._ssock is not None:  # a loop derived directly from BaseEventLoop has none
        loop._remove_reader(loop._ssock.fileno())
        loop._ssock.close()
        loop._csock.close()
        loop._selector.close()


def _write_to_self(loop: Loop) -> None:
    """Wake the loop up from select().

    Any thread may call this, even while another thread is closing the loop.
    """
    try:
        loop._csock.send(b"\0")
    except BlockingIOError:
        return  # the buffer is full: enough bytes are there to wake the loop up
    except OSError:  # another thread has closed the loop
        logger.debug("Fail to write a null byte into the self-pipe socket", exc_info=True)


def _read_from_self(loop: Loop) -> None:
    # One recv is enough: the selector is level-triggered and will report again. Calling recv()
    # until it raises BlockingIOError would cost a second system call and an exception for each
    # wake-up.
    try:
        loop._process_self_data(loop._ssock.recv(4096))
    except BlockingIOError:
        # A KeyboardInterrupt can leave this handle in the ready queue. The next run_forever() calls
        # select() before it runs the queue, and adds the handle a second time. The second recv()
        # then finds nothing.
        return


# -- watching descriptors --------------------------------------------------------------------------


def add_reader(loop: Loop, fd: FileDescriptorLike, callback: Callback, *args: Any) -> None:
    """Call `callback(*args)` whenever `fd` can be read; this replaces an earlier reader.

    Raises RuntimeError if a transport uses the descriptor, ValueError if `fd` is not a descriptor.
    """
    loop._ensure_fd_no_transport(fd)
    loop._add_reader(fd, callback, *args)


def remove_reader(loop: Loop, fd: FileDescriptorLike) -> bool:
    """Stop watching `fd` for reading; return True if there was a reader."""
    loop._ensure_fd_no_transport(fd)
    return _remove_reader(loop, fd)


def add_writer(loop: Loop, fd: FileDescriptorLike, callback: Callback, *args: Any) -> None:
    """Call `callback(*args)` whenever `fd` can be written; this replaces an earlier writer.

    Raises RuntimeError if a transport uses the descriptor, ValueError if `fd` is not a descriptor.
    """
    loop._ensure_fd_no_transport(fd)
    loop._add_writer(fd, callback, *args)


def remove_writer(loop: Loop, fd: FileDescriptorLike) -> bool:
    """Stop watching `fd` for writing; return True if there was a writer."""
    loop._ensure_fd_no_transport(fd)
    return _remove_writer(loop, fd)


def _ensure_fd_no_transport(loop: Loop, fd: FileDescriptorLike) -> None:
    try:
        number = fd if isinstance(fd, int) else int(fd.fileno())
    except (AttributeError, TypeError, ValueError):
        raise ValueError(f"Invalid file object: {fd!r}") from None
    transport = loop._transports.get(number)
    # A transport that is closing no longer reads, so the program may watch the descriptor until the
    # transport closes it. As in asyncio, a program that adds a writer now replaces that of the
    # transport.
    if transport and not transport.is_closing():
        raise RuntimeError(f"File descriptor {fd!r} is used by transport {transport!r}")


def _add_reader(loop: Loop, fd: FileDescriptorLike, callback: Callback, *args: Any,
                context: Context | None = None) -> Handle:  # fmt: skip
    return _watch(loop, fd, EVENT_READ, Handle(callback, args, loop, context))


def _add_writer(loop: Loop, fd: FileDescriptorLike, callback: Callback, *args: Any,
                context: Context | None = None) -> Handle:  # fmt: skip
    return _watch(loop, fd, EVENT_WRITE, Handle(callback, args, loop, context))


def _watch(loop: Loop, fd: FileDescriptorLike, event: int, handle: Handle) -> Handle:
    loop._check_closed()
    _set_handle(loop, fd, event, handle)
    return handle


def _remove_reader(loop: Loop, fd: FileDescriptorLike) -> bool:
    return _set_handle(loop, fd, EVENT_READ, None)


def _remove_writer(loop: Loop, fd: FileDescriptorLike) -> bool:
    return _set_handle(loop, fd, EVENT_WRITE, None)


def _set_handle(loop: Loop, fd: FileDescriptorLike, event: int, handle: Handle | None) -> bool:
    """Set the handle for one event of `fd`; None removes it.

    Return True if there was a handle before.
    """
    mask, handles = _watched(loop, fd)
    before = handles.get(event)
    if before is None and handle is None:
        return False
    # A new dictionary: if the selector refuses the descriptor (epoll does not watch regular files),
    # it raises, and nothing has changed.
    after = {**handles, event: handle}
    events = mask | event if handle is not None else mask & ~event
    # A selector needs three methods for one operation: set the events of a descriptor.
    if not mask:
        loop._selector.register(fd, events, after)
    elif events:
        loop._selector.modify(fd, events, after)
    else:
        loop._selector.unregister(fd)
    loop._poll_always = len(loop._selector.get_map()) > 1  # more than the wake-up socket
    if before is None:
        return False
    # The old handle may be in the ready queue already. It is cancelled, so that it is not called
    # after remove_reader().
    before.cancel()
    return True


def _watched(loop: Loop, fd: FileDescriptorLike) -> tuple[int, dict[int, Handle | None]]:
    """Return the events that `fd` is watched for, and their handles.

    Return (0, {}) if it is not watched or the loop is closed.
    """
    # A closed selector has no map: asking it would raise.
    key = None if loop._closed else loop._selector.get_map().get(fd)
    return (0, {}) if key is None else (key.events, key.data)


def _process_events(loop: Loop, event_list: Iterable[tuple[SelectorKey, int]]) -> None:
    """Put the handles of ready descriptors into the ready queue.

    The reader of a descriptor comes before its writer.
    """
    # The handles are not called here: a callback can close a descriptor that comes later in this
    # list.
    for key, mask in event_list:
        for event in (EVENT_READ, EVENT_WRITE):
            if mask & event and (handle := key.data.get(event)) is not None:
                loop._ready.append(handle)
