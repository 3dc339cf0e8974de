"""The kernel of the event loop: a ready queue, a heap of timers, and one iteration after another.

Purpose: `Kernel`, the part of a loop that needs no file descriptor. Its heart is `_run_once`.
Invariants: an iteration has four phases: compute the timeout, select, move due timers to the ready
queue, run exactly the entries that were ready when that phase began. What they make ready waits for
the next iteration, so no entry starves the others. Entries run in the order in which they became
ready; only timers for the same time become ready in no particular order.

A loop's states and their transitions:

    stopped → running → stopped       run_forever(), stop()
    stopped → closed                  close()

This file does not depend on sockets: it waits through `self._selector`, which selector_events.py
provides. It calls a few hooks of debug.py and asyncgens.py, which are declared at the top of the
class. All other methods are added by unix_events.py, the table of contents of the whole loop. Read
tasks.py first.
"""

from __future__ import annotations

import collections
import heapq
import math
import sys
import threading
import time
import warnings
from contextvars import Context
from weakref import WeakSet, WeakValueDictionary

from . import events
from .abstract import AbstractEventLoop, TaskFactory, _call_task_factory
from .events import Callback, Handle, TimerHandle
from .futures import Future, _allocate, isfuture
from .hints import Any, Awaitable, Callable, Coro, Final, T
from .tasks import Task, _register_task, eager_task_factory, ensure_future

#: In seconds. On some systems, select() fails if the timeout does not fit into an integer.
MAXIMUM_SELECT_TIMEOUT: Final = 24 * 3600

# A cancelled timer stays in the heap until it is at the head, because removing it takes a search.
# The heap is rebuilt without cancelled timers if it has more than this number of entries, and more
# than this fraction of them is cancelled.
_MIN_SCHEDULED_TIMER_HANDLES: Final = 100
_MIN_CANCELLED_TIMER_HANDLES_FRACTION: Final = 0.5


class Kernel(AbstractEventLoop):
    """Runs callbacks, timers and tasks; BaseEventLoop in unix_events.py adds the rest."""

    # A class derived from BaseEventLoop must provide these; BaseSelectorEventLoop does.
    _selector: Any  # an object with select(timeout)
    _process_events: Callable[[Any], None]  # puts handles of ready descriptors into _ready
    _write_to_self: Callable[[], None]  # wakes the loop up from select(), from any thread

    # Methods that BaseEventLoop adds and that this file calls.
    _asyncgen_firstiter_hook: Callable[[Any], None]  # asyncgens.py
    _asyncgen_finalizer_hook: Callable[[Any], None]
    _check_call: Callable[..., None]  # debug.py
    _check_thread: Callable[[], None]
    _set_coroutine_origin_tracking: Callable[[bool], None]

    def __init__(self) -> None:
        """Set all attributes of a loop, including those that only later files use.

        Why not defaults in the classes? If an attribute is set in the class and in the instance,
        CPython 3.12 and later read it more slowly.
        """
        # -- this file
        # The entries to run, see events.py. A loop that is closed has a queue that refuses them.
        self._ready: collections.deque[Any] = collections.deque()
        # The heap of timers. The time comes first, so that the heap compares numbers, in C.
        self._scheduled: list[tuple[float, TimerHandle]] = []
        self._timer_cancelled_count = 0  # how many handles in _scheduled are cancelled
        self._clock_resolution = time.get_clock_info("monotonic").resolution  # seconds
        self._thread_id: int | None = None  # of the thread that runs the loop; None: it is stopped
        self._stopping = False  # stop() was called: run_forever() returns after this iteration
        self._closed = False
        self._task_factory: TaskFactory | None = None  # None: create_task() makes a Task
        self._run_ready = _run_ready  # phase 4 of an iteration; debug mode has a slower one

        # -- tasks.py
        self._current_task: Task[Any] | None = None  # the task whose step is running
        # The tasks that are in the middle of a step which starts an eager task; the newest is last.
        self._interrupted_tasks: list[Task[Any] | None] = []
        self._empty_context = Context()  # for callbacks that read no context variable

        # -- selector_events.py
        # True: call select() in every iteration. False: call it only if the loop has to wait,
        # because the selector watches only the wake-up socket, and a busy loop need not be woken
        # up. selector_events.py updates it; True suits a loop with another selector.
        self._poll_always = True
        self._ssock: Any = None  # the wake-up socket: this end is watched,
        self._csock: Any = None  # and this end is written to by other threads and by signals
        # File descriptor → the transport that owns it. Nothing else may watch that descriptor.
        self._transports: WeakValueDictionary[int, Any] = WeakValueDictionary()

        # -- reports.py, asyncgens.py, debug.py, threads.py, signals.py
        self._exception_handler: Any = None  # None: default_exception_handler()
        self._asyncgens: WeakSet[Any] = WeakSet()  # asynchronous generators that have started
        self._asyncgens_shutdown_called = False
        self._old_agen_hooks: Any = None  # the interpreter's hooks before run_forever()
        self._debug = False
        self.slow_callback_duration = 0.1  # seconds: debug mode logs what takes longer
        self._current_handle: Any = None  # in debug mode, the entry that is running
        self._saved_origin_depth: int | None = None  # not None while coroutine origins are tracked
        self._default_executor: Any = None  # made by the first run_in_executor(None, …)
        self._executor_shutdown_called = False
        self._signal_handlers: dict[int, Handle] = {}

    def __repr__(self) -> str:
        state = f"running={self.is_running()} closed={self.is_closed()} debug={self._debug}"
        return f"<{type(self).__name__} {state}>"

    # -- one iteration -----------------------------------------------------------------------------

    def _run_once(self) -> None:
        """Run one iteration of the loop."""
        ready, scheduled = self._ready, self._scheduled
        # Before phase 1: a cancelled timer at the head of the heap would end select() too early.
        if self._timer_cancelled_count:
            self._drop_cancelled_timers()

        # Phase 1: compute the timeout, in seconds. None means: wait until a descriptor is ready.
        timeout: float | None = None
        if ready or self._stopping:
            timeout = 0  # look at the descriptors, but do not wait
        elif scheduled:
            timeout = min(max(0, scheduled[0][0] - self.time()), MAXIMUM_SELECT_TIMEOUT)

        # Phase 2: select. It is skipped if entries are ready and the selector watches only the
        # wake-up socket (see _poll_always). The handles of ready descriptors are added at the end
        # of the ready queue.
        if timeout != 0 or self._poll_always:
            self._process_events(self._selector.select(timeout))  # THE ONLY select

        # Phase 3: move due timers to the ready queue, the earliest first. The resolution of the
        # clock is added: otherwise a timer that is due within the current tick of the clock would
        # take one more iteration and one more select(). Without `ulp`, the sum would equal `now`
        # once the clock shows more than 2**24 s (194 days of uptime, at a resolution of 1 ns), and
        # a timer for exactly `now` would not fire. On a test clock that moves only in select(), it
        # would never fire (gh-145703).
        if scheduled:
            now = self.time()
            end_time = now + max(self._clock_resolution, math.ulp(now))
            while scheduled and scheduled[0][0] < end_time:
                timer = heapq.heappop(scheduled)[1]
                timer._scheduled = False
                self._timer_cancelled_count -= timer.cancelled()
                ready.append(timer)

        # Phase 4: run the entries that are ready now, and none that they add. The tempting
        #     while ready: ready.popleft()._run()
        # would never come back to select() if a callback schedules itself again.
        self._run_ready(self)

    def _drop_cancelled_timers(self) -> None:
        """Remove cancelled timers from the head of the heap, or all of them if they are many."""
        scheduled = self._scheduled
        many = len(scheduled) * _MIN_CANCELLED_TIMER_HANDLES_FRACTION
        if len(scheduled) > _MIN_SCHEDULED_TIMER_HANDLES and self._timer_cancelled_count > many:
            # In place, because _run_once refers to the list. The removed timers keep _scheduled:
            # they are cancelled, and a second cancel() does not count them again.
            scheduled[:] = [entry for entry in scheduled if not entry[1].cancelled()]
            heapq.heapify(scheduled)
            self._timer_cancelled_count = 0
        while scheduled and scheduled[0][1].cancelled():
            heapq.heappop(scheduled)[1]._scheduled = False
            self._timer_cancelled_count -= 1

    def _timer_handle_cancelled(self, handle: TimerHandle) -> None:
        self._timer_cancelled_count += handle._scheduled

    # -- scheduling --------------------------------------------------------------------------------

    def time(self) -> float:
        """Return the loop's clock: seconds since some fixed moment. It never goes back."""
        return time.monotonic()

    def call_soon(self, callback: Callback, *args: Any, context: Context | None = None) -> Handle:
        """Schedule `callback(*args)` for the next iteration; first in, first out.

        `context` is the contextvars.Context to call it in, by default a copy of the current one.
        Raises RuntimeError if the loop is closed.
        """
        # Why not wake the loop up here? This call is made on the loop's own thread, so the loop is
        # not asleep. There is one exception: a handler of signal.signal() can run while the loop is
        # asleep. It must use call_soon_threadsafe().
        handle = Handle(callback, args, self, context)
        if self._debug:
            self._check_call(handle, "call_soon")
        self._ready.append(handle)
        return handle

    def call_later(self, delay: float, callback: Callback, *args: Any,
                   context: Context | None = None) -> TimerHandle:  # fmt: skip
        """Schedule `callback(*args)` to run in `delay` seconds; see `call_at`."""
        if delay is None:
            raise TypeError("delay must not be None")
        # Repacking `*args` would make a timer 16 % slower, so call_at() is called only if a derived
        # class or this instance overrides it.
        if getattr(self.call_at, "__func__", None) is not Kernel.call_at:
            return self.call_at(self.time() + delay, callback, *args, context=context)
        return self._call_at(self.time() + delay, callback, args, context)

    def call_at(self, when: float, callback: Callback, *args: Any,
                context: Context | None = None) -> TimerHandle:  # fmt: skip
        """Schedule `callback(*args)` for the time `when`, in seconds on the clock of `time()`.

        Two timers for the same time run in no particular order. Raises ValueError if `when` is NaN:
        the heap could not order it, and would no longer order the other timers.
        """
        if when is None:
            raise TypeError("when cannot be None")
        return self._call_at(when, callback, args, context)

    def _call_at(self, when: float, callback: Callback, args: tuple[Any, ...],
                 context: Context | None) -> TimerHandle:  # fmt: skip
        if when != when:  # only a NaN is not equal to itself
            raise ValueError("Invalid time: NaN (not a number)")
        self._check_closed()
        timer = TimerHandle(when, callback, args, self, context)
        if self._debug:
            self._check_call(timer, "call_at")
        # In the heap, only the earliest timer has a fixed place: the head. An iteration needs no
        # other. So a new timer costs at most about log2(n) comparisons; a sorted list would also
        # have to move up to n entries.
        timer._scheduled = True
        heapq.heappush(self._scheduled, (when, timer))
        return timer

    def create_future(self) -> Future[Any]:
        """Return a new Future of this loop."""
        future: Future[Any] = _allocate(Future)
        future._begin(self)
        return future

    def create_task(self, coro: Coro[T], **kwargs: Any) -> Task[T]:
        """Start `coro` as a Task and return it; the task factory makes it, if one is set.

        The keyword arguments are passed on to Task, or to the factory: `name` is shown in the repr;
        `context` is the contextvars.Context that the coroutine runs in, by default a copy of the
        current one; `eager_start=True` runs the first step at once if the loop is running. Raises
        RuntimeError if the loop is closed, TypeError if `coro` is not a coroutine.
        """
        # Testing the flag here saves a call in the usual case.
        if self._closed:
            self._check_closed()
        factory = self._task_factory
        # eager_task_factory is not called: passing it keyword arguments takes too long.
        eager = factory is eager_task_factory
        if factory is not None and not eager:
            return _call_task_factory(factory, self, coro, kwargs)  # type: ignore[no-any-return]
        task: Task[T] = _allocate(Task)
        task._begin(self)
        if kwargs:
            eager = kwargs.pop("eager_start", eager)
            task._start(coro, **kwargs)
        else:
            task._start(coro)
        if eager and self._thread_id is not None:
            task._run_eagerly()
        else:
            if self._debug:
                self._check_thread()
            self._ready.append(task)
            task._log_destroy_pending = True
        try:
            return task
        finally:
            del task  # the exception of an eager task refers to this frame: see Task._run

    def set_task_factory(self, factory: TaskFactory | None) -> None:
        """Let `factory(loop, coro, **kwargs)` make the tasks; None restores Task.

        The keyword arguments are those of `create_task()`. Before Python 3.14, `name` and arguments
        that are None are left out, and the loop sets the name. Raises TypeError if `factory` is not
        callable.
        """
        if factory is not None and not callable(factory):
            raise TypeError("task factory must be a callable or None")
        self._task_factory = factory

    def get_task_factory(self) -> TaskFactory | None:
        """Return the task factory, or None if tasks are plain Tasks."""
        return self._task_factory

    # -- running -----------------------------------------------------------------------------------

    def run_forever(self) -> None:
        """Run one iteration after another until `stop()` is called.

        Raises RuntimeError if this loop is running or closed, or if another loop runs in this
        thread.
        """
        self._run_forever_setup()
        try:
            while True:
                self._run_once()
                # _stopping is checked after the iteration. So a unit test can run exactly the
                # entries that are ready:
                #     loop.stop(); loop.run_forever()
                if self._stopping:
                    break
        finally:
            self._run_forever_cleanup()

    def _run_forever_setup(self) -> None:
        # Nothing is changed before this check: a second run_forever() must not disturb the first.
        self._check_may_run()
        self._thread_id = threading.get_ident()
        events._set_running_loop(self)
        self._set_coroutine_origin_tracking(self._debug)
        self._old_agen_hooks = sys.get_asyncgen_hooks()
        sys.set_asyncgen_hooks(self._asyncgen_firstiter_hook, self._asyncgen_finalizer_hook)

    def _run_forever_cleanup(self) -> None:
        self._stopping, self._thread_id = False, None
        events._set_running_loop(None)
        self._set_coroutine_origin_tracking(False)
        sys.set_asyncgen_hooks(*self._old_agen_hooks)

    def run_until_complete(self, future: Awaitable[T]) -> T:
        """Run until `future` is done; return its result or raise its exception.

        A coroutine is wrapped in a Task first. Raises RuntimeError if the loop is stopped before
        the future is done.
        """
        self._check_may_run()
        new_task = not isfuture(future)
        awaited: Future[T] = ensure_future(future, loop=self)
        # isinstance: a task factory may make an object of another class.
        if new_task and isinstance(awaited, Task):
            awaited._log_destroy_pending = False  # the exception below says that it did not end
        # When the future is done, the callback stops the loop at the end of the iteration in which
        # it runs. The other entries of the iteration still run. Tasks that are not done stay
        # pending.
        awaited.add_done_callback(_run_until_complete_cb)
        try:
            self.run_forever()
        except BaseException:
            if new_task and awaited.done() and not awaited.cancelled():
                awaited.exception()  # it propagates, so it must not be reported as lost too
            raise
        finally:
            # If the future is not done, it must not stop a later run_forever().
            awaited.remove_done_callback(_run_until_complete_cb)
        if not awaited.done():
            raise RuntimeError("Event loop stopped before Future completed.")
        return awaited.result()

    def stop(self) -> None:
        """Make `run_forever` return at the end of the current iteration."""
        # A flag, not an exception: the other entries of this iteration still run. From another
        # thread, the flag alone would not wake the loop up: use call_soon_threadsafe(loop.stop).
        self._stopping = True

    def is_running(self) -> bool:
        """Return True while the loop runs."""
        return self._thread_id is not None

    def _check_may_run(self) -> None:
        self._check_closed()
        if self.is_running():
            raise RuntimeError("This event loop is already running")
        if events._get_running_loop() is not None:
            raise RuntimeError("Cannot run the event loop while another loop is running")

    # -- closing: see close() in unix_events.py ----------------------------------------------------

    def _drop_entries(self) -> None:
        """Drop all entries and timers, and refuse new ones from now on."""
        # Replace the queue first. The code below can run a destructor that completes a future, and
        # its waiters must not be put into the old queue, which never runs.
        dropped, self._ready = self._ready, _ClosedQueue()
        for entry in dropped.copy():  # a copy, because another thread can add an entry meanwhile
            if isinstance(entry, Task):
                _register_task(entry)  # all_tasks() still finds it, while something refers to it
        self._scheduled.clear()

    def is_closed(self) -> bool:
        """Return True if the loop was closed."""
        return self._closed

    def _check_closed(self) -> None:
        if self._closed:
            raise RuntimeError("Event loop is closed")

    def __del__(self) -> None:
        # A loop that is not closed still has a selector and a socket pair: three descriptors.
        if not getattr(self, "_closed", True):  # the attribute is missing if __init__ failed
            warnings.warn(f"unclosed event loop {self!r}", ResourceWarning, source=self)
            if not self.is_running():
                self.close()


def _run_ready(loop: Kernel) -> None:
    """Run the entries that are ready at this moment, and none that they add.

    An entry is a Handle, a TimerHandle, a Task, or a _DoneNotice (combinators.py).
    """
    ready = loop._ready
    for _ in range(len(ready)):
        # An entry reports its own exceptions. Only KeyboardInterrupt and SystemExit propagate; the
        # other entries then stay in the queue for the next run_forever().
        ready.popleft()._run()


class _ClosedQueue(collections.deque[Any]):
    """The ready queue of a closed loop: always empty.

    A future that is completed after its loop was closed tries to schedule its waiters. This is
    where it fails, so that completing a future needs no test of its own.
    """

    def append(self, entry: object) -> None:
        raise RuntimeError("Event loop is closed")


def _run_until_complete_cb(future: Future[Any]) -> None:
    """Stop the loop: the done-callback by which run_until_complete() ends."""
    error = None if future.cancelled() else future.exception()
    # Task._run raises these two out of run_forever(). This callback is in the ready queue then, and
    # runs in the next run_forever(), which it must not stop.
    if not isinstance(error, (SystemExit, KeyboardInterrupt)):
        future.get_loop().stop()
