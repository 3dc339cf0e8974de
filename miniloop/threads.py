"""Threads: work for which the loop cannot wait itself.

Purpose: blocking calls run in a pool of threads and look like awaitables from here; and the other
way round, a thread hands a coroutine to the loop and waits for it as for a blocking call.
Rules: two kinds of future, asyncio's and concurrent.futures', are chained: the end of one is copied
to the other, a cancellation goes back; what crosses a thread goes through `call_soon_threadsafe`.
`concurrent.futures`, which takes `logging` along, is imported by the functions that need it.
This file does not know what the threads do. Read debug.py first.
"""

from __future__ import annotations

import functools
import socket
import threading
import warnings
from contextvars import copy_context

from . import coroutines, debug, exceptions, tasks, timeouts
from .events import Callback, Loop, get_event_loop, get_running_loop
from .futures import Future, isfuture
from .hints import Any, Callable, Coro, Executor, P, T, ThreadFuture, TypeAlias

__all__ = ("run_coroutine_threadsafe", "to_thread", "wrap_future")

AnyFuture: TypeAlias = Any  # a Future, or a concurrent.futures.Future


def run_in_executor(loop: Loop, executor: Executor | None,
                    func: Callable[..., T], *args: Any) -> Future[T]:  # fmt: skip
    """Call `func(*args)` in the executor and return a Future of its result.

    None is the default executor, a ThreadPoolExecutor made on first use.
    """
    loop._check_closed()
    if loop._debug:
        debug._check_callback(func, "run_in_executor")
    if executor is None:
        if loop._executor_shutdown_called:
            raise RuntimeError("Executor shutdown has been called")
        if loop._default_executor is None:
            from concurrent.futures import ThreadPoolExecutor

            loop._default_executor = ThreadPoolExecutor(thread_name_prefix=__package__)
        executor = loop._default_executor
    return wrap_future(executor.submit(func, *args), loop=loop)


def set_default_executor(loop: Loop, executor: Executor) -> None:
    """Use `executor`, a ThreadPoolExecutor, where `run_in_executor` is given None."""
    from concurrent.futures import ThreadPoolExecutor

    if not isinstance(executor, ThreadPoolExecutor):
        raise TypeError("executor must be ThreadPoolExecutor instance")
    loop._default_executor = executor


async def shutdown_default_executor(loop: Loop, timeout: float | None = None) -> None:
    """Wait until the default executor's threads have ended, for `timeout` seconds at most.

    Then a RuntimeWarning is given and they are left to themselves. `run` calls this at its end.
    """
    loop._executor_shutdown_called = True
    if (executor := loop._default_executor) is None:
        return
    from concurrent.futures import Future as OutsideFuture

    ended: ThreadFuture[None] = OutsideFuture()
    ended.set_running_or_notify_cancel()  # so that to give up waiting does not cancel it

    def join_threads() -> None:  # which blocks
        try:
            executor.shutdown()
            ended.set_result(None)
        except BaseException as exc:
            ended.set_exception(exc)

    # No pool: that takes no work once the interpreter waits for its last threads to end.
    joiner = threading.Thread(target=join_threads)
    joiner.start()
    try:
        async with timeouts.timeout(timeout):
            await wrap_future(ended, loop=loop)
        joiner.join()
    except TimeoutError:
        late = "The executor did not finishing joining its threads within"
        warnings.warn(f"{late} {timeout} seconds.", RuntimeWarning, stacklevel=2)


def _drop_executor(loop: Loop) -> None:
    """Tell the default executor to end, without waiting for its threads."""
    loop._executor_shutdown_called = True
    executor, loop._default_executor = loop._default_executor, None
    if executor is not None:
        executor.shutdown(wait=False)


async def getaddrinfo(loop: Loop, host: bytes | str | None, port: bytes | str | int | None, *,
                      family: int = 0, type: int = 0, proto: int = 0,
                      flags: int = 0) -> list[Any]:  # fmt: skip
    """`socket.getaddrinfo` in a thread, for looking up a name blocks."""
    query = (host, port, family, type, proto, flags)
    return await loop.run_in_executor(None, socket.getaddrinfo, *query)  # type: ignore[no-any-return]


async def getnameinfo(loop: Loop, sockaddr: tuple[str, int] | tuple[str, int, int, int],
                      flags: int = 0) -> tuple[str, str]:  # fmt: skip
    """`socket.getnameinfo` in a thread."""
    return await loop.run_in_executor(None, socket.getnameinfo, sockaddr, flags)  # type: ignore[no-any-return]


async def to_thread(func: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Call `func` in a thread, with a copy of the current context, and return its result.

    Cancelling the caller does not stop the thread: nothing can.
    """
    call = functools.partial(copy_context().run, func, *args, **kwargs)
    return await get_running_loop().run_in_executor(None, call)  # type: ignore[no-any-return]


def run_coroutine_threadsafe(coro: Coro[T], loop: Loop) -> ThreadFuture[T]:
    """Run `coro` on `loop`, from another thread; return a concurrent.futures.Future of its result.

    To wait for that result in the loop's own thread is a deadlock: the loop would have to run for
    it, and it waits (gh-121075).
    """
    if not coroutines.iscoroutine(coro):
        raise TypeError("A coroutine object is required")
    from concurrent.futures import Future as OutsideFuture

    outside: ThreadFuture[T] = OutsideFuture()

    def start() -> None:
        try:
            _chain_future(tasks.ensure_future(coro, loop=loop), outside)
        except BaseException as exc:
            ends_the_loop = isinstance(exc, SystemExit | KeyboardInterrupt)
            if not ends_the_loop and outside.set_running_or_notify_cancel():
                outside.set_exception(exc)
            raise

    loop.call_soon_threadsafe(start)
    return outside


def wrap_future(future: ThreadFuture[T] | Future[T], *,
                loop: Loop | None = None) -> Future[T]:  # fmt: skip
    """Return a Future that ends as the concurrent.futures.Future does; one of ours as it is."""
    if isfuture(future):
        return future
    import concurrent.futures

    assert isinstance(future, concurrent.futures.Future), (
        f"concurrent.futures.Future is expected, got {future!r}")  # fmt: skip
    inside: Future[T] = (get_event_loop() if loop is None else loop).create_future()
    _chain_future(future, inside)
    return inside


def _chain_future(source: AnyFuture, destination: AnyFuture) -> None:
    """Let `destination` end as `source` does; cancelling it cancels `source`."""

    def cancel_source(destination: AnyFuture) -> None:
        if destination.cancelled():
            _call_where_it_lives(source, source.cancel)

    def end_destination(source: AnyFuture) -> None:
        _call_where_it_lives(destination, _copy_end, source, destination)

    destination.add_done_callback(cancel_source)
    source.add_done_callback(end_destination)


def _call_where_it_lives(future: AnyFuture, callback: Callback, *args: Any) -> None:
    """Call in the thread of the future's loop; at once if it is one of no loop's."""
    if not isfuture(future):
        callback(*args)
    elif not (loop := tasks._loop_of(future)).is_closed():
        loop.call_soon_threadsafe(callback, *args)


def _copy_end(source: AnyFuture, destination: AnyFuture) -> None:
    """End `destination` as `source` has ended, in the words of its own kind."""
    if source.cancelled():
        destination.cancel()
    if not isfuture(destination):
        destination.set_running_or_notify_cancel()  # else nobody who waits hears of a cancellation
    if destination.cancelled():
        return
    error = source.exception()
    if error is None:
        destination.set_result(source.result())
    else:
        destination.set_exception(_translate(error))


def _translate(error: BaseException) -> BaseException:
    """concurrent.futures' own exceptions as ours of the same name."""
    from concurrent.futures import CancelledError, InvalidStateError

    if type(error) not in (CancelledError, InvalidStateError):
        return error
    ours: type[BaseException] = getattr(exceptions, type(error).__name__)
    return ours(*error.args).with_traceback(error.__traceback__)
