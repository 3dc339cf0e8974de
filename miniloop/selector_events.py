"""Waiting for file descriptors: what the loop does while nothing is ready.

Purpose: `BaseSelectorEventLoop` gives the loop a selector (epoll, kqueue…) to wait with, callbacks
for descriptors that can be read or written, and a socket to itself by which another thread wakes it
up.
Rules: the selector holds, for each descriptor, a Handle for reading and one for writing.
Those are put into the ready queue as often as the descriptor is found ready, until they are
removed.
This file does not know what is read or written. Read base_events.py first.
"""

from __future__ import annotations

import selectors
import socket
from selectors import EVENT_READ, EVENT_WRITE, SelectorKey
from weakref import WeakValueDictionary

from .base_events import BaseEventLoop
from .events import Callback, Handle
from .format_helpers import logger
from .hints import Any, Iterable, TypeAlias

#: A descriptor's number, or an object with a method `fileno()`.
FileDescriptorLike: TypeAlias = Any
#: Whom each event of a descriptor belongs to.
Handles: TypeAlias = dict[int, Handle | None]


class BaseSelectorEventLoop(BaseEventLoop):
    """An event loop that waits by a selector of the standard library."""

    def __init__(self, selector: selectors.BaseSelector | None = None) -> None:
        super().__init__()
        self._selector = selectors.DefaultSelector() if selector is None else selector
        #: The transport that owns a descriptor; nobody else may then watch it.
        self._transports: WeakValueDictionary[int, Any] = WeakValueDictionary()
        # How many the selector watches, the wake-up socket included.
        self._descriptors = 0
        self._ssock, self._csock = socket.socketpair()
        self._ssock.setblocking(False)
        self._csock.setblocking(False)
        self._add_reader(self._ssock.fileno(), self._read_from_self)

    def close(self) -> None:
        """Forget all callbacks, close the selector and let the loop never run again."""
        if not self._closed and not self.is_running():
            self._remove_reader(self._ssock.fileno())
            self._ssock.close()
            self._csock.close()
            self._selector.close()
        super().close()

    # -- the wake-up socket ------------------------------------------------------------------------

    def _write_to_self(self) -> None:
        try:
            self._csock.send(b"\0")
        except BlockingIOError:
            return  # full, for a busy loop does not read it; there is enough to wake up from
        except OSError:  # closed by close(), in another thread
            logger.debug("Fail to write a null byte into the self-pipe socket", exc_info=True)

    def _read_from_self(self) -> None:
        # Once: were there more than this, the selector would say so again. To read until there is
        # nothing costs a second system call, and an exception, for each call from a thread.
        try:
            self._process_self_data(self._ssock.recv(4096))
        except BlockingIOError:
            return  # made ready twice: Ctrl-C has left the turn before this was called

    def _process_self_data(self, data: bytes) -> None:
        """What comes in was there to wake the loop up; unix_events.py finds more in it."""

    # -- watching descriptors ----------------------------------------------------------------------

    def add_reader(self, fd: FileDescriptorLike, callback: Callback, *args: Any) -> None:
        """Call `callback(*args)` whenever `fd` can be read; it replaces an earlier reader."""
        self._ensure_fd_no_transport(fd)
        self._add_reader(fd, callback, *args)

    def remove_reader(self, fd: FileDescriptorLike) -> bool:
        """Stop watching `fd` for reading; return True if there was a reader."""
        self._ensure_fd_no_transport(fd)
        return self._remove_reader(fd)

    def add_writer(self, fd: FileDescriptorLike, callback: Callback, *args: Any) -> None:
        """Call `callback(*args)` whenever `fd` can be written; it replaces an earlier writer."""
        self._ensure_fd_no_transport(fd)
        self._add_writer(fd, callback, *args)

    def remove_writer(self, fd: FileDescriptorLike) -> bool:
        """Stop watching `fd` for writing; return True if there was a writer."""
        self._ensure_fd_no_transport(fd)
        return self._remove_writer(fd)

    def _ensure_fd_no_transport(self, fd: FileDescriptorLike) -> None:
        try:
            number = fd if isinstance(fd, int) else int(fd.fileno())
        except (AttributeError, TypeError, ValueError):
            raise ValueError(f"Invalid file object: {fd!r}") from None
        transport = self._transports.get(number)
        if transport and not transport.is_closing():
            raise RuntimeError(f"File descriptor {fd!r} is used by transport {transport!r}")

    def _add_reader(self, fd: FileDescriptorLike, callback: Callback, *args: Any) -> Handle:
        return self._watch(fd, EVENT_READ, Handle(callback, args, self))

    def _add_writer(self, fd: FileDescriptorLike, callback: Callback, *args: Any) -> Handle:
        return self._watch(fd, EVENT_WRITE, Handle(callback, args, self))

    def _watch(self, fd: FileDescriptorLike, event: int, handle: Handle) -> Handle:
        self._check_closed()
        self._exchange(fd, event, handle)
        return handle

    def _remove_reader(self, fd: FileDescriptorLike) -> bool:
        return self._exchange(fd, EVENT_READ, None)

    def _remove_writer(self, fd: FileDescriptorLike) -> bool:
        return self._exchange(fd, EVENT_WRITE, None)

    def _exchange(self, fd: FileDescriptorLike, event: int, handle: Handle | None) -> bool:
        """Give an event of `fd` to `handle`, or to nobody; return True if somebody had it."""
        mask, handles = self._watched(fd)
        before = handles.get(event)
        if before is None and handle is None:
            return False
        after = {**handles, event: handle}
        events = mask | event if handle is not None else mask & ~event
        if not mask:
            self._selector.register(fd, events, after)
            self._descriptors += 1
        elif events:
            self._selector.modify(fd, events, after)
        else:
            self._selector.unregister(fd)
            self._descriptors -= 1
        self._must_poll = self._descriptors > 1
        if before is None:
            return False
        before.cancel()
        return True

    def _watched(self, fd: FileDescriptorLike) -> tuple[int, Handles]:
        """The events that `fd` is watched for, and by whom; none in a closed loop."""
        key = None if self._closed else self._selector.get_map().get(fd)
        return (0, {}) if key is None else (key.events, key.data)

    def _process_events(self, event_list: Iterable[tuple[SelectorKey, int]]) -> None:
        for key, mask in event_list:
            for event in (EVENT_READ, EVENT_WRITE):
                if mask & event and (handle := key.data.get(event)) is not None:
                    self._ready.append(handle)
