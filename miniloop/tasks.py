"""Task: a Future that runs a coroutine, one step at a time.

Purpose: the bridge between `await` and the event loop. A step resumes the coroutine with
`send(None)`, or with `throw()` to raise an exception where it waits. The coroutine runs until it
has to wait; then it yields the future to wait for.
Invariants: a Task is itself an entry of the ready queue, and its `_run` is the step. A pending task
is in exactly one of three states: it is running, it is in the ready queue, or it is a waiter of the
pending future in `_fut_waiter`. (In two cases a Handle takes the task's place in the queue: before
the first step of a task made by `Task(coro)`, and when a future of another library is done, whose
done-callback is `_wakeup`.) A future that is done has put the task into the ready queue, and stays
in `_fut_waiter` until the step.

    made       → ready      create_task(); an eager task starts to run at once
    ready      → running    the loop calls _run
    running    → ready      the coroutine did a bare yield, as in sleep(0)
    running    → waiting    it awaits a future: _start_waiting
    waiting    → ready      the future is done, or was cancelled by cancel()
    running    → done       it returned or raised (FINISHED); it raised CancelledError, or returned
                            after cancel() in its last step (CANCELLED)

This file does not depend on sockets. Only sleep() needs timers (`loop.call_later`). Read futures.py
first.
"""

from __future__ import annotations

import itertools
import math
from contextvars import Context, copy_context
from types import CoroutineType, FrameType, GeneratorType, coroutine
from weakref import ref

from . import events
from .abstract import AbstractEventLoop
from .coroutines import _isawaitable, iscoroutine
from .events import Loop, _report
from .exceptions import CancelledError, InvalidStateError
from .format_helpers import _print_task_stack, _task_repr_info, _task_stack
from .futures import CANCELLED, FINISHED, PENDING, Future, _set_result_unless_cancelled, isfuture
from .hints import Any, Awaitable, Callable, Coro, Generator, T, TextIO

__all__ = ("Task", "create_task", "ensure_future", "current_task", "all_tasks", "sleep",
           "create_eager_task_factory", "eager_task_factory", "_register_task")  # fmt: skip


_next_task_number = itertools.count(1).__next__

#: Weak references to registered tasks, for all_tasks(). Weak, so that a task that nothing else
#: refers to can be freed (gh-91887):
#:     create_task(wait_for_ever())    # awaits a future that nothing else refers to: the garbage
#:                                     # collector frees it, and "Task was destroyed" is logged
#:     create_task(sleep(60))          # the loop's timer refers to its future: it stays alive
#: Each reference removes itself from the set; a WeakSet does the same, more slowly.
_tasks: set[ref[Task[Any]]] = set()
# One bound method for all tasks; each use of `_tasks.discard` would create a new one.
_forget = _tasks.discard


class Task(Future[T]):
    """A coroutine that the event loop runs; its return value becomes the Future's result.

    Keep a reference to a task that you start. The loop keeps a task alive only if it is ready, or
    waits for a timer, a descriptor or a thread. A task that awaits a future to which nothing else
    refers is garbage-collected (gh-91887).
    """

    __slots__ = ("_coro", "_context", "_name", "_fut_waiter", "_must_cancel",
                 "_num_cancels_requested", "_log_destroy_pending", "_registered")  # fmt: skip

    def __init__(self, coro: Coro[T], *, loop: Loop | None = None, name: object = None,
                 context: Context | None = None, eager_start: bool = False) -> None:  # fmt: skip
        """Schedule the first step of `coro`; with `eager_start`, run it at once if the loop runs.

        `name` is shown in the repr, `context` is the contextvars.Context that the coroutine runs
        in, by default a copy of the current one. Raises TypeError if `coro` is not a coroutine or
        `context` is not a Context.
        """
        super().__init__(loop=loop)
        self._start(coro, name, context)
        if eager_start and self._loop.is_running():
            self._run_eagerly()
        else:
            # all_tasks() looks for tasks in the ready queue, but here the queue will hold a Handle.
            _register_task(self)
            # By call_soon(), because a derived loop may override it, for example to count what is
            # scheduled. loop.create_task() is faster: it puts the task into the ready queue itself,
            # although an overridden call_soon() then does not see it ("Task steps and call_soon" in
            # tests/README.md).
            # The step enters the task's context, so the handle needs no copy of the current one.
            self._log_destroy_pending = True
            self._loop.call_soon(self._run, context=self._loop._empty_context)

    def _start(self, coro: Coro[T], name: object = None, context: Context | None = None) -> None:
        """Set the attributes of a Task, after those of a Future; `loop.create_task()` calls this.

        Why not __init__? loop.create_task() skips the constructor, which would register the task
        and schedule a Handle.
        """
        # The step calls the type's `send`; a Mock(spec=Coroutine) is a coroutine whose type has
        # none.
        kind = type(coro)
        if kind is not CoroutineType and not (iscoroutine(coro) and hasattr(kind, "send")):
            raise TypeError(f"a coroutine was expected, got {coro!r}")
        if context is None:
            context = copy_context()
        elif not isinstance(context, Context):
            # Without this check the first step would fail, far from the mistake (gh-157301).
            raise TypeError(f"a contextvars.Context was expected, got {type(context).__name__}")
        self._coro: Any = coro
        self._context = context
        self._name = _next_task_number() if name is None else str(name)  # see get_name
        # The future that the coroutine awaits. (asyncio's name is misleading: the task is a waiter
        # of the future.) Written when a step ends, cleared when the next one begins.
        self._fut_waiter: Future[Any] | None = None
        # The next step must raise CancelledError: cancel() found no pending future to cancel.
        self._must_cancel = False
        self._num_cancels_requested = 0  # calls of cancel() minus calls of uncancel()
        # Report the task if it is freed while it is pending (see __del__): once it is in its place.
        self._log_destroy_pending = False
        self._registered = False  # _start_waiting has put the task into _tasks (see all_tasks)

    def _run_eagerly(self) -> None:
        """Run the first step at once, inside the current task's step (gh-97696)."""
        # Only here does one step run inside another: inside the step of the task that calls
        # create_task(). Afterwards that task is the current task again.
        loop = self._loop
        # RuntimeError if the context is in use already. The caller gets the exception and no task:
        #     context.run(Task, coro(), context=context, eager_start=True)
        # In the step, the exception would end a task whose coroutine has never run.
        self._context.run(bool)
        self._log_destroy_pending = True
        loop._interrupted_tasks.append(loop._current_task)
        try:
            self._run()
        finally:
            loop._current_task = loop._interrupted_tasks.pop()
            # A coroutine that has ended here is dropped, as in asyncio: get_coro() returns None.
            if self._state is not PENDING:
                self._coro = None
            del self  # the exception refers to this frame: see _run

    # -- one step ----------------------------------------------------------------------------------

    def _run(self) -> None:
        """Resume the coroutine until it has to wait, returns, or raises."""
        # Done already? Then the program has completed the task itself, while it was in the ready
        # queue:
        #     Future.set_result(task, 1)
        if self._state is not PENDING:
            return self._report_late_step()
        loop, coro, future = self._loop, self._coro, self._fut_waiter
        loop._current_task = self
        self._fut_waiter = None
        try:
            # If the future has a result, there is nothing to throw: Future.__await__ returns it.
            fail = future is not None and (
                future._exception is not None or future._state is CANCELLED
            )
            if self._must_cancel or fail:
                # Raise where the coroutine waits: it was cancelled, or what it awaits has failed.
                # A coroutine that has not started raises at once, and none of its code runs.
                error = self._exception_to_throw(future)
                awaited = self._context.run(type(coro).throw, coro, error)
            else:
                # The coroutine runs here, until it has to wait, returns or raises. Why not
                # `coro.send`? That makes a bound method, and a task switch would take 10 % longer
                # on CPython 3.13, 4 % on 3.11.
                awaited = self._context.run(type(coro).send, coro, None)  # THE ONLY send
            if awaited is None:  # a bare yield, as in sleep(0): run again in the next iteration
                loop._ready.append(self)
            else:
                self._start_waiting(awaited)
        except StopIteration as stop:
            # The coroutine has returned. `return 1` leaves send() as StopIteration(1), because that
            # is how generators return a value.
            if self._must_cancel or self._state is not PENDING:
                self._end_without_result()
            else:
                self._state, self._result = FINISHED, stop.value
                self._schedule_waiters()
        except BaseException as exc:
            # The coroutine has raised: its own exception, or the CancelledError that was thrown in
            # and that it did not catch. The task keeps it for its waiters, and the loop goes on.
            self._end_with_exception(exc)
            if isinstance(exc, (KeyboardInterrupt, SystemExit)):
                raise  # these two end run_forever() as well as the task
            # Since 3.12 the coroutine's frame refers to this frame, by `f_back`, so the exception
            # keeps this frame alive. This frame must not refer to the task.
            del self, coro
        finally:
            loop._current_task = None
            # The coroutine may keep the exception, whose traceback can refer to this frame.
            future = error = None  # type: ignore[assignment]

    def _exception_to_throw(self, future: Future[Any] | None) -> BaseException:
        """Return the exception that the step raises in the coroutine.

        Two can be pending at once: the task was cancelled, and the future that it awaits failed.

            future.set_exception(OSError())    # the task is ready, and will see OSError
            task.cancel()                      # before it runs: it sees CancelledError instead

        If the awaited future was cancelled too, the coroutine gets only the CancelledError of the
        future. Example: of two calls of task.cancel(), the first cancels the future, and the second
        sets _must_cancel.
        """
        error = None if future is None else future._take_exception()
        if self._must_cancel:
            self._must_cancel = False
            if not isinstance(error, CancelledError):
                return self._make_cancelled_error()
        return error  # type: ignore[return-value]

    def _start_waiting(self, awaited: Any) -> None:
        """Become a waiter of the future that the coroutine has yielded.

        If that is impossible, the next step raises a RuntimeError with the reason in the coroutine.
        If the code of another library raises an exception here, it ends the task, not the loop.
        """
        # `ours` is true if the task can wait for `awaited` and can use its attributes directly. If
        # its class overrides result() or add_done_callback(), the task uses only its methods, as
        # with a future of another library.
        kind = type(awaited)
        ours = (
            (kind is Future or kind is Task or _is_awaited_like_a_future(kind))
            and awaited._asyncio_future_blocking
            and awaited._loop is self._loop
            and awaited is not self
        )
        if not ours and (mistake := self._mistake_in(awaited)):
            awaited = self._failed(RuntimeError(mistake))
        # This comes first. A signal can arrive in any call below, and the SIGINT handler of run()
        # calls cancel(), which has to find the future here. In the other order, cancel() would set
        # _must_cancel, and the task would sleep until the future is done.
        self._fut_waiter = awaited
        # The coroutine can cancel its own task and go on to await something:
        #     asyncio.current_task().cancel(); await future
        if self._must_cancel and awaited.cancel(msg=self._cancel_message):
            self._must_cancel = False
        awaited._asyncio_future_blocking = False
        if not self._registered:  # see all_tasks
            self._registered = True
            _register_task(self)
        if ours:
            awaited._add_waiter(self)
        else:
            self._context.run(awaited.add_done_callback, self._wakeup)

    def _mistake_in(self, awaited: Any) -> str | None:
        """Return an error message if the task cannot wait for `awaited`, else None."""
        if getattr(awaited, "_asyncio_future_blocking", None) is None:
            if not isinstance(awaited, GeneratorType):
                return f"Task got bad yield: {awaited!r}"
            misused = "yield was used instead of yield from for generator"
            return f"{misused} in task {self!r} with {awaited!r}"
        if _loop_of(awaited) is not self._loop:
            return f"Task {self!r} got Future {awaited!r} attached to a different loop"
        if not awaited._asyncio_future_blocking:
            return f"yield was used instead of yield from in task {self!r} with {awaited!r}"
        return f"Task cannot await on itself: {self!r}" if awaited is self else None

    def _wakeup(self, future: Any) -> None:
        """Run the next step. This is the done-callback of a future that is not `ours`.

        See _start_waiting. Only the public methods of such a future are used. If it has failed,
        `_fut_waiter` becomes a Future with the same exception, because `_run` reads its attributes.
        """
        try:
            future.result()
            self._fut_waiter = None
        except BaseException as exc:
            self._fut_waiter = self._failed(exc)
        self._run()
        del self  # the exception refers to this frame: see Future.__await__

    def _failed(self, error: BaseException) -> Future[Any]:
        """Return a Future that has failed with `error`."""
        failed: Future[Any] = Future(loop=self._loop)
        failed.set_exception(error)
        return failed

    # -- the end -----------------------------------------------------------------------------------

    def _end_without_result(self) -> None:
        """End the task as cancelled, or report a late step: the coroutine's value is not used."""
        if self._state is not PENDING:
            self._report_late_step()
        else:
            # cancel() was called in the last step, so there was no await left to raise it at:
            #     asyncio.current_task().cancel(); return 1
            # The request would be lost, so the task ends as cancelled instead of returning 1.
            self._must_cancel = False
            Future.cancel(self, self._cancel_message)

    def _end_with_exception(self, exc: BaseException) -> None:
        # Drop the frame of _run from the traceback: it says nothing, and makes a reference cycle
        #     task → exception → traceback → frame of _run → task
        exc.__traceback__ = exc.__traceback__ and exc.__traceback__.tb_next
        if isinstance(exc, CancelledError):
            # Do not pass the message on: later waiters get a CancelledError without one, as in
            # asyncio.
            if Future.cancel(self):  # False if the task is done already
                self._cancelled_exc, self._must_cancel = exc, False
        elif self._state is PENDING:
            Future.set_exception(self, exc)
        else:
            self._report_late_step()

    def _report_late_step(self) -> None:
        """Report a step of a task that is done: `Future.set_result(task, 1)` was called on it."""
        error = InvalidStateError(f"step(): already done: {self!r}, {self._coro!r}")
        self._loop.call_exception_handler({"message": "Exception in a step", "exception": error})

    def set_result(self, result: T) -> None:
        """Raise RuntimeError: only the coroutine decides the result of its task."""
        raise RuntimeError("Task does not support set_result operation")

    def set_exception(self, exception: BaseException | type[BaseException]) -> None:
        """Raise RuntimeError: only the coroutine decides how its task ends."""
        raise RuntimeError("Task does not support set_exception operation")

    # -- cancellation ------------------------------------------------------------------------------

    def cancel(self, msg: Any | None = None) -> bool:
        """Request cancellation: raise CancelledError where the coroutine waits.

        Returns False if the task is done. The coroutine may clean up, wait, or refuse by catching
        the exception, so True does not mean that the task will be cancelled. `msg` becomes the
        argument of the CancelledError. Each call counts: see `cancelling` and `uncancel`.
        """
        if self._state is not PENDING:
            self._log_traceback = False
            return False
        # timeout() and TaskGroup cancel tasks too. By this count they find out whether other code
        # has cancelled the task as well.
        self._num_cancels_requested += 1
        # There are two ways to deliver the request.
        # 1. This task, A, waits for a pending future: cancel that future. It wakes A, and A's next
        #    step raises the CancelledError of the future.
        #        async def a(): await b        # a.cancel() calls b.cancel(), and so on inwards
        #    If the future is a task B, B may catch the exception and go on, or return a result,
        #    which A then gets. So _fut_waiter stays set, and the next a.cancel() asks B again.
        # 2. A does not wait: its next step raises. This is how a task is cancelled
        #        before its first step        task = create_task(f()); task.cancel()
        #        between its steps            await sleep(0)    # it is in the ready queue
        #        inside its own step          current_task().cancel()
        #        when the future is done      future.set_result(1); task.cancel()
        # Tempting: always set _must_cancel, and put A into the ready queue. B would run on although
        # nothing waits for it any more, and A would still be a waiter of B, so the end of B would
        # resume A a second time.
        if self._fut_waiter is None or not self._fut_waiter.cancel(msg=msg):
            self._must_cancel, self._cancel_message = True, msg
        return True

    def cancelling(self) -> int:
        """Return the number of cancellation requests that were not taken back by `uncancel`."""
        return self._num_cancels_requested

    def uncancel(self) -> int:
        """Take back one cancellation request; return how many are left.

        Code that calls `cancel()` for a purpose of its own, as `timeout()` does, calls this once it
        has caught the CancelledError. Otherwise an enclosing timeout or TaskGroup concludes that
        other code has cancelled the task as well: a timeout then raises CancelledError instead of
        TimeoutError. If no request is left and the CancelledError was to be raised by the next
        step, it is not raised (gh-116720). If `cancel()` has cancelled the future that the task
        waits for, it is still raised.
        """
        if self._num_cancels_requested > 0:
            self._num_cancels_requested -= 1
            # The request was made and taken back within one step:
            #     current_task().cancel(); current_task().uncancel()
            #     await sleep(1)    # without these two lines, it would raise
            if self._num_cancels_requested == 0:
                self._must_cancel = False
        return self._num_cancels_requested

    # -- asking about it ---------------------------------------------------------------------------

    def get_coro(self) -> Coro[T] | None:
        """Return the coroutine; None if it ended in the first step of an eager task."""
        return self._coro  # type: ignore[no-any-return]

    def get_context(self) -> Context:
        """Return the contextvars.Context that the coroutine runs in."""
        return self._context

    def get_name(self) -> str:
        """Return the name given, or `Task-N`, numbered in the order of creation."""
        # Few names are ever asked for, so the string is made here and not for each task.
        return f"Task-{self._name}" if isinstance(self._name, int) else self._name

    def set_name(self, value: object) -> None:
        """Set the name to `str(value)`."""
        self._name = str(value)

    def get_stack(self, *, limit: int | None = None) -> list[FrameType]:
        """Return the coroutine's frames, the oldest first.

        A suspended coroutine has one frame. A running one has that frame and those of its callers.
        A failed one has the frames of its traceback. One that returned or was cancelled has none.
        `limit` is a number of frames: the newest of a running coroutine, the oldest of a traceback.
        """
        return _task_stack(self, limit)

    def print_stack(self, *, limit: int | None = None, file: TextIO | None = None) -> None:
        """Print the frames of `get_stack` as a traceback, to `file` or to standard error."""
        _print_task_stack(self, limit, file)

    _repr_info = _task_repr_info

    def __del__(self) -> None:
        # Nothing refers to the task any more, so nothing can resume it:
        #     create_task(waits_for(Future()))    # only the future refers to the task, see _tasks
        # `_log_destroy_pending` is missing if __init__ has refused its arguments.
        if self._state is PENDING and getattr(self, "_log_destroy_pending", False):
            message = "Task was destroyed but it is pending!"
            _report(self._loop, message, self._source_traceback, task=self)
        elif self._log_traceback:
            super().__del__()


def _is_awaited_like_a_future(kind: type) -> bool:
    """Return True for a class of futures that overrides neither result nor add_done_callback."""
    return issubclass(kind, Future) and (
        kind.result is Future.result and kind.add_done_callback is Future.add_done_callback
    )


# -- making tasks ----------------------------------------------------------------------------------


def create_task(coro: Coro[T], **kwargs: Any) -> Task[T]:
    """Start `coro` as a Task of the running loop, and return the task.

    The keyword arguments are those of `loop.create_task()`. Raises RuntimeError if no loop runs,
    TypeError if `coro` is not a coroutine.
    """
    loop = events.get_running_loop()
    # Passing on an empty `**kwargs` also takes time: starting a task would take 5 % longer.
    return loop.create_task(coro, **kwargs) if kwargs else loop.create_task(coro)  # type: ignore[no-any-return]


def create_eager_task_factory(custom_task_constructor: Callable[..., Any]) -> Callable[..., Any]:
    """Return a task factory that calls the constructor with `eager_start=True`.

    Pass it to `loop.set_task_factory()`. An eager task runs its first step inside `create_task()`.
    If it never waits, it is done when `create_task()` returns.
    """

    def factory(loop: Loop, coro: Any, *, eager_start: bool = True, **kwargs: Any) -> Any:
        return custom_task_constructor(coro, loop=loop, eager_start=eager_start, **kwargs)

    return factory


eager_task_factory = create_eager_task_factory(Task)


def ensure_future(coro_or_future: Awaitable[T], *, loop: Loop | None = None) -> Future[T]:
    """Return a Future unchanged; wrap a coroutine or another awaitable in a Task.

    Raises TypeError for anything else, ValueError if a future belongs to a loop other than `loop`.
    """
    coro: Any = coro_or_future
    # Most arguments are coroutines, and then there is nothing else to ask. Without this test, a
    # gather takes 6 to 8 % longer on CPython 3.13, and 21 % longer on 3.11.
    if type(coro) is not CoroutineType:
        if isfuture(coro_or_future):
            if loop is not None and loop is not _loop_of(coro_or_future):
                where = "to a different loop than the one specified as the loop argument"
                raise ValueError(f"The future belongs {where}")
            return coro_or_future
        if not iscoroutine(coro):
            if not _isawaitable(coro_or_future):
                raise TypeError("An asyncio.Future, a coroutine or an awaitable is required")
            coro = _await(coro_or_future)
    loop = events.get_event_loop() if loop is None else loop
    try:
        # By the loop's method, so that a task factory or a loop of the program's own is used.
        return loop.create_task(coro)  # type: ignore[no-any-return]
    except RuntimeError:
        coro.close()  # otherwise a warning says that it was never awaited
        raise


async def _await(awaitable: Awaitable[T]) -> T:
    return await awaitable


def _loop_of(future: Any) -> Loop:
    """Return the loop of a future of any library: get_loop() or, in old classes, `_loop`."""
    get_loop = getattr(future, "get_loop", None)
    return future._loop if get_loop is None else get_loop()


# -- the current task, and all tasks ---------------------------------------------------------------


def current_task(loop: Loop | None = None) -> Task[Any] | None:
    """Return the task whose step is running, None inside a plain callback.

    `loop` is the running loop by default; RuntimeError if there is none.
    """
    loop = events.get_running_loop() if loop is None else loop
    if isinstance(loop, AbstractEventLoop):
        return getattr(loop, "_current_task", None)
    # _enter_task() has set it, for a loop of any class. vars(), because a loop that is a Mock has
    # every attribute.
    return vars(loop).get("_current_task")


def all_tasks(loop: Loop | None = None) -> set[Task[Any]]:
    """Return the tasks of `loop`, by default of the running loop, that are not done."""
    loop = events.get_running_loop() if loop is None else loop
    # create_task() does not register a task in _tasks. That happens when the task first awaits a
    # pending future. Until then it is in the ready queue, or it is running, or a step of it starts
    # an eager task. A task that never waits is never registered: if create_task() registered every
    # task, such a task would take 8 to 14 % longer.
    # Another thread can add a task at any moment. copy() is atomic under the GIL. Iterating over
    # _tasks itself would sometimes raise "Set changed size during iteration" (gh-80788).
    tasks = set(filter(None, (reference() for reference in _tasks.copy())))
    if isinstance(loop, AbstractEventLoop) and hasattr(loop, "_interrupted_tasks"):
        entries = (loop._current_task, *loop._interrupted_tasks, *loop._ready.copy())  # type: ignore[attr-defined]
        tasks.update(entry for entry in entries if isinstance(entry, Task))
    return {task for task in tasks if _loop_of(task) is loop and not task.done()}


def _register_task(task: Any) -> None:
    """Let `all_tasks` find `task`. More hooks for other libraries' tasks are in combinators.py."""
    _tasks.add(ref(task, _forget))


# -- sleep -----------------------------------------------------------------------------------------


@coroutine
def _yield_once() -> Generator[None, None, None]:
    """Suspend the task for one iteration. A bare yield needs no Future: see Task._run."""
    yield


async def sleep(delay: float, result: T | None = None) -> T | None:
    """Wait for `delay` seconds, then return `result`.

    With a delay of 0 or less, let the other tasks run for one iteration. Raises ValueError if
    `delay` is NaN.
    """
    if delay <= 0:
        # A timer of 0 seconds would do the same, but needs a Future, a Handle and a heap entry.
        await _yield_once()
        return result
    if math.isnan(delay):
        raise ValueError("Invalid delay: NaN (not a number)")
    loop = events.get_running_loop()
    future: Future[None] = loop.create_future()
    timer = loop.call_later(delay, _set_result_unless_cancelled, future)
    try:
        await future
    except BaseException:  # the sleep was interrupted: the timer may still be in the heap
        timer.cancel()
        raise
    return result
