"""Happy Eyeballs: connect to the first address of a host that answers.

Purpose: a host can have several IPv6 and IPv4 addresses, and some of them may never answer. So the
next attempt starts when the newest one has failed or has had some time, and the first attempt that
succeeds is taken (RFC 8305).

Invariants:

- Every attempt that was started has ended when the race returns. The losers are cancelled, and if
  a loser succeeds anyway, its socket is closed. If the race itself is cancelled, it cancels the
  attempts and waits for their end, too (gh-128479).
- Only one attempt wins, even if several succeed in the same iteration.

Does not depend on how an attempt connects: connections.py knows that.
Read first: combinators.py.
"""

from __future__ import annotations

from itertools import chain, zip_longest

from .combinators import FIRST_COMPLETED, wait
from .events import Loop, get_running_loop
from .futures import Future
from .hints import Any, Callable, Coro, Iterable, T, TypeAlias
from .tasks import create_task

#: An entry of getaddrinfo(): family, type, proto, name, address.
AddrInfo: TypeAlias = tuple[Any, ...]


async def staggered_race(
    coro_fns: Iterable[Callable[[], Coro[T]]], delay: float | None, *, loop: Loop | None = None
) -> tuple[T | None, int | None, list[BaseException | None]]:
    """Return the result and the index of the first attempt that succeeds, and all exceptions.

    Each coroutine function is called `delay` seconds after the one before, or as soon as that has
    failed. If `delay` is None, it is called only after a failure. If all attempts fail, result and
    index are None.
    """
    exceptions: list[BaseException | None] = []  # one entry for each attempt that was started

    async def attempt(index: int, coro_fn: Callable[[], Coro[T]]) -> tuple[T, int]:
        try:
            return await coro_fn(), index
        except BaseException as exc:
            exceptions[index] = exc
            raise

    now = (loop or get_running_loop()).time
    not_started = list(coro_fns)
    running: set[Future[tuple[T, int]]] = set()
    winners: list[Future[tuple[T, int]]] = []
    start_next = True
    try:
        while not winners and (not_started or running):
            if not_started and start_next:
                exceptions.append(None)
                newest = create_task(attempt(len(exceptions) - 1, not_started.pop(0)))
                running.add(newest)
                next_start = now() + (delay or 0)
            timeout = None if delay is None or not not_started else max(0, next_start - now())
            done, running = await wait(running, timeout=timeout, return_when=FIRST_COMPLETED)
            # If nothing is done, the delay is over. An older attempt that fails is no reason to
            # start the next one early, because the newest one has not had its time yet.
            start_next = not done or newest in done
            winners = [task for task in done if not task.cancelled() and not task.exception()]
    finally:  # also if this task was cancelled: no attempt may be left running
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
    """Return the addresses in an order in which the families alternate.

    `first_family_count - 1` addresses of the first family come before all others.
    """
    by_family: dict[int, list[AddrInfo]] = {}
    for info in infos:
        by_family.setdefault(info[0], []).append(info)
    first, *others = by_family.values()
    head = first[: first_family_count - 1]
    return [*head, *filter(None, chain.from_iterable(zip_longest(first[len(head) :], *others)))]
