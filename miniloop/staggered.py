"""Happy Eyeballs: which of a host's addresses to connect to.

Purpose: a host may have IPv6 and IPv4 addresses of which some never answer. So the next attempt
begins when the one before has failed or has had some time, and the first to answer is taken (RFC
8305).
Rules: what is begun is also ended: the attempts that are not needed are cancelled, and the socket
of one that succeeds in the same moment is closed.
This file does not know how one attempt is made: that is connections.py. Read combinators.py first.
"""

from __future__ import annotations

from itertools import chain, zip_longest

from .combinators import FIRST_COMPLETED, wait
from .events import Coro, Loop, get_running_loop
from .futures import Future
from .hints import Any, Callable, Iterable, T, TypeAlias
from .tasks import create_task

#: An entry of getaddrinfo(): family, type, proto, name, address.
AddrInfo: TypeAlias = tuple[Any, ...]


async def staggered_race(
    coro_fns: Iterable[Callable[[], Coro[T]]], delay: float | None, *, loop: Loop | None = None
) -> tuple[T | None, int | None, list[BaseException | None]]:
    """Return the result and the number of the first attempt to succeed, and all exceptions.

    Each of the coroutine functions is called `delay` seconds after the one before, or when that has
    failed; None: only when it has failed. If all fail, result and number are None.
    """
    exceptions: list[BaseException | None] = []

    async def attempt(index: int, coro_fn: Callable[[], Coro[T]]) -> tuple[T, int]:
        try:
            return await coro_fn(), index
        except BaseException as exc:
            exceptions[index] = exc
            raise

    now = (loop or get_running_loop()).time
    waiting = list(coro_fns)
    running: set[Future[tuple[T, int]]] = set()
    winners: list[Future[tuple[T, int]]] = []
    may_start = True  # the next attempt
    try:
        while not winners and (waiting or running):
            if waiting and may_start:
                exceptions.append(None)
                newest = create_task(attempt(len(exceptions) - 1, waiting.pop(0)))
                running.add(newest)
                next_start = now() + (delay or 0)
            patience = None if delay is None or not waiting else max(0, next_start - now())
            done, running = await wait(running, timeout=patience, return_when=FIRST_COMPLETED)
            may_start = not done or newest in done  # nothing is done: the delay is over
            winners = [task for task in done if not task.cancelled() and not task.exception()]
    finally:
        for loser in running.union(winners[1:]):
            loser.cancel()
            loser.add_done_callback(_close_late_socket)
    if running:
        await wait(running)
    return (*winners[0].result(), exceptions) if winners else (None, None, exceptions)


def _close_late_socket(loser: Future[tuple[Any, int]]) -> None:
    if not loser.cancelled() and loser.exception() is None:
        loser.result()[0].close()


def _interleave(infos: list[AddrInfo], first_family_count: int) -> list[AddrInfo]:
    """The addresses with families taking turns, after so many less one of the first family."""
    by_family: dict[int, list[AddrInfo]] = {}
    for info in infos:
        by_family.setdefault(info[0], []).append(info)
    first, *others = by_family.values()
    head = first[: first_family_count - 1]
    return [*head, *filter(None, chain.from_iterable(zip_longest(first[len(head) :], *others)))]
