"""TaskGroup: tasks that end before the block that started them does.

Purpose: structured concurrency. At the end of the `async with`, every task of the group has ended;
if one has failed, the others were cancelled and all failures come out together.
Rules: the first failure aborts the group: it cancels the other tasks and, by a request that it
takes back with `uncancel`, the parent, which may be waiting for anything inside the block. A
cancellation from outside aborts the group too, but is passed on.
This file does not know how cancellation is delivered. Read tasks.py and combinators.py first.
"""

from __future__ import annotations

from contextvars import Context

from .combinators import _call_when_done
from .events import Coro, Loop, _report, get_running_loop
from .exceptions import CancelledError
from .futures import FINISHED, Future
from .hints import Any, Self, T
from .tasks import Task, current_task

__all__ = ("TaskGroup",)


class TaskGroup:
    """`async with TaskGroup() as group: group.create_task(…)` waits for its tasks at the end.

    Failures, the block's own included, are raised as an ExceptionGroup; KeyboardInterrupt and
    SystemExit come out as they are.
    """

    def __init__(self) -> None:
        self._exiting = False  # the block is over; tasks may still add tasks
        self._aborting = False  # everything was cancelled; nothing may be added
        self._loop: Loop = None
        self._parent_task: Any = None  # the Task whose block this is; None: not entered
        self._parent_cancel_requested = False  # by us: to be taken back in __aexit__
        self._tasks: set[Task[Any]] = set()  # those that have not ended
        self._errors: list[BaseException] = []
        self._all_ended: Future[None] | None = None  # what __aexit__ awaits

    async def __aenter__(self) -> Self:
        if self._parent_task is not None:
            raise RuntimeError(f"TaskGroup {self!r} has already been entered")
        self._loop = get_running_loop()
        self._parent_task = current_task(self._loop)
        if self._parent_task is None:
            raise RuntimeError(f"TaskGroup {self!r} cannot determine the parent task")
        return self

    async def __aexit__(self, exc_type: object, exc: BaseException | None, tb: object) -> None:
        self._exiting = True
        if isinstance(exc, (SystemExit, KeyboardInterrupt)):
            self._errors.append(exc)  # first of its kind, whatever the tasks raise from now on
        if exc is not None and not self._aborting:
            self._abort()  # the block raised, or its task is being cancelled
        cancelled = None
        while self._tasks:  # the parent may be cancelled again and again while the tasks clean up
            self._all_ended = self._loop.create_future()
            try:
                await self._all_ended
            except CancelledError as error:
                if not self._aborting:
                    cancelled = error  # what has aborted the group goes on its way, below
                    self._abort()
            self._all_ended = None
        if fatal := [e for e in self._errors if isinstance(e, (SystemExit, KeyboardInterrupt))]:
            raise fatal[0]
        if self._parent_cancel_requested:
            self._parent_task.uncancel()
        try:
            if cancelled is not None and not self._errors:
                raise cancelled  # here, for what the block is in the middle of is then its context
            if exc is not None and not isinstance(exc, CancelledError):
                self._errors.append(exc)
            if not self._errors:
                return  # a CancelledError that has ended the block goes on its way by itself
            if self._parent_task.cancelling():
                # The errors hide a CancelledError from outside. Asked once more, the parent meets
                # it at its next await; uncancel first keeps the count (gh-116720).
                self._parent_task.uncancel()
                self._parent_task.cancel()
            raise BaseExceptionGroup("unhandled errors in a TaskGroup", self._errors) from None
        finally:
            # An exception's traceback holds us; do not hold the exception.
            self._errors, cancelled = [], None

    def create_task(self, coro: Coro[T], *, name: object = None,
                    context: Context | None = None) -> Task[T]:  # fmt: skip
        """Start `coro` as a task of the group; RuntimeError if the group takes no more."""
        trouble = None
        if self._parent_task is None:
            trouble = "has not been entered"
        elif self._exiting and not self._tasks:
            trouble = "is finished"
        elif self._aborting:
            trouble = "is shutting down"
        if trouble:
            coro.close()  # else it would be reported as never awaited, on top of the error
            raise RuntimeError(f"TaskGroup {self!r} {trouble}")
        if context is None:  # somebody's loop may have a create_task without this parameter
            task: Task[T] = self._loop.create_task(coro, name=name)
        else:
            task = self._loop.create_task(coro, name=name, context=context)
        if task.done():  # an eager task that never had to wait
            self._child_done(task)
        else:
            self._tasks.add(task)
            _call_when_done(self, task)
        return task

    def _child_done(self, task: Future[Any]) -> None:
        self._tasks.discard(task)
        if self._all_ended is not None and not self._tasks and not self._all_ended.done():
            self._all_ended.set_result(None)
        if type(task) is Task and task._state is FINISHED and task._exception is None:
            return  # as most end; to find it out by the methods takes a group 3 % longer
        if task.cancelled() or (error := task.exception()) is None:
            return
        self._errors.append(error)
        if self._parent_task.done():
            # It has ended without `__aexit__`: somebody drove the block by hand.
            parent = f"its parent task {self._parent_task} is already completed"
            message = f"Task {task!r} has errored out but {parent}"
            _report(self._loop, message, None, exception=error, task=task)
        elif not self._aborting:
            # The parent may be in the middle of the block: `await something()`. It must come out of
            # there, and the request is ours to take back.
            self._abort()
            self._parent_cancel_requested = True
            self._parent_task.cancel()

    def _abort(self) -> None:
        self._aborting = True
        for task in self._tasks:
            task.cancel()

    def __repr__(self) -> str:
        tasks = f" tasks={len(self._tasks)}" if self._tasks else ""
        errors = f" errors={len(self._errors)}" if self._errors else ""
        entered = " entered" if self._parent_task is not None else ""
        state = " cancelling" if self._aborting else entered
        return f"<TaskGroup{tasks}{errors}{state}>"
