"""Threads: blocking calls that must not run on the loop's thread, and calls from other threads.

Purpose: run blocking calls in a pool of threads, and make each an awaitable. In the other
direction, a thread can hand a coroutine to the loop and wait for its result in a blocking call.
Invariants: two kinds of future meet here, the Future of this package, and the one of
concurrent.futures, on which threads wait. Such a pair is chained: the result of one is copied to
the other, and a cancellation is passed back. A Future is only touched on its loop's thread, so
each such step goes through `call_soon_threadsafe`.
`concurrent.futures` is imported only by the functions that need it, because it imports `logging`.
The functions whose first parameter is `loop` are methods of the loop (see unix_events.py). This
file does not depend on what the threads do. Read debug.py first.
"""

from __future__ import annotations

import functools
import socket
import threading
import warnings
from contextvars import Context, copy_context

from . import coroutines, debug, exceptions, tasks, timeouts
from .events import Callback, Handle, Loop, _get_running_loop, get_event_loop, get_running_loop
from .futures import Future, isfuture
from .hints import Any, Callable, Coro, Executor, P, T, ThreadFuture

__all__ = ("run_coroutine_threadsafe", "to_thread", "wrap_future")


def call_soon_threadsafe(loop: Loop, callback: Callback, *args: Any,
                         context: Context | None = None) -> Handle:  # fmt: skip
    """Do what `call_soon` does, from any thread: the only thread-safe scheduling method.

    Any thread may cancel the handle, too. Raises RuntimeError if the loop is closed.
    """
    handle = _ThreadSafeHandle(callback, args, loop, context)
    if loop._debug:
        loop._check_call(handle, "call_soon_threadsafe")
    # In this order. If the loop were woken first, it could go back to select() before the handle is
    # there. A deque's append() needs no lock: it is atomic.
    loop._ready.append(handle)
    loop._write_to_self()
    return handle


class _ThreadSafeHandle(Handle):
    """A handle that is cancelled either before its callback starts or not at all (gh-128340).

    While the callback runs, another thread that calls `cancel` or `cancelled` waits for its end.
    With a plain Handle, the thread could find its handle cancelled while the callback goes on.
    """

    __slots__ = ("_lock",)

    def __init__(self, callback: Callback, args: tuple[Any, ...], loop: Loop,
                 context: Context | None = None) -> None:  # fmt: skip
        super().__init__(callback, args, loop, context)
        self._lock = threading.RLock()  # re-entrant: the callback may cancel its own handle

    def _run(self) -> None:
        with self._lock:
            super()._run()

    def cancel(self) -> None:
        with self._lock:
            super().cancel()

    def cancelled(self) -> bool:
        with self._lock:
            return super().cancelled()


def run_in_executor(loop: Loop, executor: Executor | None,
                    func: Callable[..., T], *args: Any) -> Future[T]:  # fmt: skip
    """Call `func(*args)` in a thread of `executor`; return a Future of its result.

    `executor` is a concurrent.futures.Executor. None means the default executor, a
    ThreadPoolExecutor that the first such call makes. Cancelling the Future has no effect on a call
    that has begun. Raises RuntimeError if the loop is closed or its executor was shut down.
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
    """Use `executor` where `run_in_executor` is given None.

    Raises TypeError if it is not a ThreadPoolExecutor.
    """
    from concurrent.futures import ThreadPoolExecutor

    if not isinstance(executor, ThreadPoolExecutor):
        raise TypeError("executor must be ThreadPoolExecutor instance")
    loop._default_executor = executor


async def shutdown_default_executor(loop: Loop, timeout: float | None = None) -> None:
    """Wait until the threads of the default executor have ended; `run()` calls this at its end.

    The executor accepts no more calls. If its threads need more than `timeout` seconds, warn with a
    RuntimeWarning and leave them running; None means no limit.
    """
    loop._executor_shutdown_called = True
    if (executor := loop._default_executor) is None:
        return
    from concurrent.futures import Future as ConcurrentFuture

    joined: ThreadFuture[None] = ConcurrentFuture()
    # A future that runs cannot be cancelled. Otherwise the timeout would cancel it, and set_result
    # below would raise.
    joined.set_running_or_notify_cancel()

    def join_threads() -> None:
        try:
            executor.shutdown()  # blocks until the threads have ended
            joined.set_result(None)
        except BaseException as exc:
            joined.set_exception(exc)

    # A thread of its own. Not a pool: once the interpreter is shutting down, a pool takes no work.
    thread = threading.Thread(target=join_threads)
    thread.start()
    try:
        async with timeouts.timeout(timeout):
            await wrap_future(joined, loop=loop)
        thread.join()
    except TimeoutError:
        late = "The executor did not finishing joining its threads within"
        warnings.warn(f"{late} {timeout} seconds.", RuntimeWarning, stacklevel=2)


def _close_executor(loop: Loop) -> None:
    """Shut down the default executor of a loop that is closed; do not wait for its threads."""
    loop._executor_shutdown_called = True
    executor, loop._default_executor = loop._default_executor, None
    if executor is not None:
        executor.shutdown(wait=False)


async def getaddrinfo(loop: Loop, host: bytes | str | None, port: bytes | str | int | None, *,
        family: int = 0, type: int = 0, proto: int = 0, flags: int = 0) -> list[Any]:  # fmt: skip
    """Look up the addresses of `host`: `socket.getaddrinfo` in a thread, because it blocks.

    Returns a list of `(family, type, proto, canonical name, address)`. Raises socket.gaierror.
    """
    query = (host, port, family, type, proto, flags)
    return await loop.run_in_executor(None, socket.getaddrinfo, *query)  # type: ignore[no-any-return]


async def getnameinfo(loop: Loop, sockaddr: tuple[str, int] | tuple[str, int, int, int],
                      flags: int = 0) -> tuple[str, str]:  # fmt: skip
    """Look up host and service of an address: `socket.getnameinfo` in a thread."""
    return await loop.run_in_executor(None, socket.getnameinfo, sockaddr, flags)  # type: ignore[no-any-return]


async def to_thread(func: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Call `func(*args, **kwargs)` in a thread of the default executor; return its result.

    `func` runs in a copy of the current contextvars.Context. If the caller is cancelled, it stops
    waiting, but `func` runs to its end: nothing can stop a thread from outside.
    """
    call = functools.partial(copy_context().run, func, *args, **kwargs)
    return await get_running_loop().run_in_executor(None, call)  # type: ignore[no-any-return]


def run_coroutine_threadsafe(coro: Coro[T], loop: Loop) -> ThreadFuture[T]:
    """Run `coro` on `loop`, from another thread; return a concurrent.futures.Future of its result.

    Cancelling that future cancels the task. Do not call its `result()` on the loop's own thread:
    the thread would wait for the loop, which cannot go on while its thread waits (gh-121075).
    Raises TypeError if `coro` is not a coroutine.
    """
    if not coroutines.iscoroutine(coro):
        raise TypeError("A coroutine object is required")
    from concurrent.futures import Future as ConcurrentFuture

    thread_future: ThreadFuture[T] = ConcurrentFuture()

    def start() -> None:
        try:
            _chain_future(tasks.ensure_future(coro, loop=loop), thread_future)
        except BaseException as exc:
            # There is no task, for example because the loop's task factory has raised. The thread
            # must get an answer, or it would wait for ever. (It gets none if the loop ends.)
            ends_the_loop = isinstance(exc, SystemExit | KeyboardInterrupt)
            if not ends_the_loop and thread_future.set_running_or_notify_cancel():
                thread_future.set_exception(exc)
            raise  # and the loop reports it

    loop.call_soon_threadsafe(start)
    return thread_future


def wrap_future(future: ThreadFuture[T] | Future[T], *, loop: Loop | None = None) -> Future[T]:
    """Return a Future with the outcome of `future`, a concurrent.futures.Future.

    Cancelling one cancels the other. A Future of this package is returned as it is. `loop` is by
    default `get_event_loop()`. Raises AssertionError for any other object.
    """
    if isfuture(future):
        return future
    import concurrent.futures

    assert isinstance(future, concurrent.futures.Future), (
        f"concurrent.futures.Future is expected, got {future!r}")  # fmt: skip
    wrapper: Future[T] = (get_event_loop() if loop is None else loop).create_future()
    _chain_future(future, wrapper)
    return wrapper


def _chain_future(source: Any, destination: Any) -> None:
    """Copy the outcome of `source` to `destination`; cancel `source` if `destination` is cancelled.

    A done-callback of a concurrent.futures.Future runs in the thread that has completed it, where
    it must not touch a Future. So the other future is only used in `_call_in_loop_of`. `Any` in the
    functions below means a Future or a concurrent.futures.Future.
    """

    def cancel_source(destination: Any) -> None:
        if destination.cancelled():
            _call_in_loop_of(source, source.cancel)

    def complete_destination(source: Any) -> None:
        _call_in_loop_of(destination, _copy_end, source, destination)

    destination.add_done_callback(cancel_source)
    source.add_done_callback(complete_destination)


def _call_in_loop_of(future: Any, callback: Callback, *args: Any) -> None:
    """Call `callback(*args)` on the thread of the future's loop, or drop it if the loop is closed.

    Call it at once if that loop runs in this thread. A concurrent.futures.Future has no loop, and
    any thread may use it: call it at once, too.
    """
    loop = tasks._loop_of(future) if isfuture(future) else None
    if loop is None or loop is _get_running_loop():
        callback(*args)
    elif not loop.is_closed():
        loop.call_soon_threadsafe(callback, *args)


def _copy_end(source: Any, destination: Any) -> None:
    """Complete `destination` with the outcome of `source`, which is done."""
    if source.cancelled():
        destination.cancel()
    if not isfuture(destination):
        # The state after this is "running", or "cancelled and notified": a thread that waits with
        # concurrent.futures.wait() is woken by the second, but not by a mere cancel().
        destination.set_running_or_notify_cancel()
    if destination.cancelled():
        # It was just cancelled above, or the program did not wait for the thread:
        #     loop.run_in_executor(None, slow).cancel()
        return
    if (error := source.exception()) is None:
        destination.set_result(source.result())
    else:
        destination.set_exception(_translate(error))


def _translate(error: BaseException) -> BaseException:
    """Replace an exception of a class of concurrent.futures by ours with the same name.

    A thread raises one, for example, if it calls `result()` of a future that was cancelled.
    """
    from concurrent.futures import CancelledError, InvalidStateError

    if type(error) not in (CancelledError, InvalidStateError):
        return error
    ours: type[BaseException] = getattr(exceptions, type(error).__name__)
    return ours(*error.args).with_traceback(error.__traceback__)
