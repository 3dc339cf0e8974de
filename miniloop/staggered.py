"""Happy Eyeballs: which of a host's addresses to connect to.

Purpose: a host may have IPv6 and IPv4 addresses of which some never answer. So the next attempt
begins when those before have failed or have had some time, and the first to answer is taken (RFC
8305).
Rules: what is begun is also ended: the attempts that are not needed are cancelled, and the socket
of one that succeeds in the same moment is closed.
This file does not know how one attempt is made: that is connections.py. Read combinators.py first.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Iterable
from socket import socket
from typing import Any, TypeAlias

from .combinators import FIRST_COMPLETED, wait
from .events import Coro
from .futures import Future
from .tasks import create_task

#: An entry of getaddrinfo(): family, type, proto, name, address.
AddrInfo: TypeAlias = tuple[Any, ...]
Attempt: TypeAlias = Callable[[], Coro[socket | None]]


async def _staggered_race(attempts: Iterable[Attempt], delay: float) -> socket | None:
    """The socket of the first attempt to make one; each begins `delay` seconds after the last."""
    waiting = deque(attempts)
    running: set[Future[socket | None]] = set()
    try:
        while waiting or running:
            if waiting:
                running.add(create_task(waiting.popleft()()))
            patience = delay if waiting else None
            done, _ = await wait(running, timeout=patience, return_when=FIRST_COMPLETED)
            for attempt in done:
                running.remove(attempt)
                if attempt.result() is not None:
                    return attempt.result()
        return None
    finally:
        for attempt in running:
            attempt.cancel()
            attempt.add_done_callback(_close_late_socket)


def _close_late_socket(attempt: Future[socket | None]) -> None:
    if not attempt.cancelled() and attempt.exception() is None and (sock := attempt.result()):
        sock.close()


def _interleave(infos: list[AddrInfo], first_family_count: int) -> list[AddrInfo]:
    """The addresses with families taking turns, after so many less one of the first family."""
    by_family: dict[int, list[AddrInfo]] = {}
    for info in infos:
        by_family.setdefault(info[0], []).append(info)
    families = list(by_family.values())
    head = families[0][: first_family_count - 1]
    families[0] = families[0][len(head) :]
    mixed = itertools.chain.from_iterable(itertools.zip_longest(*families))
    return head + [info for info in mixed if info is not None]
