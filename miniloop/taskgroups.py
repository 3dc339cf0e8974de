"""TaskGroup: tasks that end before the block that started them ends.

Purpose: structured concurrency. When the `async with` ends, every task of the group has ended. If
one of them failed, the others were cancelled, and all failures are raised together.

Invariants:

- The parent is the task that runs the block. The first failure aborts the group, and so does
  `cancel`: the group cancels its other tasks and the parent, which may be at any `await` of the
  block. `__aexit__` takes the request to cancel the parent back with `uncancel`.
- If other code cancels the parent, this aborts the group too. If no task has failed, the
  CancelledError propagates. Otherwise the group raises its errors, and the parent's next `await`
  raises CancelledError.
- However often the parent is cancelled, `__aexit__` does not return before all tasks have ended.

The states of a group, and the attributes by which they are known. Aborting can begin in the block
or after it:

                _loop   _exiting   _aborting   create_task()
    created     None    False      False       raises RuntimeError
    in block    set     False      False       starts a task
    waiting     set     True       False       starts a task, if other tasks are running
    aborting    set     any        True        raises RuntimeError
    finished    set     True       any         raises RuntimeError (_tasks is empty)

This file does not depend on how a cancellation reaches the coroutine. Read tasks.py and
combinators.py first.
"""

from __future__ import annotations

from .combinators import _call_when_done
from .events import Loop, _report, get_running_loop
from .exceptions import CancelledError
from .futures import Future
from .hints import Any, Coro, Self, T
from .tasks import Task, current_task

__all__ = ("TaskGroup",)


class TaskGroup:
    """`async with TaskGroup() as group: group.create_task(…)` waits for its tasks at the end.

    All failures, including an exception of the block itself, are raised in one ExceptionGroup.
    KeyboardInterrupt and SystemExit are raised as they are.
    """

    def __init__(self) -> None:
        self._exiting = False  # True: the block has ended
        self._aborting = False  # True: all tasks were cancelled
        self._loop: Loop = None  # written by __aenter__; None: not entered
        self._parent_task: Any = None  # the Task that runs the block; None before and after it
        self._cancel_on_enter = False  # True: cancel() was called before __aenter__
        self._parent_cancel_requested = False  # True: the group has cancelled its parent
        self._tasks: set[Task[Any]] = set()  # the tasks that have not ended
        self._errors: list[BaseException] = []  # the exceptions to raise, the oldest first
        self._all_ended: Future[None] | None = None  # None: __aexit__ is not waiting

    async def __aenter__(self) -> Self:
        if self._loop is not None:
            raise RuntimeError(f"TaskGroup {self!r} has already been entered")
        loop = get_running_loop()
        self._parent_task = current_task(loop)
        if self._parent_task is None:
            raise RuntimeError(f"TaskGroup {self!r} cannot determine the parent task")
        self._loop = loop
        if self._cancel_on_enter:
            self.cancel()
        return self

    async def __aexit__(self, exc_type: object, exc: BaseException | None, tb: object) -> bool:
        self._exiting = True
        if isinstance(exc, (SystemExit, KeyboardInterrupt)):
            self._errors.append(exc)  # now, because the first of several is raised below
        if exc is not None and not self._aborting:
            self._abort()  # the block raised an exception, or was cancelled by other code
        # The cancellation to raise, unless it turns out to be the group's own.
        cancelled = exc if isinstance(exc, CancelledError) else None
        # Why `while`? Each further parent.cancel() ends the `await`, although tasks may still be
        # cleaning up. And tasks can start new tasks.
        while self._tasks:
            self._all_ended = self._loop.create_future()
            try:
                await self._all_ended
            except CancelledError as error:
                # The first cancellation aborts the group and is raised below:
                #     async with TaskGroup() as group:
                #         group.create_task(sleep(60))
                #     # The parent waits here when other code calls parent.cancel().
                # If the group has cancelled the parent itself, this error comes from that request,
                # or from one by other code (gh-155433). The count of requests below tells which.
                # It takes precedence over an error of the block, which becomes its context.
                if not isinstance(exc, CancelledError) and (
                    self._parent_cancel_requested or not self._aborting
                ):
                    cancelled = error
                if not self._aborting:
                    self._abort()
            self._all_ended = None
        try:
            if fatal := [e for e in self._errors if isinstance(e, (SystemExit, KeyboardInterrupt))]:
                raise fatal[0]
            if self._parent_cancel_requested and self._parent_task.uncancel() == 0:
                cancelled = None  # no other code has cancelled the parent
            if cancelled is not None and not self._errors:
                raise cancelled
            if exc is not None and not isinstance(exc, CancelledError):
                self._errors.append(exc)
            if not self._errors:
                return True  # if a CancelledError ended the block, it was the group's own
            if self._parent_task.cancelling():
                # Other code has cancelled the parent too, and the group raises its errors instead:
                #     group.create_task(fails())
                #     await sleep(60)  # parent.cancel() in the iteration in which the task fails
                # Cancel the parent once more, so that its next `await` raises CancelledError. Call
                # uncancel first, or one request would count twice (gh-116720).
                self._parent_task.uncancel()
                self._parent_task.cancel()
            if isinstance(exc, GeneratorExit) and len(self._errors) == 1:
                return False  # raised as it is: aclose() of an asynchronous generator expects it
            raise BaseExceptionGroup("unhandled errors in a TaskGroup", self._errors) from None
        finally:
            # The traceback of the exception holds this frame, and so `self`. If these held the
            # exceptions, or the parent task, which can end with one of them, there would be a
            # reference cycle.
            self._errors, self._parent_task, cancelled, fatal, exc = [], None, None, [], None

    def create_task(self, coro: Coro[T], **kwargs: Any) -> Task[T]:
        """Start `coro` as a task of the group and return the task.

        `kwargs` are those of `loop.create_task`. Raises RuntimeError, and closes `coro`, if the
        group is not entered, aborting or finished.
        """
        refusal = None
        if self._loop is None:
            refusal = "has not been entered"
        elif self._exiting and not self._tasks:
            refusal = "is finished"
        elif self._aborting:
            refusal = "is shutting down"
        if refusal:
            coro.close()  # otherwise a warning says that it was never awaited
            raise RuntimeError(f"TaskGroup {self!r} {refusal}")
        create_task = self._loop.create_task
        task: Task[T] = create_task(coro, **kwargs) if kwargs else create_task(coro)
        self._tasks.add(task)
        # In the next iteration, even for an eager task that is done. If its failure cancelled the
        # parent now, the block could not start its next tasks (gh-128588).
        _call_when_done(self, task)
        # The first step of an eager task has aborted the group, when _tasks did not have the task
        # yet (gh-155418).
        if self._aborting and not task.done():
            task.cancel()
        return task

    def cancel(self) -> None:
        """End the group early: cancel its tasks and the block; no CancelledError leaves the block.

        If the group is not entered yet, it is cancelled as soon as it is entered. If it is aborting
        or finished, this has no effect.
        """
        if self._loop is None:
            self._cancel_on_enter = True
        elif not self._aborting and (self._tasks or not self._exiting):
            self._cancel_with_parent()

    def _child_done(self, task: Future[Any]) -> None:
        """Handle the end of a task: collect its exception; the first exception aborts the group."""
        self._tasks.discard(task)
        if self._all_ended is not None and not self._tasks and not self._all_ended.done():
            self._all_ended.set_result(None)
        if task.cancelled() or (error := task.exception()) is None:
            return
        self._errors.append(error)
        if self._parent_task.done():
            # The parent has ended without __aexit__, so nothing will raise the error. Report it:
            #     await TaskGroup().__aenter__()
            parent = f"its parent task {self._parent_task} is already completed"
            message = f"Task {task!r} has errored out but {parent}"
            _report(self._loop, message, exception=error, task=task)
        elif not self._aborting:
            # The parent may still be inside the block and must leave it:
            #     async with TaskGroup() as group:
            #         group.create_task(fails())
            #         await sleep(60)
            self._cancel_with_parent()

    def _cancel_with_parent(self) -> None:
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
        entered = " entered" if self._loop is not None else ""
        state = " cancelling" if self._aborting else entered
        return f"<TaskGroup{tasks}{errors}{state}>"
