"""gather, wait, as_completed, shield: several awaitables made into one.

Purpose: asyncio keeps these in its `tasks`; here they stand apart, since a loop is complete without
them.
Rules: each is built from notices of the children's ends and one Future that the caller awaits; none
runs anything. What happens to the children when the caller is cancelled is what tells them apart:
gather cancels them, wait and as_completed leave them alone, shield exists to leave them alone.
This file does not know how tasks run. Read tasks.py and queues.py first.
"""

from __future__ import annotations

from .coroutines import _isawaitable, iscoroutine
from .events import Handle, Loop, _report, get_event_loop, get_running_loop
from .exceptions import CancelledError
from .futures import FINISHED, PENDING, Future, isfuture
from .hints import Any, AsyncIterator, Awaitable, Callable, Coro, Iterable, Iterator, T
from .locks import Event
from .queues import Queue
from .tasks import Task, _loop_of, ensure_future

__all__ = ("ALL_COMPLETED", "FIRST_COMPLETED", "FIRST_EXCEPTION",
           "as_completed", "gather", "shield", "wait")  # fmt: skip

#: What `wait` waits for; these words are those of concurrent.futures as well.
FIRST_COMPLETED, FIRST_EXCEPTION = "FIRST_COMPLETED", "FIRST_EXCEPTION"
ALL_COMPLETED = "ALL_COMPLETED"


class _DoneNotice:
    """A ready-queue entry that calls `waiter._child_done(child)`; the child is done.

    These methods, here and in taskgroups.py, read no context variable. With a Handle in its place,
    which enters a context, a gather takes longer: see the table of fast paths.
    """

    __slots__ = ("_waiter", "_child")

    def __init__(self, waiter: Any, child: Future[Any]) -> None:
        self._waiter = waiter
        self._child = child

    @property
    def _callback(self) -> Callable[[Future[Any]], None]:
        return self._waiter._child_done  # type: ignore[no-any-return]

    def _run(self) -> None:
        try:
            self._waiter._child_done(self._child)
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as exc:  # of a class of another library, among the children
            _report(self._child._loop, f"Exception in {self._callback}", None, exception=exc)


def _call_when_done(waiter: Any, child: Future[T]) -> None:
    """Schedule `waiter._child_done(child)` for when the child is done."""
    if type(child) is Task and child._state is PENDING:
        child._add_waiter(_DoneNotice(waiter, child))
    else:
        child.add_done_callback(waiter._child_done)


# -- gather ----------------------------------------------------------------------------------------


def gather(*coros_or_futures: Awaitable[Any], return_exceptions: bool = False) -> Future[list[Any]]:
    """Run awaitables at the same time; return a Future of the list of their results.

    The first exception ends the gather and the others run on (gh-75633), unless `return_exceptions`
    puts exceptions into the list as if they were results. Cancelling the gather cancels what has
    not ended; a child that is cancelled by somebody else counts as one that raised CancelledError.
    """
    futures: dict[Awaitable[Any], Future[Any]] = {}  # an argument given twice is one future
    ended: list[Future[Any]] = []
    outer: _GatheringFuture | None = None
    loop: Loop | None = None
    for argument in coros_or_futures:
        if argument not in futures:
            future = futures[argument] = ensure_future(argument, loop=loop)
            loop = loop or _loop_of(future)
            outer = outer or _GatheringFuture(loop=loop)
            if future is not argument:
                # The caller cannot know of this task, and could do nothing about its end.
                future._log_destroy_pending = False  # type: ignore[attr-defined]
            # Now, and not when all are there: the next, if it starts as an eager task, may end this
            # one, or wait for it too.
            if future.done():
                ended.append(future)
            else:
                _call_when_done(outer, future)
    outer = outer or _GatheringFuture()
    children = [futures[argument] for argument in coros_or_futures]
    # Some may have ended since: another library's future may call back at once.
    outer._expect(children, outer._running + len(futures), return_exceptions)
    if not children:
        outer.set_result([])
    for child in ended:  # counted at once: a gather of nothing but eager tasks is done on return
        outer._child_done(child)
    return outer


class _GatheringFuture(Future[list[Any]]):
    """The Future that gather returns. To cancel it is to cancel the children."""

    __slots__ = ("_children", "_running", "_return_exceptions", "_cancel_requested")

    def __init__(self, *, loop: Loop | None = None) -> None:
        super().__init__(loop=loop)
        # If gather() refuses another argument, no child's end decides anything.
        self._expect([], 0, return_exceptions=True)

    def _expect(self, children: list[Future[Any]], running: int, return_exceptions: bool) -> None:
        self._children = children
        self._running = running  # have not ended; one given twice counts once
        self._return_exceptions = return_exceptions
        self._cancel_requested = False  # True once cancel() has reached a child

    def cancel(self, msg: Any | None = None) -> bool:
        """Cancel the children; the gather ends when they have all ended (bpo-32684)."""
        if self.done():
            return False
        # Not any() over a generator, which would stop at the first child.
        cancelled = sum(child.cancel(msg=msg) for child in self._children) > 0
        self._cancel_requested |= cancelled
        return cancelled

    def _child_done(self, child: Future[Any]) -> None:
        self._running -= 1
        if (
            self._running
            and type(child) is Task
            and child._state is FINISHED
            and child._exception is None
        ):
            return
        cancelled = child.cancelled()
        later = self._return_exceptions and self._state is PENDING  # when all have ended
        error = None if cancelled or later else child.exception()  # which also makes it retrieved
        if self._state is not PENDING:
            return
        if (cancelled or error is not None) and not self._return_exceptions:
            self.set_exception(child._make_cancelled_error() if cancelled else error)  # type: ignore[arg-type]
        elif not self._running:  # this child was the last
            results = list(map(_outcome, self._children)) if self._return_exceptions else None
            if self._cancel_requested:
                # Whatever the children made of it, whoever cancelled the gather sees it cancelled,
                # with the message that has reached the last of the arguments.
                last = self._children[-1]
                message = last._make_cancelled_error() if last.cancelled() else CancelledError()
                self.set_exception(message)
            else:
                self.set_result(results or [child.result() for child in self._children])


def _outcome(future: Future[Any]) -> Any:
    """The result, or the exception as a value; a new CancelledError, for this one is not raised."""
    if future.cancelled():
        return CancelledError("" if future._cancel_message is None else future._cancel_message)
    error = future.exception()
    return future.result() if error is None else error


# -- wait ------------------------------------------------------------------------------------------


async def wait(
    fs: Iterable[Future[T]], *, timeout: float | None = None, return_when: str = ALL_COMPLETED
) -> tuple[set[Future[T]], set[Future[T]]]:
    """Wait for futures or tasks; return the set of those that have ended and the set of the others.

    `return_when` is FIRST_COMPLETED, FIRST_EXCEPTION or ALL_COMPLETED. After `timeout` seconds it
    returns what there is: it neither raises TimeoutError nor cancels anything. Raises TypeError for
    coroutines (make tasks of them, else you could not tell them apart in the sets), ValueError for
    nothing to wait for.
    """
    if isfuture(fs) or iscoroutine(fs):
        raise TypeError(f"expect a list of futures, not {type(fs).__name__}")
    futures = set(fs)
    if not futures:
        raise ValueError("Set of Tasks/Futures is empty.")
    if return_when not in (FIRST_COMPLETED, FIRST_EXCEPTION, ALL_COMPLETED):
        raise ValueError(f"Invalid return_when value: {return_when}")
    if any(type(future) is not Task and iscoroutine(future) for future in futures):
        raise TypeError("Passing coroutines is forbidden, use tasks explicitly.")
    await _wait(futures, timeout, return_when)
    done = {future for future in futures if future.done()}
    return done, futures - done


async def _wait(futures: set[Future[T]], timeout: float | None, return_when: str) -> None:
    enough = _Enough(len(futures), return_when)
    enough.timer = None if timeout is None else get_running_loop().call_later(timeout, enough.set)
    for future in futures:
        _call_when_done(enough, future)
    try:
        await enough.wait()
    finally:
        enough.set()
        for future in futures:
            if not future.done():
                future.remove_done_callback(enough._child_done)


class _Enough(Event):
    """Set when as many of the futures have ended as `wait` shall wait for."""

    def __init__(self, running: int, return_when: str) -> None:
        super().__init__()
        self._running, self._return_when = running, return_when
        self.timer: Handle | None = None  # sets it when the time is up

    def set(self) -> None:
        if self.timer is not None:
            self.timer.cancel()  # now, and not in a turn to come: other timers may be due by then
        super().set()

    def _child_done(self, future: Future[Any]) -> None:
        self._running -= 1
        # Whether it failed is asked last, for who asks for an exception has retrieved it.
        if (self._running == 0 or self._return_when == FIRST_COMPLETED
                or (self._return_when == FIRST_EXCEPTION and not future.cancelled()
                    and future.exception() is not None)):  # fmt: skip
            self.set()


# -- as_completed ----------------------------------------------------------------------------------


def as_completed(fs: Iterable[Awaitable[T]], *, timeout: float | None = None) -> _AsCompleted[T]:
    """Iterate over awaitables in the order in which they end.

    `async for future in as_completed(fs)` gives the futures and tasks themselves, done; those that
    were coroutines as the tasks made of them. `for awaitable in as_completed(fs)` gives coroutines,
    to be awaited for the result of the next. Both raise TimeoutError once `timeout` seconds have
    passed.
    """
    if _isawaitable(fs):
        raise TypeError(f"expects an iterable of awaitables, not {type(fs).__name__}")
    return _AsCompleted(fs, timeout)


class _AsCompleted(Iterator["Coro[T]"], AsyncIterator[Future[T]]):
    """The iterator of as_completed: a queue that each future enters when it ends."""

    def __init__(self, awaitables: Iterable[Awaitable[T]], timeout: float | None) -> None:
        loop = get_event_loop()
        self._ended: Queue[Future[T] | None] = Queue()  # None: the time is up
        self._running = {ensure_future(awaitable, loop=loop) for awaitable in set(awaitables)}
        self._to_give = len(self._running)  # how often iteration goes on
        for future in self._running:
            _call_when_done(self, future)
        timed = self._running and timeout is not None
        self._timer = loop.call_later(timeout, self._on_timeout) if timed else None

    def __next__(self) -> Coro[T]:
        if not self._to_give:
            raise StopIteration
        self._to_give -= 1
        return self._next_result()

    async def __anext__(self) -> Future[T]:
        if not self._to_give:
            raise StopAsyncIteration
        self._to_give -= 1
        return await self._next_ended()

    async def _next_result(self) -> T:
        return (await self._next_ended()).result()

    async def _next_ended(self) -> Future[T]:
        future = await self._ended.get()
        if future is None:
            raise TimeoutError
        return future

    def _child_done(self, future: Future[T]) -> None:
        if not self._running:
            return  # after the time was up; its callback was on its way already
        self._running.remove(future)
        self._ended.put_nowait(future)
        if not self._running and self._timer is not None:
            self._timer.cancel()

    def _on_timeout(self) -> None:
        for future in self._running:
            future.remove_done_callback(self._child_done)
            self._ended.put_nowait(None)  # one for each that will not come
        self._running.clear()


# -- shield ----------------------------------------------------------------------------------------


def shield(arg: Awaitable[T]) -> Future[T]:
    """Return a Future that follows `arg` but does not pass cancellation on to it.

    The waiter is cancelled as ever; what it waited for runs on. Keep a reference to a task that you
    shield, for when the waiter has gone nobody else may hold it (gh-91887).
    """
    inner = ensure_future(arg)
    if inner.done():
        return inner
    outer: Future[T] = _loop_of(inner).create_future()

    def inner_done(inner: Future[T]) -> None:
        if outer.cancelled():
            if not inner.cancelled():
                inner.exception()  # nobody waits for it any more; no "never retrieved" for it
        elif inner.cancelled():
            outer.cancel()
        elif (error := inner.exception()) is not None:
            outer.set_exception(error)
        else:
            outer.set_result(inner.result())

    inner.add_done_callback(inner_done)
    # Left in place, it would swallow an exception of inner that nobody has seen.
    outer.add_done_callback(lambda _: inner.remove_done_callback(inner_done))
    return outer
