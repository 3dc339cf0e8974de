"""The event loop: a queue of what is ready, a heap of what has a time, and turn after turn.

Purpose: `BaseEventLoop`, everything about a loop that needs no file descriptor. The heart is
`_run_once`.
Rules: a turn has four phases: work out how long to wait, wait, move due timers to the ready queue,
run exactly the entries that were ready when that phase began. What they make ready waits for the
next turn; so nobody is starved, and what became ready first runs first.
This file does not know sockets: it waits through `self._selector`, which selector_events.py
provides. The later rings add a chapter each to the class: debug mode, asynchronous generators,
threads, sockets, connections. Read tasks.py first.
"""

from __future__ import annotations

import collections
import heapq
import threading
import time
import warnings
from contextvars import Context

from . import events
from .events import Args, Callback, Coro, Handle, TimerHandle
from .futures import Future, _allocate, isfuture
from .hints import Any, Awaitable, Callable, Final, T, TypeAlias
from .tasks import Task, _register_task, eager_task_factory, ensure_future

__all__ = ("BaseEventLoop",)

TaskFactory: TypeAlias = Callable[..., Any]

#: Seconds. Some systems refuse to wait for longer than their integers reach; a day will do.
MAXIMUM_SELECT_TIMEOUT: Final = 24 * 3600

# Cancelled timers stay in the heap until they come to its head: taking one out costs a search. The
# heap is rebuilt without them when it holds more than so many entries, this share cancelled.
_MIN_SCHEDULED_TIMER_HANDLES: Final = 100
_MIN_CANCELLED_TIMER_HANDLES_FRACTION: Final = 0.5


class BaseEventLoop(events.AbstractEventLoop):
    """An event loop without I/O; see SelectorEventLoop for the one to use."""

    # What the subclass brings that knows how to wait:
    _selector: Any  # an object with `select(timeout)`
    _process_events: Callable[[Any], None]  # makes ready what select() has returned
    _write_to_self: Callable[[], None]  # wakes the loop up from select(), from any thread

    def __init__(self) -> None:
        # No default stands in a class: for an attribute that is in both, an instance is looked
        # through the long way (from 3.12 on).
        self._ready: collections.deque[Any] = collections.deque()  # see events.py
        # A heap by time. With the time before the handle, tuples are compared without a call.
        self._scheduled: list[tuple[float, TimerHandle]] = []
        self._timer_cancelled_count = 0  # how many in _scheduled were cancelled
        self._clock_resolution = time.get_clock_info("monotonic").resolution  # seconds
        self._current_task: Task[Any] | None = None  # written by Task._run
        self._interrupted_tasks: list[Task[Any] | None] = []  # by the eager start of others
        self._empty_context = Context()  # for callbacks that look at no context variable
        self._thread_id: int | None = None  # of the thread that runs the loop; None: not running
        self._stopping = False
        self._closed = False
        self._debug = False  # see mishaps.py
        # False while nothing but the loop's own wake-up socket is watched. Then select() has
        # nothing to say as long as something is ready, and the turn goes without that system call,
        # which is worth more than half the time of a chain of callbacks.
        self._must_poll = True
        self._task_factory: TaskFactory | None = None
        #: Make an entry ready: how Futures and Tasks do what `call_soon` does. Refuses once closed.
        self._enqueue: Callable[[Any], None] = self._ready.append

    def __repr__(self) -> str:
        state = f"running={self.is_running()} closed={self.is_closed()} debug={self.get_debug()}"
        return f"<{type(self).__name__} {state}>"

    # -- one turn ----------------------------------------------------------------------------------

    def _run_once(self) -> None:
        """One turn of the loop."""
        ready, scheduled = self._ready, self._scheduled
        if self._timer_cancelled_count:
            self._drop_cancelled_timers()

        # Phase 1: how long may we wait? Not while something is ready; else to the next timer.
        timeout: float | None = None
        if ready or self._stopping:
            timeout = 0
        elif scheduled:
            timeout = min(max(0, scheduled[0][0] - self.time()), MAXIMUM_SELECT_TIMEOUT)

        # Phase 2: wait.
        if timeout != 0 or self._must_poll:
            self._process_events(self._selector.select(timeout))  # THE ONLY select

        # Phase 3: timers that are due become ready, the earliest first. The clock's resolution is
        # added, else a timer due within the current tick would cost a turn that waits for nothing.
        if scheduled:
            end_time = self.time() + self._clock_resolution
            while scheduled and scheduled[0][0] < end_time:
                timer = heapq.heappop(scheduled)[1]
                timer._scheduled = False
                self._timer_cancelled_count -= timer.cancelled()
                ready.append(timer)

        # Phase 4: run what is ready now.
        self._run_ready()

    def _run_ready(self) -> None:
        """Run the entries that are ready at this moment, and none that they add."""
        ready = self._ready
        for _ in range(len(ready)):
            ready.popleft()._run()

    def _drop_cancelled_timers(self) -> None:
        """Take cancelled timers off the head of the heap, or all of them where they are many."""
        scheduled = self._scheduled
        many = len(scheduled) > _MIN_SCHEDULED_TIMER_HANDLES
        limit = len(scheduled) * _MIN_CANCELLED_TIMER_HANDLES_FRACTION
        if many and self._timer_cancelled_count > limit:
            # In place: _run_once holds the list.
            scheduled[:] = [entry for entry in scheduled if not entry[1].cancelled()]
            heapq.heapify(scheduled)
            self._timer_cancelled_count = 0
        while scheduled and scheduled[0][1].cancelled():
            heapq.heappop(scheduled)[1]._scheduled = False
            self._timer_cancelled_count -= 1

    def _timer_handle_cancelled(self, handle: TimerHandle) -> None:
        if handle._scheduled:
            self._timer_cancelled_count += 1

    # -- scheduling --------------------------------------------------------------------------------

    def time(self) -> float:
        """Return the loop's clock, in seconds since some fixed moment; it never goes back."""
        return time.monotonic()

    def call_soon(self, callback: Callback, *args: Any, context: Context | None = None) -> Handle:
        """Call `callback(*args)` in the next turn; first in, first out.

        `context` is the contextvars.Context to call it in, by default a copy of the present one.
        Raises RuntimeError if the loop is closed.
        """
        handle = Handle(callback, args, self, context)
        self._enqueue(handle)
        return handle

    def call_soon_threadsafe(self, callback: Callback, *args: Any,
                             context: Context | None = None) -> Handle:  # fmt: skip
        """`call_soon` from any thread; the one method that schedules which others may call."""
        self._check_closed()
        handle = Handle(callback, args, self, context)
        self._ready.append(handle)
        self._write_to_self()
        return handle

    def call_later(self, delay: float, callback: Callback, *args: Any,
                   context: Context | None = None) -> TimerHandle:  # fmt: skip
        """Call `callback(*args)` in `delay` seconds."""
        if delay is None:
            raise TypeError("delay must not be None")
        # A call_at that covers ours, of a derived class or put upon this loop, is asked; our own is
        # spared, for to pack the arguments once more makes a timer a fifth dearer.
        if getattr(self.call_at, "__func__", None) is not BaseEventLoop.call_at:
            return self.call_at(self.time() + delay, callback, *args, context=context)
        return self._call_at(self.time() + delay, callback, args, context)

    def call_at(self, when: float, callback: Callback, *args: Any,
                context: Context | None = None) -> TimerHandle:  # fmt: skip
        """Call `callback(*args)` when the clock of `time()` shows `when`, in seconds."""
        if when is None:
            raise TypeError("when cannot be None")
        return self._call_at(when, callback, args, context)

    def _call_at(self, when: float, callback: Callback, args: Args, context: Any) -> TimerHandle:
        if self._closed:
            self._check_closed()
        timer = TimerHandle(when, callback, args, self, context)
        timer._scheduled = True
        heapq.heappush(self._scheduled, (when, timer))
        return timer

    def create_future(self) -> Future[Any]:
        """Return a new Future of this loop."""
        future: Future[Any] = _allocate(Future)
        future._begin(self)
        return future

    def create_task(self, coro: Coro[T], *, name: object = None,
                    context: Context | None = None) -> Task[T]:  # fmt: skip
        """Start `coro` as a Task and return it; by the task factory if one is set."""
        if self._closed:
            self._check_closed()
        eager = self._task_factory is eager_task_factory  # which need not be called, and is slower
        if eager or self._task_factory is None:
            task: Task[T] = _allocate(Task)
            task._start(coro, self, name, context)
            if eager and self._thread_id is not None:
                task._run_eagerly()
            else:
                self._enqueue(task)
            return task
        # A factory written as `(loop, coro)` is enough as long as nobody asks for a context.
        options = {} if context is None else {"context": context}
        task = self._task_factory(self, coro, **options)
        if name is not None:
            task.set_name(name)
        return task

    def set_task_factory(self, factory: TaskFactory | None) -> None:
        """Let `factory(loop, coro, context=…)` make the tasks; None restores Task itself."""
        if factory is not None and not callable(factory):
            raise TypeError("task factory must be a callable or None")
        self._task_factory = factory

    def get_task_factory(self) -> TaskFactory | None:
        """Return the task factory, None for Task itself."""
        return self._task_factory

    # -- running and closing -----------------------------------------------------------------------

    def run_forever(self) -> None:
        """Run turn after turn until `stop()` is called."""
        self._run_forever_setup()
        try:
            while True:
                self._run_once()
                if self._stopping:
                    break
        finally:
            self._run_forever_cleanup()

    def _run_forever_setup(self) -> None:
        self._check_may_run()
        self._thread_id = threading.get_ident()
        events._set_running_loop(self)

    def _run_forever_cleanup(self) -> None:
        self._stopping, self._thread_id = False, None
        events._set_running_loop(None)

    def run_until_complete(self, future: Awaitable[T]) -> T:
        """Run until `future` has ended; return its result or raise its exception.

        A coroutine is made a Task first. Raises RuntimeError if the loop is stopped before the end.
        """
        self._check_may_run()
        ours = not isfuture(future)
        ending: Future[T] = ensure_future(future, loop=self)
        if ours and isinstance(ending, Task):
            ending._log_destroy_pending = False  # whether it ends is our business, and we raise
        ending.add_done_callback(_stop_its_loop)
        try:
            self.run_forever()
        except BaseException:
            if ours and ending.done() and not ending.cancelled():
                ending.exception()  # it is on its way to the caller: not "never retrieved"
            raise
        finally:
            ending.remove_done_callback(_stop_its_loop)
        if not ending.done():
            raise RuntimeError("Event loop stopped before Future completed.")
        return ending.result()

    def stop(self) -> None:
        """Let `run_forever` return at the end of the present turn."""
        self._stopping = True

    def close(self) -> None:
        """Forget all callbacks and never run again; RuntimeError while the loop runs."""
        if self.is_running():
            raise RuntimeError("Cannot close a running event loop")
        self._closed = True
        self._enqueue = _refuse
        for entry in self._ready.copy():  # another thread may add one meanwhile
            if isinstance(entry, Task):
                _register_task(entry)  # all_tasks knows it still, as long as it lives
        self._ready.clear()
        self._scheduled.clear()

    def is_running(self) -> bool:
        """Return True while the loop runs."""
        return self._thread_id is not None

    def is_closed(self) -> bool:
        """Return True once the loop was closed."""
        return self._closed

    def __del__(self) -> None:
        if not getattr(self, "_closed", True):  # no attribute: __init__ has failed
            warnings.warn(f"unclosed event loop {self!r}", ResourceWarning, source=self)
            if not self.is_running():
                self.close()

    def _check_closed(self) -> None:
        if self._closed:
            _refuse()

    def _check_may_run(self) -> None:
        self._check_closed()
        if self.is_running():
            raise RuntimeError("This event loop is already running")
        if events._get_running_loop() is not None:
            raise RuntimeError("Cannot run the event loop while another loop is running")

    def get_debug(self) -> bool:
        """Return True in debug mode, which is a matter of a later chapter: mishaps.py."""
        return self._debug


def _refuse(*_: object) -> None:
    raise RuntimeError("Event loop is closed")


def _stop_its_loop(future: Future[Any]) -> None:
    """The done-callback by which run_until_complete ends."""
    error = None if future.cancelled() else future.exception()
    if not isinstance(error, (SystemExit, KeyboardInterrupt)):  # these end run_forever themselves
        future.get_loop().stop()
