"""Happy Eyeballs: connect to the first address of a host that answers.

Purpose: a host can have several IPv6 and IPv4 addresses, and some of them may never answer. So the
next attempt starts when the newest one has failed or has had some time, and the first attempt that
succeeds is taken (RFC 8305).

Invariants:

- Every attempt that was started has ended when the race returns, or raises CancelledError because
  it was cancelled itself (gh-128479).
- Only one attempt wins: it cancels the others in the step in which it succeeds. So of two that
  could succeed in the same iteration, the second is cancelled and closes its socket.

Does not depend on how an attempt connects: connections.py knows that.
Read first: combinators.py.
"""

from __future__ import annotations

from itertools import chain, zip_longest

from .combinators import FIRST_COMPLETED, wait
from .events import Loop, get_running_loop
from .exceptions import CancelledError
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
    winners: list[tuple[T, int]] = []  # more than one only if a loser refuses to be cancelled
    not_started = list(coro_fns)
    running: set[Future[None]] = set()
    cancelled: tuple[Any, ...] | None = None  # the arguments of the CancelledError to raise

    def stop(*args: Any) -> None:
        not_started.clear()
        for task in running:
            task.cancel(*args)

    async def attempt(coro_fn: Callable[[], Coro[T]], index: int) -> None:
        try:
            winners.append((await coro_fn(), index))
            stop()
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as exc:
            exceptions[index] = exc

    now = (loop or get_running_loop()).time
    start_next = True
    while running or not_started:
        if not_started and start_next:
            coro = attempt(not_started.pop(0), len(exceptions))
            exceptions.append(None)
            running.add(newest := create_task(coro))
            next_start = now() + (delay or 0)
        timeout = None if delay is None or not not_started else max(0, next_start - now())
        try:
            done, running = await wait(running, timeout=timeout, return_when=FIRST_COMPLETED)
            # If nothing is done, the delay is over. An older attempt that fails is no reason to
            # start the next one early, because the newest one has not had its time yet.
            start_next = not done or newest in done
        except CancelledError as exc:
            cancelled = exc.args
            stop(*cancelled)  # and wait for the end of the attempts
    outcome = (*winners[0], exceptions) if winners else (None, None, exceptions)
    # An exception refers to the frame of its attempt, and that to this variable. The list must not
    # be reached from there, or there would be a reference cycle (gh-124858).
    exceptions = []
    if cancelled is not None:
        raise CancelledError(*cancelled)
    return outcome


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
