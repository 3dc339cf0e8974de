"""Task: a Future that drives a coroutine to its end, one step a turn.

Purpose: the bridge between `await` and the event loop. A step resumes the coroutine with
`send(None)`; the coroutine runs until it awaits something that is not ready, and what it yields
says what to wait for.
Rules: a Task is itself an entry of the ready queue, and its `_run` is the step; while it waits, it
stands among the waiters of one future, which puts it back into the queue. So at any moment a task
that has not ended is in exactly one of three places: running, in the ready queue, or among a
future's waiters; for another library's future, a Handle of `_wakeup` stands there in its place.
This file does not know timers or sockets. Read futures.py first.
"""

from __future__ import annotations

import itertools
import math
import types
from contextvars import Context, copy_context
from types import CoroutineType, FrameType, GeneratorType
from weakref import ref

from . import events
from .coroutines import _isawaitable, iscoroutine
from .events import Coro, Loop, _tell
from .exceptions import CancelledError, InvalidStateError
from .format_helpers import _print_task_stack, _task_repr_info, _task_stack
from .futures import CANCELLED, FINISHED, PENDING, Future, _set_result_unless_cancelled, isfuture
from .hints import Any, Awaitable, Callable, Generator, T, TextIO

__all__ = ("Task", "create_task", "ensure_future", "current_task", "all_tasks", "sleep",
           "create_eager_task_factory", "eager_task_factory", "_register_task", "_unregister_task",
           "_enter_task", "_leave_task")  # fmt: skip


_next_task_number = itertools.count(1).__next__

#: Weak references to tasks, each of which discards itself: what a WeakSet does, well below its
#: price. Weak, for a task that nobody can reach any more must be able to go. See all_tasks.
_tasks: set[ref[Task[Any]]] = set()
_forget = _tasks.discard  # one bound method for all; `_tasks.discard` would make one for each task


class Task(Future[T]):
    """A coroutine on its way through the event loop; its result becomes the Future's.

    Keep a reference to a task that you start: the loop holds only what is ready or has a timer, and
    a task that waits for something nobody else holds is garbage (gh-91887).
    """

    # Invariant, for a task that has not ended and is not running: it stands in the ready queue,
    # unless _fut_waiter is a pending future; then it stands among that future's waiters.
    __slots__ = ("_coro", "_context", "_name", "_fut_waiter", "_must_cancel",
                 "_num_cancels_requested", "_log_destroy_pending", "_registered")  # fmt: skip

    def __init__(self, coro: Coro[T], *, loop: Loop | None = None, name: object = None,
                 context: Context | None = None, eager_start: bool = False) -> None:  # fmt: skip
        loop = events.get_event_loop() if loop is None else loop
        self._start(coro, loop, name, context)
        if eager_start and loop.is_running():
            self._run_eagerly()
        else:
            _register_task(self)
            # The step brings its own context. By call_soon, which a derived loop may have changed;
            # create_task, which belongs to the loop, takes the short way.
            loop.call_soon(self._run, context=loop._empty_context)

    def _start(self, coro: Coro[T], loop: Loop, name: object, context: Context | None) -> None:
        """What __init__ does; create_task() comes straight here: keywords cost extra."""
        self._begin(loop)
        kind = type(coro)
        if kind is not CoroutineType and not (iscoroutine(coro) and hasattr(kind, "send")):
            raise TypeError(f"a coroutine was expected, got {coro!r}")
        self._coro: Any = coro
        self._context = copy_context() if context is None else context
        self._name = _next_task_number() if name is None else str(name)  # see get_name
        # What the coroutine awaits: written by one step, cleared by the next.
        self._fut_waiter: Future[Any] | None = None
        # cancel() came when nothing was awaited: the next step raises CancelledError.
        self._must_cancel = False
        self._num_cancels_requested = 0  # cancel() calls less uncancel() calls
        self._log_destroy_pending, self._registered = True, False  # see __del__ and all_tasks

    def _run_eagerly(self) -> None:
        """Take the first step at once, inside the step of the current task (gh-97696)."""
        interrupted = self._loop._interrupted_tasks
        interrupted.append(self._loop._current_task)
        try:
            self._run()
        finally:
            interrupted.pop()
        if self._state is not PENDING:
            self._coro = None  # asyncio lets it go as well; see get_coro

    # -- one step ---------------------------------------------------------------------------------

    def _run(self) -> None:
        """Resume the coroutine and see what it does: await something, return, or raise."""
        loop, coro, waiter = self._loop, self._coro, self._fut_waiter
        outer_task = loop._current_task
        loop._current_task = self
        self._fut_waiter = None
        try:
            # Here the coroutine runs, up to its next await.
            if self._must_cancel or (waiter is not None and waiter._state is not FINISHED):
                if self._state is not PENDING:
                    return self._complain_of_step()
                awaited = self._context.run(type(coro).throw, coro, self._bad_news(waiter))
            else:
                # The type's method: `coro.send` would make a bound one, an eighth of a task switch.
                awaited = self._context.run(type(coro).send, coro, None)  # THE ONLY send
            if awaited is None:  # a bare yield, as in sleep(0): once more in the next turn
                loop._ready.append(self)
            else:
                self._wait_for(awaited)
        except StopIteration as stop:
            if self._must_cancel:
                # cancel() came in this last step, too late to be raised: it wins all the same.
                Future.cancel(self, self._cancel_message)
            else:
                self._state, self._outcome = FINISHED, stop.value
                if self._callbacks is not None:
                    Future._wake_waiters(self)
        except BaseException as exc:
            self._end_with_exception(exc)
            if isinstance(exc, (KeyboardInterrupt, SystemExit)):
                raise
            # From 3.12 on the traceback leads back to this frame; it shall not lead to the task.
            del self, coro
        finally:
            loop._current_task = outer_task
            waiter = None  # which may be, or hold, an exception that the coroutine keeps

    def _bad_news(self, waiter: Future[Any] | None) -> BaseException:
        """The exception that the coroutine is resumed with.

        A cancellation replaces the failure of what was awaited, unless that failure is itself one:
        the two are then one cancellation, and the coroutine sees it once.
        """
        failed = waiter is not None and waiter._state is not FINISHED
        error = waiter._failure() if failed else None  # type: ignore[union-attr]
        if self._must_cancel:
            self._must_cancel = False
            if not isinstance(error, CancelledError):
                return self._make_cancelled_error()
        return error  # type: ignore[return-value]

    def _wait_for(self, awaited: Any) -> None:
        """Stand among the waiters of the future that the coroutine has yielded.

        What another library's class raises here ends the task, and not the loop.
        """
        kind = type(awaited)
        ours = (
            (kind is Future or kind is Task or _is_awaited_like_a_future(kind))
            and awaited._asyncio_future_blocking
            and awaited._loop is self._loop
            and awaited is not self
        )
        if not ours and (complaint := self._complaint(awaited)):
            awaited = self._failed(RuntimeError(complaint))
        # First: a signal may come in any of these calls, and Ctrl-C cancels what stands here.
        self._fut_waiter = awaited
        if self._must_cancel and awaited.cancel(msg=self._cancel_message):
            self._must_cancel = False
        awaited._asyncio_future_blocking = False
        if not self._registered:
            self._registered = True
            _register_task(self)
        if ours:
            awaited._add_waiter(self)
        else:
            self._context.run(awaited.add_done_callback, self._wakeup)

    def _complaint(self, awaited: Any) -> str | None:
        """What is wrong with what the coroutine has yielded; None if it can be awaited."""
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
        """The done-callback for a future not exactly ours; it is asked by its public methods."""
        try:
            future.result()
            self._fut_waiter = None
        except BaseException as exc:
            self._fut_waiter = self._failed(exc)
        self._run()

    def _failed(self, error: BaseException) -> Future[Any]:
        """A future that has failed with `error`, to stand for something that is not a Future."""
        failed: Future[Any] = Future(loop=self._loop)
        failed.set_exception(error)
        return failed

    # -- the end ----------------------------------------------------------------------------------

    def _wake_waiters(self) -> None:
        """Somebody may have called `Future.set_result(task, …)`: no further step may be taken."""
        self._must_cancel = self._loop._current_task is not self
        Future._wake_waiters(self)

    def _complain_of_step(self) -> None:
        error = InvalidStateError(f"step(): already done: {self!r}, {self._coro!r}")
        self._loop.call_exception_handler({"message": "Exception in a step", "exception": error})

    def _end_with_exception(self, exc: BaseException) -> None:
        # Without the frame of _run, which says nothing and would make a cycle.
        exc.__traceback__ = exc.__traceback__ and exc.__traceback__.tb_next
        if isinstance(exc, CancelledError):
            self._state, self._outcome, self._must_cancel = CANCELLED, exc, False
            Future._wake_waiters(self)
        else:
            Future.set_exception(self, exc)

    def set_result(self, result: T) -> None:
        """Raise RuntimeError: only the coroutine decides the result of its task."""
        raise RuntimeError("Task does not support set_result operation")

    def set_exception(self, exception: BaseException | type[BaseException]) -> None:
        """Raise RuntimeError: only the coroutine decides how its task ends."""
        raise RuntimeError("Task does not support set_exception operation")

    # -- cancellation -----------------------------------------------------------------------------

    def cancel(self, msg: Any | None = None) -> bool:
        """Ask the coroutine to stop, by a CancelledError where it waits; False if it has ended.

        The coroutine may clean up, wait, or refuse; whether the task ends as cancelled is known
        when it ends. Every call counts: see `cancelling` and `uncancel`.
        """
        if self._state is not PENDING:
            self._mark_retrieved()
            return False
        self._num_cancels_requested += 1
        # Cancel what it waits for, and the CancelledError comes back by that way. _fut_waiter
        # stays: a task that waits in turn may refuse, and is asked again by the next cancel().
        if self._fut_waiter is None or not self._fut_waiter.cancel(msg=msg):
            self._must_cancel, self._outcome = True, msg
        return True

    def cancelling(self) -> int:
        """Return how many requests to cancel are outstanding."""
        return self._num_cancels_requested

    def uncancel(self) -> int:
        """Take one request to cancel back; return how many are left.

        Whoever called `cancel()` for a reason of its own, as `timeout()` does, calls this when the
        reason is dealt with, so that what encloses it does not take the request for its own. With
        the last request goes a cancellation that was not raised yet (gh-116720).
        """
        if self._num_cancels_requested > 0:
            self._num_cancels_requested -= 1
            self._must_cancel = self._must_cancel and self._num_cancels_requested > 0
        return self._num_cancels_requested

    # -- looking at it ----------------------------------------------------------------------------

    def get_coro(self) -> Coro[T] | None:
        """Return the coroutine; None if it ended in an eager first step."""
        return self._coro  # type: ignore[no-any-return]

    def get_context(self) -> Context:
        """Return the context that the coroutine runs in."""
        return self._context

    def get_name(self) -> str:
        """Return the name given, or Task-N by the order of creation."""
        # Most names are never asked for, so the string is made here and not in __init__.
        return f"Task-{self._name}" if isinstance(self._name, int) else self._name

    def set_name(self, value: object) -> None:
        """Give the task a name; any object will do, its str() is kept."""
        self._name = str(value)

    def get_stack(self, *, limit: int | None = None) -> list[FrameType]:
        """Return the coroutine's frames, oldest first.

        That is one frame where it is suspended, the frames of the traceback where it failed, none
        where it has returned or was cancelled. `limit` keeps the newest frames, or a traceback's
        oldest.
        """
        return _task_stack(self, limit)

    def print_stack(self, *, limit: int | None = None, file: TextIO | None = None) -> None:
        """Print what `get_stack` returns like a traceback, to `file` or standard error."""
        _print_task_stack(self, limit, file)

    _repr_info = _task_repr_info

    def _twin(self, plain: Any = None) -> Any:
        twin = super()._twin(Task)
        twin._coro, twin._context, twin._name = self._coro, self._context, self._name
        twin._fut_waiter, twin._num_cancels_requested = None, self._num_cancels_requested
        twin._must_cancel = twin._log_destroy_pending = False
        return twin

    def __del__(self) -> None:
        # No attribute: __init__ has refused its arguments.
        if self._state is PENDING and getattr(self, "_log_destroy_pending", False):
            message = "Task was destroyed but it is pending!"
            _tell(self._loop, message, self._source_traceback, task=self)


def _is_awaited_like_a_future(kind: type) -> bool:
    """True of a class derived from Future, unless it tells in its own way how it has ended."""
    return issubclass(kind, Future) and (
        kind.result is Future.result and kind.add_done_callback is Future.add_done_callback
    )


# -- making tasks ---------------------------------------------------------------------------------


def create_task(coro: Coro[T], *, name: object = None, context: Context | None = None) -> Task[T]:
    """Start `coro` as a Task of the running loop and return the task.

    Raises RuntimeError where no loop runs, TypeError if `coro` is not a coroutine.
    """
    loop = events.get_running_loop()
    if context is None:
        # A loop that somebody has derived may have a create_task without this parameter.
        return loop.create_task(coro, name=name)  # type: ignore[no-any-return]
    return loop.create_task(coro, name=name, context=context)  # type: ignore[no-any-return]


def create_eager_task_factory(custom_task_constructor: Callable[..., Any]) -> Callable[..., Any]:
    """Return a task factory that calls the constructor with `eager_start=True`.

    For `loop.set_task_factory()`. An eager task takes its first step inside `create_task()`; one
    that never has to wait has ended when `create_task()` returns.
    """

    def factory(loop: Loop, coro: Any, *, name: object = None, context: Any = None) -> Any:
        options = {"name": name, "context": context, "eager_start": True}
        return custom_task_constructor(coro, loop=loop, **options)

    return factory


eager_task_factory = create_eager_task_factory(Task)


def ensure_future(coro_or_future: Awaitable[T], *, loop: Loop | None = None) -> Future[T]:
    """Return a Future as it is; make a Task of a coroutine or of any other awaitable.

    Raises TypeError for anything else, ValueError for a future of another loop than `loop`.
    """
    coro: Any = coro_or_future
    if type(coro) is not CoroutineType:  # asked first, for that is quick, and most are
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
        return loop.create_task(coro)  # type: ignore[no-any-return]
    except RuntimeError:
        coro.close()  # nobody will await it, and nobody shall be told so
        raise


async def _await(awaitable: Awaitable[T]) -> T:
    return await awaitable


def _loop_of(future: Any) -> Loop:
    """The loop of any object that `isfuture`, by method or, for older ones, by attribute."""
    get_loop = getattr(future, "get_loop", None)
    return future._loop if get_loop is None else get_loop()


# -- which tasks are there ------------------------------------------------------------------------


def current_task(loop: Loop | None = None) -> Task[Any] | None:
    """Return the task whose step is being run, None in a plain callback.

    Without `loop`, the running loop is meant, and RuntimeError raised where there is none.
    """
    loop = events.get_running_loop() if loop is None else loop
    if isinstance(loop, events.AbstractEventLoop):
        return loop._current_task  # type: ignore[no-any-return, attr-defined]
    return vars(loop).get("_current_task")


def all_tasks(loop: Loop | None = None) -> set[Task[Any]]:
    """Return the tasks of `loop`, or else of the running loop, that have not ended."""
    loop = events.get_running_loop() if loop is None else loop
    # A task is registered when it waits for the first time: one that never waits is spared a tenth
    # of its time. Until then the loop's ready queue holds it, or its first step is being run.
    # Another thread may add a task at any moment; copy() is one step of the interpreter, a loop
    # over _tasks would now and then find it changed (gh-80788).
    tasks = set(filter(None, (reference() for reference in _tasks.copy())))
    if isinstance(loop, events.AbstractEventLoop):
        running = (loop._current_task, *loop._interrupted_tasks)  # type: ignore[attr-defined]
        entries = (*running, *loop._ready.copy())  # type: ignore[attr-defined]
        tasks.update(entry for entry in entries if isinstance(entry, Task))
    return {task for task in tasks if _loop_of(task) is loop and not task.done()}


# -- for classes that are not Task but stand in its place -----------------------------------------


def _register_task(task: Any) -> None:
    """Let `all_tasks` know of `task`."""
    _tasks.add(ref(task, _forget))


def _unregister_task(task: Any) -> None:
    """Let `all_tasks` forget `task`."""
    _forget(ref(task))


def _enter_task(loop: Loop, task: Any) -> None:
    """Make `task` the current one; RuntimeError if another is."""
    if (other := current_task(loop)) is not None:
        busy = f"while another task {other!r} is being executed."
        raise RuntimeError(f"Cannot enter into task {task!r} {busy}")
    loop._current_task = task


def _leave_task(loop: Loop, task: Any) -> None:
    """Make none the current one; RuntimeError if `task` is not."""
    if (other := current_task(loop)) is not task:
        raise RuntimeError(f"Leaving task {task!r} does not match the current task {other!r}.")
    loop._current_task = None


# -- sleep ----------------------------------------------------------------------------------------


@types.coroutine
def _yield_once() -> Generator[None, None, None]:
    """Give the turn away and come back in the next one: a bare yield needs no Future."""
    yield


async def sleep(delay: float, result: T | None = None) -> T | None:
    """Wait for `delay` seconds, then return `result`; with no delay, let the others have a turn.

    Raises ValueError if `delay` is not a number (NaN).
    """
    if delay <= 0:
        await _yield_once()
        return result
    if math.isnan(delay):
        raise ValueError("Invalid delay: NaN (not a number)")
    loop = events.get_running_loop()
    future: Future[None] = loop.create_future()
    # The callback looks at no context variable, and so needs no copy of the context made for it.
    context = loop._empty_context
    timer = loop.call_later(delay, _set_result_unless_cancelled, future, context=context)
    try:
        await future
        return result
    finally:
        timer.cancel()  # for a sleep that was cancelled; a timer that has fired does not mind
