"""gather, wait, as_completed, shield: one awaitable made of several.

Purpose: wait for several futures at once. These functions are in asyncio's `tasks`; here they have
a file of their own, because a loop works without them.
Invariants: none of them runs a child. Each adds a callback to every child, and the callbacks
complete what the caller awaits. They differ in what happens to the children when the caller is
cancelled:

    gather                cancels all children
    wait, as_completed    leave them alone
    shield                leaves its only child alone: this is its purpose

This file does not depend on how tasks run. Read tasks.py and queues.py first.
"""

from __future__ import annotations

from weakref import ref

from .coroutines import _isawaitable, iscoroutine
from .events import Loop, TimerHandle, _report, get_event_loop, get_running_loop
from .exceptions import CancelledError
from .futures import FINISHED, PENDING, Future, isfuture
from .hints import Any, AsyncIterator, Awaitable, Coro, Iterable, Iterator, T
from .locks import Event
from .queues import Queue
from .tasks import Task, _forget, _loop_of, current_task, ensure_future

__all__ = ("ALL_COMPLETED", "FIRST_COMPLETED", "FIRST_EXCEPTION",
           "as_completed", "gather", "shield", "wait",
           "_unregister_task", "_enter_task", "_leave_task")  # fmt: skip

#: The values of `return_when` in `wait`. They are equal to those of concurrent.futures.
FIRST_COMPLETED, FIRST_EXCEPTION = "FIRST_COMPLETED", "FIRST_EXCEPTION"
ALL_COMPLETED = "ALL_COMPLETED"


class _DoneNotice:
    """A ready-queue entry that calls `waiter._child_done(child)`; the child is done.

    The methods `_child_done`, here and in taskgroups.py, read no context variable. With a Handle
    instead, which enters a context, a gather would take 18 to 26 % longer: see
    `python -m comparisons fastpaths`.
    """

    __slots__ = ("_waiter", "_child")

    def __init__(self, waiter: Any, child: Future[Any]) -> None:
        self._waiter, self._child = waiter, child

    def _run(self) -> None:
        try:
            self._waiter._child_done(self._child)
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as exc:  # raised by another child, of a class of another library
            _report(self._child._loop, f"Exception in {self._waiter._child_done}", exception=exc)


def _call_when_done(waiter: Any, child: Future[T]) -> Any:
    """Schedule `waiter._child_done(child)` for when the child is done.

    Return the object to pass to `child.remove_done_callback()`.
    """
    if (type(child) is Task or type(child) is Future) and child._state is PENDING:
        notice = _DoneNotice(waiter, child)
        child._add_waiter(notice)
        return notice
    child.add_done_callback(waiter._child_done)
    return waiter._child_done


# -- gather ----------------------------------------------------------------------------------------


def gather(*coros_or_futures: Awaitable[Any], return_exceptions: bool = False) -> Future[list[Any]]:
    """Run awaitables concurrently; return a Future of the list of their results.

    The results are in the order of the arguments. Coroutines become tasks; an argument given twice
    runs once. The first child that fails ends the gather with its exception, and the others run on
    (gh-75633). A child that other code cancels counts as one that failed with CancelledError. With
    `return_exceptions`, exceptions are put into the list like results.

    Cancelling the gather cancels all its children. A cancelled gather ends as follows:

        gather(…)                           ends with the first child that is cancelled or fails,
                                            while others may still clean up
        gather(…, return_exceptions=True)   ends when all children are done

    Raises ValueError if the futures belong to different loops.
    """
    futures: dict[Awaitable[Any], Future[Any]] = {}  # by argument
    done: list[Future[Any]] = []
    outer: _GatheringFuture | None = None
    for argument in coros_or_futures:
        if argument not in futures:
            future = futures[argument] = ensure_future(argument, loop=outer and outer._loop)
            outer = outer or _GatheringFuture(loop=_loop_of(future))
            if future is not argument:
                # The caller has no reference to this task. A warning that it was destroyed while
                # pending would name a task that the caller does not know.
                future._log_destroy_pending = False  # type: ignore[attr-defined]
            # Add the callback now, and not after the last argument. The next argument can be an
            # eager task: it starts here, and may complete this future or wait for it.
            if future.done():
                done.append(future)
            else:
                _call_when_done(outer, future)
    outer = outer or _GatheringFuture()
    outer._children = [futures[argument] for argument in coros_or_futures]
    # `+=`, not `=`: a future of another library may have called _child_done() in the `for` above.
    outer._unfinished += len(futures)
    outer._return_exceptions = return_exceptions
    if not futures:
        outer.set_result([])
    # Now, not in the next iteration, so that a gather whose children are all done is done itself.
    for child in done:
        outer._child_done(child)
    return outer


class _GatheringFuture(Future[list[Any]]):
    """The Future that gather() returns; its `cancel` cancels the children."""

    __slots__ = ("_children", "_unfinished", "_return_exceptions", "_cancel_requested")

    def __init__(self, *, loop: Loop | None = None) -> None:
        super().__init__(loop=loop)
        self._children: list[Future[Any]] = []  # one for each argument, in their order
        self._unfinished = 0  # how many different children are not done
        # gather() sets this to its own argument once all children are there. Until then no failure
        # completes the gather: if ensure_future() refuses an argument, gather() returns nothing, so
        # no code could see that failure.
        self._return_exceptions = True
        self._cancel_requested = False  # True: cancel() has cancelled at least one child

    def cancel(self, msg: Any | None = None) -> bool:
        """Cancel all children that are not done; return False if there are none.

        The gather itself is not done when this returns. Its end depends on `return_exceptions`:

            False   It ends with the first child that is cancelled or fails, and raises what that
                    child raised. The other children may still clean up.
            True    It ends when all children are done, and raises CancelledError, whatever the
                    children have returned or raised (bpo-32684).

        If all children refuse to be cancelled, it ends when all are done, with CancelledError.
        """
        if self.done():
            return False
        # A list, because any() over a generator would stop after the first child it has cancelled.
        cancelled = any([child.cancel(msg=msg) for child in self._children])  # noqa: C419
        self._cancel_requested |= cancelled
        return cancelled

    def _child_done(self, child: Future[Any]) -> None:
        """Count a child that is done; complete the gather if it need not wait any longer."""
        self._unfinished -= 1
        if (self._unfinished and type(child) is Task and child._state is FINISHED
                and child._exception is None):  # fmt: skip
            return  # most children: without this test, a gather would take 5 % longer
        if self._state is not PENDING:
            # The gather has failed already, so no code will see how this child ended:
            #     await gather(fails_now(), fails_later())
            # exception() marks its exception as retrieved, or it would be logged as lost.
            if not child.cancelled():
                child.exception()
        elif not self._return_exceptions and child.cancelled():
            # The gather fails with CancelledError; its own cancelled() stays False. Why not
            # Future.cancel(self)? No code has asked to cancel the gather.
            self.set_exception(child._make_cancelled_error())
        elif not self._return_exceptions and (error := child.exception()) is not None:
            self.set_exception(error)
        elif not self._unfinished:
            # Also if the gather was cancelled: this marks the exceptions as retrieved.
            results = [_result_or_exception(child) if self._return_exceptions else child.result()
                       for child in self._children]  # fmt: skip
            if self._cancel_requested:
                # A cancelled gather raises CancelledError, even if its children refused to end:
                #     async def child():
                #         try: await sleep(60)
                #         except CancelledError: return 1
                # The message is that of the last cancel() of the last child.
                self.set_exception(self._children[-1]._make_cancelled_error())
            else:
                self.set_result(results)


def _result_or_exception(child: Future[Any]) -> Any:
    """Return the result of a child that is done, or its exception, as an item for the list."""
    if child.cancelled():
        # A new exception: that of the child has a traceback, but nothing raises it here. Without a
        # message, its argument is "", as in asyncio.
        return CancelledError("" if child._cancel_message is None else child._cancel_message)
    error = child.exception()
    return child.result() if error is None else error


# -- wait ------------------------------------------------------------------------------------------


async def wait(fs: Iterable[Future[T]], *, timeout: float | None = None,
        return_when: str = ALL_COMPLETED) -> tuple[set[Future[T]], set[Future[T]]]:  # fmt: skip
    """Wait for futures or tasks; return the set of those that are done and the set of the others.

    `return_when` is FIRST_COMPLETED, FIRST_EXCEPTION or ALL_COMPLETED. FIRST_EXCEPTION means the
    first that fails; one that is cancelled does not count. After `timeout` seconds, wait returns
    the two sets as they are then: it neither raises TimeoutError nor cancels anything.
    Raises TypeError for coroutines: the sets would contain tasks that the caller does not know.
    Raises ValueError if `fs` is empty.
    """
    if isfuture(fs) or iscoroutine(fs):
        raise TypeError(f"expect a list of futures, not {type(fs).__name__}")
    if not (futures := set(fs)):
        raise ValueError("Set of Tasks/Futures is empty.")
    if return_when not in (FIRST_COMPLETED, FIRST_EXCEPTION, ALL_COMPLETED):
        raise ValueError(f"Invalid return_when value: {return_when}")
    if any(type(future) is not Task and iscoroutine(future) for future in futures):
        raise TypeError("Passing coroutines is forbidden, use tasks explicitly.")
    waiting = _Waiting(len(futures), return_when)
    if timeout is not None:
        waiting.timer = get_running_loop().call_later(timeout, waiting.enough_done.set)
    removable = [(future, _call_when_done(waiting, future)) for future in futures]
    try:
        await waiting.enough_done.wait()
    finally:
        if waiting.timer is not None:
            waiting.timer.cancel()
        for future, callback in removable:
            if not future.done():
                future.remove_done_callback(callback)
    done = {future for future in futures if future.done()}
    return done, futures - done


class _Waiting:
    """The state of one call of wait()."""

    def __init__(self, unfinished: int, return_when: str) -> None:
        self.enough_done = Event()  # also set after the timeout
        self.timer: TimerHandle | None = None  # sets the event after the timeout
        self._unfinished, self._return_when = unfinished, return_when

    def _child_done(self, future: Future[Any]) -> None:
        self._unfinished -= 1
        # exception() comes last, because it marks the exception as retrieved. If it came first,
        # an exception that the caller of wait() never looks at would not be logged.
        if (self._unfinished == 0 or self._return_when == FIRST_COMPLETED
                or (self._return_when == FIRST_EXCEPTION and not future.cancelled()
                    and future.exception() is not None)):  # fmt: skip
            self.enough_done.set()
            # wait() also cancels the timer, but in the next iteration. asyncio cancels it here, and
            # the moment matters: it can change the order of other timers for the same time.
            if self.timer is not None:
                self.timer.cancel()


# -- as_completed ----------------------------------------------------------------------------------


def as_completed(fs: Iterable[Awaitable[T]], *, timeout: float | None = None) -> _AsCompleted[T]:
    """Iterate over awaitables in the order in which they are done.

    `async for future in as_completed(fs)` yields the futures and tasks themselves, done; for a
    coroutine, the task that was made of it. `for awaitable in as_completed(fs)` yields coroutines:
    awaiting one returns the result of the next that is done. Both raise TimeoutError if `timeout`
    seconds have passed before all are done. Raises TypeError if `fs` is itself an awaitable.
    """
    if _isawaitable(fs):
        raise TypeError(f"expects an iterable of awaitables, not {type(fs).__name__}")
    return _AsCompleted(fs, timeout)


class _AsCompleted(Iterator["Coro[T]"], AsyncIterator[Future[T]]):
    """The iterator of as_completed(): each future puts itself into a queue when it is done."""

    def __init__(self, awaitables: Iterable[Awaitable[T]], timeout: float | None) -> None:
        loop = get_event_loop()
        self._done: Queue[Future[T] | None] = Queue()  # None: one was not done in time
        self._pending = {ensure_future(awaitable, loop=loop) for awaitable in set(awaitables)}
        self._left = len(self._pending)  # how many items the iterator has yet to yield
        for future in self._pending:
            future.add_done_callback(self._child_done)
        timed = self._pending and timeout is not None
        self._timer = loop.call_later(timeout, self._on_timeout) if timed else None

    def __next__(self) -> Coro[T]:
        if not self._left:
            raise StopIteration
        self._left -= 1
        return self._next_result()

    async def __anext__(self) -> Future[T]:
        if not self._left:
            raise StopAsyncIteration
        self._left -= 1
        return await self._next_done()

    async def _next_result(self) -> T:
        return (await self._next_done()).result()

    async def _next_done(self) -> Future[T]:
        try:
            future = await self._done.get()
        except BaseException:
            self._left += 1  # cancelled: the item is left for another call (gh-158004)
            raise
        if future is None:
            raise TimeoutError
        return future

    def _child_done(self, future: Future[T]) -> None:
        if not self._pending:
            return  # after the timeout: this call was in the ready queue already
        self._pending.remove(future)
        self._done.put_nowait(future)
        if not self._pending and self._timer is not None:
            self._timer.cancel()

    def _on_timeout(self) -> None:
        # One None for each: a program can await several coroutines of the `for` at the same time.
        for future in self._pending:
            future.remove_done_callback(self._child_done)
            self._done.put_nowait(None)
        self._pending.clear()


# -- shield ----------------------------------------------------------------------------------------


def shield(arg: Awaitable[T]) -> Future[T]:
    """Return a Future with the outcome of `arg`; cancelling it does not cancel `arg`.

    If the task that awaits it is cancelled, CancelledError is raised there, and `arg` runs on. Keep
    a reference to a task that you shield: after a cancellation nothing else may have one, and the
    garbage collector could free the task before it is done (gh-91887).
    """
    inner = ensure_future(arg)
    if inner.done():
        return inner
    outer: Future[T] = _loop_of(inner).create_future()
    _Shield(inner, outer)
    return outer


class _Shield:
    """Passes the outcome of `inner` on to `outer`, unless `outer` is done first."""

    def __init__(self, inner: Future[T], outer: Future[T]) -> None:
        self._inner, self._outer = inner, outer
        self._callback = _call_when_done(self, inner)
        _call_when_done(self, outer)

    def _child_done(self, child: Future[Any]) -> None:
        inner, outer, callback = self._inner, self._outer, self._callback
        self._callback = None  # it refers to this object: a reference cycle
        if child is outer:
            # `outer` was cancelled. Without the removal, an inner future that runs on would collect
            # the callbacks of all its shields:
            #     while True: await wait_for(shield(inner), 1)
            if not inner.done():
                inner.remove_done_callback(callback)
        elif outer.cancelled():
            # Both ended in the same iteration. Why not inner.exception() here? It would mark the
            # exception as retrieved. Then it would not be logged, although no code has seen it.
            return
        elif inner.cancelled():
            outer.cancel()
        elif (error := inner.exception()) is not None:
            outer.set_exception(error)
        else:
            outer.set_result(inner.result())


# -- hooks for Task classes of other libraries; `_register_task` is in tasks.py --------------------


def _unregister_task(task: Any) -> None:
    """Let `all_tasks` no longer find `task`."""
    _forget(ref(task))


def _enter_task(loop: Loop, task: Any) -> None:
    """Make `task` the current task; RuntimeError if there is one already."""
    if (other := current_task(loop)) is not None:
        busy = f"while another task {other!r} is being executed."
        raise RuntimeError(f"Cannot enter into task {task!r} {busy}")
    loop._current_task = task


def _leave_task(loop: Loop, task: Any) -> None:
    """Set the current task to None; RuntimeError if it is not `task`."""
    if (other := current_task(loop)) is not task:
        raise RuntimeError(f"Leaving task {task!r} does not match the current task {other!r}.")
    loop._current_task = None
