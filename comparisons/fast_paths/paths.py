"""The fast paths of miniloop, each with its plain form.

To add one, give the place, the workloads that run through it most often, and the edits.
"""

from typing import Final, NamedTuple

from comparisons.fast_paths.edits import Edit
from comparisons.misconceptions.lesson import Place

CONTROL: Final = "control"
"""The name of the row without any edit. Its ratio would be 1.00 on a machine without noise."""


class FastPath(NamedTuple):
    name: str
    place: Place | None
    """The function that has the fast path; None for the control."""
    workloads: tuple[str, ...]
    """Names of workloads.py."""
    plain: str
    """What the plain form does."""
    edits: tuple[Edit, ...]


def _path(
    name: str, file: str, function: str, workloads: str, plain: str, *edits: tuple[str, ...]
) -> FastPath:
    """Return the fast path; an edit of another file than `file` begins with that file's name."""
    changes = [edit if len(edit) == 3 else (file, *edit) for edit in edits]
    return FastPath(
        name=name,
        place=Place(f"miniloop/{file}", function),
        workloads=tuple(workloads.split(" / ")),
        plain=plain,
        edits=tuple(Edit(*change) for change in changes),
    )


_CREATE_TASK: Final = (
    """\
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
""",
    """\
        task: Task[T] = Task(coro, loop=self, **{"eager_start": eager, **kwargs})
""",
)

_PATHS: Final = (
    # -- making futures and tasks
    _path(
        "create_future",
        "kernel.py",
        "Kernel.create_future",
        "future wake-up",
        "Future(loop=self)",
        (
            """\
        future: Future[Any] = _allocate(Future)
        future._begin(self)
        return future
""",
            """\
        return Future(loop=self)
""",
        ),
    ),
    _path(
        "create_task",
        "kernel.py",
        "Kernel.create_task",
        "spawn",
        "Task(coro, loop=self, …), which registers the task and schedules a Handle",
        _CREATE_TASK,
    ),
    _path(
        "allocate Task",
        "kernel.py",
        "Kernel.create_task",
        "spawn",
        "Task(coro, loop=self, …), which puts the task itself into the ready queue",
        _CREATE_TASK,
        (
            "tasks.py",
            """\
        else:
            # all_tasks() looks for tasks in the ready queue, but here the queue will hold a Handle.
            _register_task(self)
""",
            """\
        else:
""",
        ),
        (
            "tasks.py",
            """\
            self._loop.call_soon(self._run, context=self._loop._empty_context)
""",
            """\
            self._loop._ready.append(self)
""",
        ),
    ),
    _path(
        "eager tasks",
        "kernel.py",
        "Kernel.create_task",
        "spawn eager",
        "create_task() calls eager_task_factory, as it calls any task factory",
        (
            """\
        if factory is not None and not eager:
""",
            """\
        if factory is not None:
""",
        ),
    ),
    _path(
        "known coroutines",
        "tasks.py",
        "Task._start",
        "spawn",
        "iscoroutine() is called for every coroutine",
        ("if kind is not CoroutineType and not (iscoroutine(coro)", "if not (iscoroutine(coro)"),
    ),
    _path(
        "task names",
        "tasks.py",
        "Task._start",
        "spawn",
        "every task gets its name as a string",
        (
            "self._name = _next_task_number() if name is None else str(name)",
            'self._name = f"Task-{_next_task_number()}" if name is None else str(name)',
        ),
    ),
    _path(
        "late registration",
        "tasks.py",
        "Task._start_waiting",
        "spawn / gather",
        "every task is registered for all_tasks() when it is made",
        (
            """\
        if not self._registered:  # see all_tasks
            self._registered = True
            _register_task(self)
""",
            "",
        ),
        (
            """\
        else:
            # all_tasks() looks for tasks in the ready queue, but here the queue will hold a Handle.
            _register_task(self)
""",
            """\
        else:
""",
        ),
        (
            """\
        self._registered = False  # _start_waiting has put the task into _tasks (see all_tasks)
""",
            """\
        _register_task(self)
""",
        ),
    ),
    _path(
        "weak references",
        "tasks.py",
        "_register_task",
        "sleepers",
        "a WeakSet of tasks instead of a set of weak references",
        ("    _tasks.add(ref(task, _forget))\n", "    _tasks.add(task)\n"),
        ("from weakref import ref\n", "from weakref import WeakSet, ref\n"),
        ("_tasks: set[ref[Task[Any]]] = set()", "_tasks: WeakSet[Task[Any]] = WeakSet()"),
        ("combinators.py", "    _forget(ref(task))\n", "    _forget(task)\n"),
        (
            "tasks = set(filter(None, (reference() for reference in _tasks.copy())))",
            "tasks = set(_tasks)",
        ),
    ),
    _path(
        "one _forget",
        "tasks.py",
        "_register_task",
        "sleepers",
        "a bound method for each weak reference",
        ("_tasks.add(ref(task, _forget))", "_tasks.add(ref(task, _tasks.discard))"),
    ),
    _path(
        "ensure_future",
        "tasks.py",
        "ensure_future",
        "gather",
        "isfuture() and iscoroutine() are called for every argument",
        (
            """\
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
""",
            """\
    if isfuture(coro_or_future):
        if loop is not None and loop is not _loop_of(coro_or_future):
            where = "to a different loop than the one specified as the loop argument"
            raise ValueError(f"The future belongs {where}")
        return coro_or_future
    if not iscoroutine(coro):
        if not _isawaitable(coro_or_future):
            raise TypeError("An asyncio.Future, a coroutine or an awaitable is required")
        coro = _await(coro_or_future)
""",
        ),
    ),
    _path(
        "unset attributes",
        "futures.py",
        "Future._begin",
        "spawn / future wake-up",
        "every future gets all its attributes when it is made",
        (
            """\
        self._exception: BaseException | None = None""",
            """\
        self._result = self._exception_tb = self._cancelled_exc = None
        self._exception: BaseException | None = None""",
        ),
    ),
    _path(
        "first waiter",
        "futures.py",
        "Future._begin",
        "gather / spawn",
        "one list of all waiters, which is made for the first one",
        (
            """\
        self._first_waiter: Any = None
        self._other_waiters: list[Any] | None = None
""",
            """\
        self._all_waiters: list[Any] | None = None
""",
        ),
        ('"_first_waiter", "_other_waiters"', '"_all_waiters"'),
        (
            """\
        first, others, loop = self._first_waiter, self._other_waiters, self._loop
        if first is None:
            return
        # A future that is done refers to no waiter, so it cannot keep a task alive.
        self._first_waiter = self._other_waiters = None
""",
            """\
        waiters, loop = self._all_waiters, self._loop
        if waiters is None:
            return
        self._all_waiters = None
""",
        ),
        (
            """\
        if others is None and type(first) is not Handle:  # mostly one task
            loop._ready.append(first)
            return
        for waiter in [first] if others is None else [first, *others]:
""",
            """\
        for waiter in waiters:
""",
        ),
        (
            """\
        if self._first_waiter is None:
            self._first_waiter = waiter
        elif self._other_waiters is None:
            self._other_waiters = [waiter]
        else:
            self._other_waiters.append(waiter)
""",
            """\
        if self._all_waiters is None:
            self._all_waiters = [waiter]
        else:
            self._all_waiters.append(waiter)
""",
        ),
        (
            """\
        self._first_waiter, self._other_waiters = (kept[0], kept[1:]) if kept else (None, None)
""",
            """\
        self._all_waiters = kept or None
""",
        ),
        (
            """\
        first = self._first_waiter
        return [] if first is None else [first, *(self._other_waiters or ())]
""",
            """\
        return [*(self._all_waiters or ())]
""",
        ),
    ),
    # -- one step of a task
    _path(
        "type(coro).send",
        "tasks.py",
        "Task._run",
        "task switch",
        "coro.send, which makes a bound method",
        ("self._context.run(type(coro).send, coro, None)", "self._context.run(coro.send, None)"),
    ),
    _path(
        "nothing to throw",
        "tasks.py",
        "Task._run",
        "task switch / future wake-up",
        "every step calls _exception_to_throw()",
        (
            """\
            fail = future is not None and (
                future._exception is not None or future._state is CANCELLED
            )
            if self._must_cancel or fail:
""",
            """\
            error = self._exception_to_throw(future)
            if error is not None:
""",
        ),
        ("                error = self._exception_to_throw(future)\n", ""),
    ),
    _path(
        "known classes",
        "tasks.py",
        "Task._start_waiting",
        "future wake-up",
        "_is_awaited_like_a_future() is called for every future",
        (
            "(kind is Future or kind is Task or _is_awaited_like_a_future(kind))",
            "_is_awaited_like_a_future(kind)",
        ),
    ),
    _path(
        "return of a task",
        "tasks.py",
        "Task._run",
        "spawn",
        "Future.set_result()",
        (
            """\
                self._state, self._result = FINISHED, stop.value
                self._schedule_waiters()
""",
            """\
                Future.set_result(self, stop.value)
""",
        ),
    ),
    _path(
        "inline await",
        "futures.py",
        "Future.__await__",
        "future wake-up",
        "result()",
        (
            """\
            if self._state is FINISHED and self._exception is None:
                return self._result
            raise self._take_exception()  # type: ignore[misc]
""",
            """\
            return self.result()
""",
        ),
    ),
    # -- callbacks and iterations
    _path(
        "concatenate",
        "events.py",
        "Handle._run",
        "call_soon chain",
        "run(callback, *args)",
        (
            "self._context.run(*(self._callback,) + self._args)",
            "self._context.run(self._callback, *self._args)",
        ),
    ),
    _path(
        "no poll",
        "kernel.py",
        "Kernel._run_once",
        "call_soon chain / future wake-up",
        "every iteration calls select()",
        (
            """\
        if timeout != 0 or self._poll_always:
            self._process_events(self._selector.select(timeout))""",
            """\
        self._process_events(self._selector.select(timeout))""",
        ),
    ),
    _path(
        "no cancelled timers",
        "kernel.py",
        "Kernel._run_once",
        "call_soon chain / future wake-up",
        "every iteration calls _drop_cancelled_timers()",
        (
            """\
        if self._timer_cancelled_count:
            self._drop_cancelled_timers()
""",
            """\
        self._drop_cancelled_timers()
""",
        ),
    ),
    _path(
        "closed queue",
        "kernel.py",
        "Kernel.call_soon",
        "call_soon chain",
        "call_soon() calls _check_closed(); no queue refuses",
        (
            """\
            self._check_call(handle, "call_soon")
""",
            """\
            self._check_call(handle, "call_soon")
        self._check_closed()
""",
        ),
    ),
    # -- timers
    _path(
        "TimerHandle.__init__",
        "events.py",
        "TimerHandle.__init__",
        "timers cancelled",
        "super().__init__()",
        (
            """\
        self._callback, self._args, self._loop = callback, args, loop
        self._context = copy_context() if context is None else context
""",
            """\
        super().__init__(callback, args, loop, context)
""",
        ),
    ),
    _path(
        "TimerHandle.cancel",
        "events.py",
        "TimerHandle.cancel",
        "timers cancelled",
        "super().cancel()",
        ("            Handle.cancel(self)", "            super().cancel()"),
    ),
    _path(
        "call_later",
        "kernel.py",
        "Kernel.call_later",
        "timers cancelled",
        "call_at(), which packs the arguments again",
        (
            """\
        if getattr(self.call_at, "__func__", None) is not Kernel.call_at:
            return self.call_at(self.time() + delay, callback, *args, context=context)
        return self._call_at(self.time() + delay, callback, args, context)
""",
            """\
        return self.call_at(self.time() + delay, callback, *args, context=context)
""",
        ),
        (
            """\
        return self._call_at(when, callback, args, context)

    def _call_at(self, when: float, callback: Callback, args: tuple[Any, ...],
                 context: Context | None) -> TimerHandle:  # fmt: skip
""",
            "",
        ),
    ),
    _path(
        "tuple heap",
        "kernel.py",
        "Kernel._run_once",
        "call_at / sleepers / timers fired",
        "a heap of TimerHandles, which are compared in Python",
        ("scheduled[0][0] - self.time()", "scheduled[0]._when - self.time()"),
        (
            """\
            while scheduled and scheduled[0][0] < end_time:
                timer = heapq.heappop(scheduled)[1]
""",
            """\
            while scheduled and scheduled[0]._when < end_time:
                timer = heapq.heappop(scheduled)
""",
        ),
        (
            "heapq.heappush(self._scheduled, (when, timer))",
            "heapq.heappush(self._scheduled, timer)",
        ),
        ("if not entry[1].cancelled()]", "if not entry.cancelled()]"),
        (
            """\
        while scheduled and scheduled[0][1].cancelled():
            heapq.heappop(scheduled)[1]._scheduled = False
""",
            """\
        while scheduled and scheduled[0].cancelled():
            heapq.heappop(scheduled)._scheduled = False
""",
        ),
    ),
    # -- gather
    _path(
        "child done",
        "combinators.py",
        "_call_when_done",
        "gather / TaskGroup",
        "add_done_callback(), which makes a Handle with a copy of the current context",
        (
            """\
    if (type(child) is Task or type(child) is Future) and child._state is PENDING:
        notice = _DoneNotice(waiter, child)
        child._add_waiter(notice)
        return notice
    child.add_done_callback(waiter._child_done)
""",
            """\
    child.add_done_callback(waiter._child_done)
""",
        ),
    ),
    _path(
        "no Handle",
        "combinators.py",
        "_call_when_done",
        "gather / TaskGroup",
        "add_done_callback(), which makes a Handle, but with an empty context",
        (
            """\
        notice = _DoneNotice(waiter, child)
        child._add_waiter(notice)
        return notice
""",
            """\
        context = child._loop._empty_context
        child.add_done_callback(waiter._child_done, context=context)
        return waiter._child_done
""",
        ),
    ),
    _path(
        "_child_done",
        "combinators.py",
        "_GatheringFuture._child_done",
        "gather",
        "a child that has returned is treated like any other",
        (
            """\
        if (self._unfinished and type(child) is Task and child._state is FINISHED
                and child._exception is None):  # fmt: skip
""",
            """\
        if False:
""",
        ),
    ),
    # -- beyond the core
    _path(
        "lock without waiters",
        "locks.py",
        "Lock.acquire",
        "lock",
        "acquire() calls _newcomer_must_wait() every time",
        ("not (self._waiters and self._newcomer_must_wait()):", "not self._newcomer_must_wait():"),
    ),
    _path(
        "readline",
        "streams.py",
        "StreamReader.readline",
        "lines",
        "readuntil()",
        ("        if 0 <= at <= self._limit and self._exception is None:", "        if False:"),
        ('        at = self._buffer.find(b"\\n")\n', ""),
    ),
    FastPath(CONTROL, None, ("spawn", "sleepers"), "the same code on both sides", ()),
)
FAST_PATHS: Final = {path.name: path for path in _PATHS}
