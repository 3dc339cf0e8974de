"""Run a program on one implementation, under a virtual clock, and record what it does.

A trace is a list of rows. Most are steps, recorded by the program's `log(…)`: the line, the task,
the virtual time, the number of requests to cancel, the context variable, and the logged values.
Other rows are what reached the exception handler, the log or the warnings, and the tasks that
remain at the end. Of a log record, the trace has the message, the exception and the lines of a
context, but no tracebacks. Of a handler's context, it has the message, the exception and the task
or future.

When an object is freed is recorded too, but compared only in part: see known.py.

There are three implementations in one process: miniloop, asyncio, and asyncio without its C
accelerator, which is a second copy of the package. Where they iterate over a set, whose order
differs between runs, the set is replaced by one that keeps the order of insertion.

This file does not know how programs are generated. It uses only what all implementations have.
"""

from __future__ import annotations

import contextlib
import contextvars
import functools
import gc
import importlib
import logging
import re
import selectors
import sys
import types
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from tests.parity.clock import Clock, Ready

__all__ = ["ENDLESS", "IMPLEMENTATIONS", "Implementation", "Trace", "implementation", "load", "run"]

Trace = list[str]
"""The rows of a run."""

IMPLEMENTATIONS: Final = ("asyncio", "asyncio in Python", "miniloop")

MOST_ROWS: Final = 300
"""The trace of a longer program is cut after this many rows, on all implementations."""

MOST_ITERATIONS: Final = 3_000
"""The trace of a program is cut after this many iterations of the loop."""

ENDLESS: Final = "endless recursion"
"""The last row if the run, or describing its objects, recurses without end."""

COMPARED: Final = r"(?:asyncgen|context|exception|future|handle|task): "
"""Matches the further lines of a log record that are compared: context, but no tracebacks."""

FRAMES: Final = r", '(?:source|handle)_traceback': \[[^\]]*\]"
"""Matches a traceback in a context, which has lines of the library; never its first key."""

DEEPEST: Final = 5
"""How far the causes and contexts of an exception are followed."""

var: contextvars.ContextVar[int] = contextvars.ContextVar("var", default=0)
"""The context variable of the programs."""


# -- implementations ------------------------------------------------------------------------------


class OrderedSet(dict[Any, None]):
    """The part of a set that the implementations use, in the order of insertion."""

    def __init__(self, items: Iterable[Any] = ()) -> None:
        super().__init__(dict.fromkeys(items))

    def add(self, item: Any) -> None:
        self[item] = None

    def discard(self, item: Any) -> None:
        self.pop(item, None)

    def update(self, items: Any) -> None:  # type: ignore[override]
        super().update(dict.fromkeys(items))

    def __sub__(self, other: Any) -> OrderedSet:
        return OrderedSet(item for item in self if item not in other)


#: In these modules, `set` is an OrderedSet while a program runs.
ITERATE_OVER_SETS: Final = ("tasks", "combinators", "taskgroups")


class Implementation:
    """A package with asyncio's interface, and the class of loops that programs run on."""

    def __init__(self, name: str, package: Mapping[str, Any]) -> None:
        self.name = name
        self._package = package
        self.aio = aio = next(iter(package.values()))
        self.logger = logging.getLogger(aio.__name__)
        modules = (getattr(aio, module, None) for module in ITERATE_OVER_SETS)
        self._modules: list[Any] = [module for module in modules if module is not None]
        self.loop_class: Any = type("Loop", (_Loop, aio.SelectorEventLoop), {})

    @contextlib.contextmanager
    def in_place(self) -> Iterator[None]:
        """Use ordered sets, and let imports find the modules of this package."""
        others = {name: sys.modules[name] for name in self._package}
        sys.modules.update(self._package)
        for module in self._modules:
            module.set = OrderedSet
        try:
            yield
        finally:
            for module in self._modules:
                del module.set
            sys.modules.update(others)


@functools.cache
def implementation(name: str) -> Implementation:
    """Return one of IMPLEMENTATIONS."""
    if name == "asyncio in Python":
        return Implementation(name, asyncio_in_python())
    return Implementation(name, {name: importlib.import_module(name)})


def asyncio_in_python() -> dict[str, types.ModuleType]:
    """Return the modules of a second copy of asyncio, imported without its C accelerator."""
    importlib.import_module("asyncio")
    kept = {name: module for name, module in sys.modules.items() if _is_of_asyncio(name)}
    for name in kept:
        del sys.modules[name]
    sys.modules["_asyncio"] = None  # type: ignore[assignment]
    try:
        copy = importlib.import_module("asyncio")
        copies = {name: module for name, module in sys.modules.items() if name in kept}
    finally:
        for name in [name for name in sys.modules if _is_of_asyncio(name)]:
            del sys.modules[name]
        sys.modules.update(kept)
    if not isinstance(copy.Task.cancel, types.FunctionType):
        raise ImportError("the second copy of asyncio has the C accelerator too")
    return {"asyncio": copy, **copies}


def _is_of_asyncio(name: str) -> bool:
    return name in ("asyncio", "_asyncio") or name.startswith("asyncio.")


class _Loop:
    """A loop on the clock of a recorder. It numbers its tasks in the order of creation."""

    def __init__(self, recorder: _Recorder) -> None:
        self._recorder = recorder
        self._iterations = 0
        super().__init__(_Selector(recorder))  # type: ignore[call-arg]
        super().set_debug(False)  # type: ignore[misc]
        self._asyncgens = (
            OrderedSet()
        )  # instead of a WeakSet, so that nothing is freed before the end

    def time(self) -> float:
        return self._recorder.clock.now

    def create_task(self, coro: Any, **options: Any) -> Any:
        task = super().create_task(coro, **options)  # type: ignore[misc]
        self._recorder.number(task)
        return task

    def set_exception_handler(self, handler: Any) -> None:
        """Set the handler, except for reports that come when an object is freed."""
        report = self._recorder.report

        def chosen(loop: Any, context: dict[str, Any]) -> None:
            lost = context["message"].endswith("never retrieved")
            (report if lost else handler)(loop, context)

        super().set_exception_handler(handler and chosen)  # type: ignore[misc]

    def _run_once(self) -> None:
        self._iterations += 1
        if self._iterations > MOST_ITERATIONS:
            self._recorder.cut("too many iterations")
        super()._run_once()  # type: ignore[misc]


class _Selector(selectors.BaseSelector):
    """Advances the clock instead of waiting; stops a loop that would wait forever."""

    def __init__(self, recorder: _Recorder) -> None:
        self._recorder = recorder
        self._keys: dict[Any, selectors.SelectorKey] = {}

    def select(self, timeout: float | None = None) -> Ready:
        if timeout is None:
            self._recorder.quiet = True
            self._recorder.loop.stop()
        elif timeout > 0:
            self._recorder.clock.advance(timeout)
        return []

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        self._keys[fileobj] = selectors.SelectorKey(fileobj, fileobj, events, data)
        return self._keys[fileobj]

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self._keys.pop(fileobj)

    def get_map(self) -> dict[Any, selectors.SelectorKey]:
        return self._keys

    def close(self) -> None:
        self._keys.clear()


# -- recording ------------------------------------------------------------------------------------


class _Recorder(logging.Handler):
    """The trace of one run, and how objects are described in it."""

    def __init__(self, of: Implementation) -> None:
        super().__init__(logging.WARNING)
        self.rows: Trace = []
        self.clock = Clock()
        self.quiet = False
        self.loop: Any = None
        self._aio = of.aio
        self._current_task = of.aio.current_task
        self._numbers: dict[Any, str] = {}
        self._tasks: list[Any] = []
        self._futures = 0
        self._last: list[str] | None = None  # at the end: rows in no particular order
        self._first_name = 0
        self._cut = False

    # called by programs

    def log(self, *values: Any) -> None:
        """Record a step of the calling function, unless it is closed at the end."""
        self._log(", ".join(map(self.describe, values)), sys._getframe(1))

    def _log(self, text: str, caller: types.FrameType) -> None:
        if self._last is not None:
            return
        task = self._current_task(self.loop)
        who = ""
        if task is not None:
            who = " " + self.number(task)
            if asked := task.cancelling():
                who += f" asked to cancel {asked}×" if asked > 1 else " asked to cancel"
        if held := var.get():
            who += f" var={held}"
        ours = caller.f_code.co_filename == PROGRAM
        place = f"line {caller.f_lineno}" if ours else "called"
        self.step(f"{place}{who}: {text}")

    def attempt(self, function: Callable[..., Any], *args: Any) -> None:
        """Call `function`, and record its result or exception."""
        try:
            text = self.describe(function(*args))
        except Exception as error:
            text = f"raised {self.describe(error)}"
        self._log(text, sys._getframe(1))

    def work(self, seconds: float) -> None:
        """Let time pass without an await."""
        self.clock.advance(seconds)

    # called by the implementations

    def report(self, loop: Any, context: dict[str, Any]) -> None:
        """The exception handler."""
        del loop
        error = context.get("exception")
        about = ", ".join(
            key + self._numbered(context[key])
            for key in ("task", "future", "handle", "asyncgen")
            if key in context
        )
        message = self.plain(str(context["message"]))
        self.step(f"handler ({about}): {message} {self.describe(error) if error else ''}".rstrip())

    def _numbered(self, subject: Any) -> str:
        """Return the number of a task or future, or "" if it has none."""
        number = self._numbers.get(subject)
        return f" {number}" if number else ""

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        message, *more = record.getMessage().splitlines()
        text = [f"{self.plain(message)} {self.describe(error) if error else ''}".rstrip()]
        lines = (re.sub(FRAMES, "", line) for line in more if re.match(COMPARED, line))
        # Before 3.14, asyncio has no private class for the handles of call_soon_threadsafe().
        lines = (line.replace("<_ThreadSafeHandle ", "<Handle ") for line in lines)
        # The quotes in a message depend on the quotes in its arguments.
        text += [self.plain(line).replace('"', "'") for line in lines]
        self.step(f"{record.levelname}: {' | '.join(text)}")

    def warn(self, message: Warning | str, category: type[Warning], *_: Any, **__: Any) -> None:
        text = str(message).partition("\n")[0]
        if self._last is not None and "never awaited" not in text:
            return  # such a generator is closed by the garbage collector, without a loop
        self.step(f"{category.__name__}: {self.plain(text)}")

    def unraisable(self, args: Any) -> None:
        if self._last is None:
            with contextlib.suppress(RecursionError):  # give_up() records it
                self.step(f"unraisable: {self.describe(args.exc_value)}")

    # rows

    def step(self, row: str) -> None:
        if self._cut:
            return
        if self._last is not None:
            self._last.append(row)
            return
        now = self.clock.now
        self.rows.append(f"{now:.3g} {row}" if now else row)
        if len(self.rows) >= MOST_ROWS:
            self.cut("too many rows")

    def cut(self, why: str) -> None:
        if not self._cut:
            self.rows.append(f"cut: {why}")
        self._cut = self.quiet = True
        self.loop.stop()

    # descriptions

    def number(self, task: Any) -> str:
        """Return the number of a task, in the order of creation or first appearance."""
        text = self._numbers.get(task)
        if text is None:
            self._tasks.append(task)
            text = self._numbers[task] = f"T{len(self._tasks)}"
        return text

    def describe(self, value: Any) -> str:
        """Describe a value in a way that is the same for all implementations."""
        if isinstance(value, str):
            return f"'{self.plain(value)}'"
        if value is None or isinstance(value, (int, float)):
            return repr(value)
        if isinstance(value, BaseException):
            return self._error(value, DEEPEST)
        if type(value).__name__ == "FutureCallGraph":
            return f"graph of {self._graph(value)}"
        if isinstance(value, (tuple, list)):
            return f"[{', '.join(map(self.describe, value))}]"
        if isinstance(value, (set, OrderedSet)):
            self._number_by_name(value)
            return f"{{{', '.join(sorted(map(self.describe, value)))}}}"
        if self._aio.isfuture(value):
            state = "pending"
            if value.done():
                state = "cancelled" if value.cancelled() else "done"
            return f"{self._future(value)} {state}"
        return type(value).__name__

    def _number_by_name(self, items: Iterable[Any]) -> None:
        """Number the new tasks of a set in the order of their names, since a set has no order."""
        tasks = [item for item in items if isinstance(item, self._aio.Task)]
        for task in sorted(tasks, key=lambda task: (len(task.get_name()), task.get_name())):
            self.number(task)

    def _future(self, future: Any) -> str:
        if isinstance(future, self._aio.Task):
            return self.number(future)
        text = self._numbers.get(future)
        if text is None:
            self._futures += 1
            text = self._numbers[future] = f"F{self._futures}"
        return text

    def _graph(self, graph: Any) -> str:
        """Describe a call graph: the lines of the program, and the waiters in alphabetical order.

        `in [5, 3 | 9]` means that the task's own coroutine is in line 3. Frames of the library are
        left out: which functions of its own it uses does not matter.
        """
        frames = [entry.frame for entry in graph.call_stack]
        codes = [frame.f_code for frame in frames]
        coro = getattr(graph.future, "get_coro", lambda: None)()
        own = getattr(coro, "cr_code", None)
        first = codes.index(own) + 1 if own in codes else len(codes)
        inner, outer = (
            ", ".join(str(frame.f_lineno) for frame in part if frame.f_code.co_filename == PROGRAM)
            for part in (frames[:first], frames[first:])
        )
        lines = f"{inner} | {outer}" if outer else inner
        self._number_by_name(parent.future for parent in graph.awaited_by)
        waiters = [f" {{{self._graph(parent)}}}" for parent in graph.awaited_by]
        return f"{self.describe(graph.future)} in [{lines}]{''.join(sorted(waiters))}"

    def _error(self, error: BaseException, depth: int) -> str:
        text = type(error).__name__
        if isinstance(error, BaseExceptionGroup):
            text += f"({error.message}: "
            text += f"{', '.join(self._error(member, depth - 1) for member in error.exceptions)})"
        elif message := str(error):
            text += f"({self.plain(message)})"
        if depth <= 0:  # reached sooner in a group; contexts can form a cycle
            return text
        cause, context = error.__cause__, error.__context__
        if cause is not None:
            text += f" ⟨from {self._error(cause, depth - 1)}⟩"
        if context is not None and context is not cause:
            word = "after" if error.__suppress_context__ else "during"
            text += f" ⟨{word} {self._error(context, depth - 1)}⟩"
        return text

    def plain(self, text: str) -> str:
        """Remove from a message what must differ: package names, addresses, numbers of tasks."""
        if "asyncio" in text or "miniloop" in text:
            text = re.sub(r"\b(asyncio|miniloop)\b", "aio", text)
        if "<" in text:
            text = re.sub(r"(?:\w+\.<locals>\.)+", "", text)
            text = re.sub(r"\b0x[0-9a-f]+", "0x…", text)
            text = re.sub(r" at [^<> ]*/aio/\w+\.py:\d+", " at library", text)
            text = re.sub(r"<(\w+) [^<>]*\.\.\.[^<>]*>+", r"<\1 …>", text)
            text = re.sub(r"( cb=\[.*?\])?( created at (?:<program>)?[^\s>\]]*)?", "", text)
        if text.startswith("Executing "):
            text = re.sub("<.*>", "…", text)
        if "Task-" in text:
            text = re.sub(r"\bTask-(\d+)", self._relative_name, text)
        return text

    def _relative_name(self, found: re.Match[str]) -> str:
        return f"Task-+{int(found[1]) - self._first_name}"

    # phases of a run

    def begin(self, loop: Any) -> None:
        self.loop = loop
        loop.set_exception_handler(self.report)
        first = loop.create_task(_nothing())
        self._first_name = int(first.get_name().removeprefix("Task-"))
        self._tasks.clear()
        self._numbers.clear()

    def name_futures(self) -> None:
        """Number the futures that the start of the program creates in the order of creation."""
        create = self.loop.create_future

        def create_future() -> Any:
            future = create()
            self._future(future)
            return future

        self.loop.create_future = create_future

    def until_quiet(self) -> None:
        """Run the loop until nothing can happen any more, whatever it raises."""
        self.quiet = self._cut
        while not self.quiet:
            try:
                self.loop.run_forever()
            except (Exception, SystemExit, KeyboardInterrupt) as error:
                self.step(f"raised by the loop: {self.describe(error)}")

    def end(self) -> None:
        """Record and cancel the remaining tasks; close the generators; close the rest by force."""
        self._record_tasks(self._tasks)
        for _ in range(2):
            left = [task for task in self._tasks if not task.done()]
            for task in left:
                task.cancel("the end")
            self.until_quiet()
            self._record_tasks(left)
        self.loop.create_task(self.loop.shutdown_asyncgens())
        self.until_quiet()
        for task in self._tasks:
            if not task.done() and (coro := task.get_coro()) is not None:
                self._close(coro)

    def _close(self, coro: Any) -> None:
        try:
            coro.close()
        except BaseException as error:
            self.step(f"closed by force: {self.describe(error)}")

    def _record_tasks(self, tasks: list[Any]) -> None:
        for task in tasks:
            name = self.plain(task.get_name())
            self.step(f"left: {self.number(task)} {name}: {self._outcome(task)}")

    def _outcome(self, task: Any) -> str:
        if not task.done():
            return "pending"
        if task.cancelled():
            return "cancelled"
        if failed := re.search(r" (exception=.*)>$", repr(task)):
            text = failed[1].partition(" created at ")[0]
            return self.plain(text)  # task.exception() would mark it as retrieved
        return f"result={self.describe(task.result())}"

    def leave_task(self) -> None:
        """Let no task be the current one: the accelerator of 3.14 keeps one for the whole thread.

        The rule "an eager task in a context that is already entered" says when.
        """

        self._aio._set_running_loop(self.loop)
        if (task := self._current_task(self.loop)) is not None:
            self._aio.tasks._leave_task(self.loop, task)
        self._aio._set_running_loop(None)

    def forget(self) -> None:
        """Release all objects; record what is reported then, in alphabetical order."""
        self._last = []
        self.loop.set_exception_handler(self.report)
        self.loop.close()
        self._tasks.clear()
        self._numbers.clear()
        gc.collect()
        self.loop = None
        self.rows += sorted(f"in the end {row}" for row in self._last)

    def give_up(self) -> None:
        """Record the endless recursion; record nothing when the objects are freed."""
        self.rows.append(ENDLESS)
        self._last = []
        self.loop.close()
        self._tasks.clear()
        self._numbers.clear()
        self.loop = None


async def _nothing() -> None:
    """The first task. Its name is the number from which the names of the others are counted."""


# -- running --------------------------------------------------------------------------------------

Main = Callable[..., None]


PROGRAM: Final = "<program>"
"""The file name of every program."""


def load(source: str) -> Main:
    """Return the function `program` of a source text."""
    namespace: dict[str, Any] = {"__name__": "program"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SyntaxWarning)  # `return` in a `finally`, since 3.14
        code = compile(source, PROGRAM, "exec")
    exec(code, namespace)
    main: Main = namespace["program"]
    return main


def run(main: Main, of: Implementation) -> Trace:
    """Run a program on an implementation; return its trace."""
    recorder = _Recorder(of)
    unraisable, propagate = sys.unraisablehook, of.logger.propagate
    was_enabled = gc.isenabled()
    gc.disable()
    of.logger.addHandler(recorder)
    of.logger.propagate = False
    try:
        with warnings.catch_warnings(), of.in_place():
            warnings.simplefilter("always")
            warnings.showwarning = recorder.warn
            sys.unraisablehook = recorder.unraisable
            try:
                contextvars.Context().run(_play, main, of, recorder)
            except RecursionError:  # in the implementation, or in describing its objects
                recorder.give_up()
            if recorder.rows[-1:] == [ENDLESS]:
                gc.collect()  # what the error's frames kept is not garbage of the next program
    finally:
        sys.unraisablehook = unraisable
        of.logger.removeHandler(recorder)
        of.logger.propagate = propagate
        if was_enabled:
            gc.enable()
    return recorder.rows


def _play(main: Main, of: Implementation, recorder: _Recorder) -> None:
    recorder.begin(of.loop_class(recorder))
    recorder.name_futures()
    try:
        main(
            of.aio,
            recorder.loop,
            recorder.log,
            recorder.attempt,
            var,
            contextvars.copy_context,
            recorder.work,
        )
    except BaseException as error:
        recorder.step(f"raised at the start: {recorder.describe(error)}")
    del recorder.loop.create_future
    recorder.until_quiet()
    recorder.end()
    if of.name != "miniloop":
        recorder.leave_task()
    recorder.forget()
