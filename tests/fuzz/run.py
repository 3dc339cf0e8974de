"""Runs a program on one implementation, under a virtual clock, and records what it does.

A trace is a list of rows. Most are steps, recorded by the program's `log(…)`: the line, the task,
the virtual time, how often the task was asked to cancel, the context variable, and what was logged.
Others tell what reached the exception handler, the log or the warnings, and what was left over.
Of a log record, these are the message, the exception and the lines of a handler's context, but no
tracebacks; of a context that a handler gets, the message, the exception and which task or future.

When something is freed is told as well, but compared only in part, as known.py says.

Three implementations can be had in one process: miniloop, asyncio, and asyncio without its C
accelerator, which is a second copy of the package. Where these iterate over a set, which has no
order that two runs would share, they are given one that keeps the order of insertion.

It does not know how programs are made, and of the implementations only what all of them have.
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
"""What a program did, a row a line."""

IMPLEMENTATIONS: Final = ("asyncio", "asyncio in Python", "miniloop")

MOST_ROWS: Final = 300
"""A program that records more is cut, which is the same row on all implementations."""

MOST_TURNS: Final = 3_000
"""A program that takes so many turns of its loop does nothing but turn."""

ENDLESS: Final = "endless recursion"
"""The last row of a run that cannot even be told to its end."""

COMPARED: Final = r"(?:asyncgen|context|exception|future|handle|task): "
"""The further lines of a log record that are compared: of a context, but no tracebacks."""

FRAMES: Final = r", '(?:source|handle)_traceback': \[[^\]]*\]"
"""A traceback in such a context, which names the library's own lines; never its first key."""

DEEPEST: Final = 5
"""So far an exception's history is followed."""

var: contextvars.ContextVar[int] = contextvars.ContextVar("var", default=0)
"""The programs' context variable."""


# -- implementations ------------------------------------------------------------------------------


class OrderedSet(dict[Any, None]):
    """As much of a set, in the order of insertion, as the implementations use."""

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


#: In these modules' places `set` is an OrderedSet while a program runs.
ITERATE_OVER_SETS: Final = ("tasks", "combinators", "taskgroups")


class Implementation:
    """A package in asyncio's likeness, and the class of loops that programs run on."""

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
        """Iterate over sets in the order of insertion, and import this package's own modules."""
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
    """One of IMPLEMENTATIONS, by its name."""
    if name == "asyncio in Python":
        return Implementation(name, asyncio_in_python())
    return Implementation(name, {name: importlib.import_module(name)})


def asyncio_in_python() -> dict[str, types.ModuleType]:
    """The modules of a second copy of asyncio, which has found no C accelerator."""
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
        raise ImportError("the second copy of asyncio has the C accelerator, too")
    return {"asyncio": copy, **copies}


def _is_of_asyncio(name: str) -> bool:
    return name in ("asyncio", "_asyncio") or name.startswith("asyncio.")


class _Loop:
    """A loop on a recorder's clock, which tells of its tasks in the order they are made."""

    def __init__(self, recorder: _Recorder) -> None:
        self._recorder = recorder
        self._turns = 0
        super().__init__(_Selector(recorder))  # type: ignore[call-arg]
        super().set_debug(False)  # type: ignore[misc]
        self._asyncgens = OrderedSet()  # a WeakSet, else; nothing is forgotten before the end

    def time(self) -> float:
        return self._recorder.clock.now

    def create_task(self, coro: Any, **options: Any) -> Any:
        task = super().create_task(coro, **options)  # type: ignore[misc]
        self._recorder.number(task)
        return task

    def set_exception_handler(self, handler: Any) -> None:
        """A program's own handler does not hear of what is told at different times."""
        report = self._recorder.report

        def chosen(loop: Any, context: dict[str, Any]) -> None:
            lost = context["message"].endswith("never retrieved")
            (report if lost else handler)(loop, context)

        super().set_exception_handler(handler and chosen)  # type: ignore[misc]

    def _run_once(self) -> None:
        self._turns += 1
        if self._turns > MOST_TURNS:
            self._recorder.cut("it turns and turns")
        super()._run_once()  # type: ignore[misc]


class _Selector(selectors.BaseSelector):
    """Moves the clock on, where another would wait; and stops a loop that would wait for ever."""

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
    """The trace of one run, and the words in which it tells of things."""

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
        self._last: list[str] | None = None  # in the end, what comes in no order
        self._first_name = 0
        self._cut = False

    # what programs call

    def log(self, *values: Any) -> None:
        """Record a step of the function that calls; none of those that are closed in the end."""
        self._log(", ".join(map(self.tell, values)), sys._getframe(1))

    def _log(self, told: str, caller: types.FrameType) -> None:
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
        self.step(f"{place}{who}: {told}")

    def attempt(self, function: Callable[..., Any], *args: Any) -> None:
        """Call, and record what comes of it; what is wrong with it goes no further."""
        try:
            told = self.tell(function(*args))
        except Exception as error:
            told = f"raised {self.tell(error)}"
        self._log(told, sys._getframe(1))

    def work(self, seconds: float) -> None:
        """Take some time without an await."""
        self.clock.advance(seconds)

    # what the implementations call

    def report(self, loop: Any, context: dict[str, Any]) -> None:
        """An exception handler."""
        del loop
        error = context.get("exception")
        about = ", ".join(
            key + self._numbered(context[key])
            for key in ("task", "future", "handle", "asyncgen")
            if key in context
        )
        message = self.plain(str(context["message"]))
        self.step(f"handler ({about}): {message} {self.tell(error) if error else ''}".rstrip())

    def _numbered(self, subject: Any) -> str:
        """The number of a task or future that has one: neither a handle, nor what is gone."""
        number = self._numbers.get(subject)
        return f" {number}" if number else ""

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        message, *more = record.getMessage().splitlines()
        told = [f"{self.plain(message)} {self.tell(error) if error else ''}".rstrip()]
        lines = (re.sub(FRAMES, "", line) for line in more if re.match(COMPARED, line))
        # The quotes of a message in a context go by whether its arguments have some.
        told += [self.plain(line).replace('"', "'") for line in lines]
        self.step(f"{record.levelname}: {' | '.join(told)}")

    def warn(self, message: Warning | str, category: type[Warning], *_: Any, **__: Any) -> None:
        text = str(message).partition("\n")[0]
        if self._last is not None and "never awaited" not in text:
            return  # of what is closed by the garbage collector, without a loop
        self.step(f"{category.__name__}: {self.plain(text)}")

    def unraisable(self, args: Any) -> None:
        if self._last is None:
            with contextlib.suppress(RecursionError):  # if it is endless, that is told in the end
                self.step(f"unraisable: {self.tell(args.exc_value)}")

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
            self.cut("it is long")

    def cut(self, why: str) -> None:
        if not self._cut:
            self.rows.append(f"cut, for {why}")
        self._cut = self.quiet = True
        self.loop.stop()

    # words

    def number(self, task: Any) -> str:
        """A task's number in the order in which they were made or first seen."""
        told = self._numbers.get(task)
        if told is None:
            self._tasks.append(task)
            told = self._numbers[task] = f"T{len(self._tasks)}"
        return told

    def tell(self, value: Any) -> str:
        """A value in words that two implementations have in common."""
        if isinstance(value, str):
            return f"'{self.plain(value)}'"
        if value is None or isinstance(value, (int, float)):
            return repr(value)
        if isinstance(value, BaseException):
            return self._error(value, DEEPEST)
        if isinstance(value, (tuple, list)):
            return f"[{', '.join(map(self.tell, value))}]"
        if isinstance(value, (set, OrderedSet)):
            self._number_by_name(value)
            return f"{{{', '.join(sorted(map(self.tell, value)))}}}"
        if self._aio.isfuture(value):
            state = "pending"
            if value.done():
                state = "cancelled" if value.cancelled() else "done"
            return f"{self._future(value)} {state}"
        return type(value).__name__

    def _number_by_name(self, items: Iterable[Any]) -> None:
        """Number those tasks of a set that are seen first in it: a set has no order of its own."""
        tasks = [item for item in items if isinstance(item, self._aio.Task)]
        for task in sorted(tasks, key=lambda task: (len(task.get_name()), task.get_name())):
            self.number(task)

    def _future(self, future: Any) -> str:
        if isinstance(future, self._aio.Task):
            return self.number(future)
        told = self._numbers.get(future)
        if told is None:
            self._futures += 1
            told = self._numbers[future] = f"F{self._futures}"
        return told

    def _error(self, error: BaseException, depth: int) -> str:
        told = type(error).__name__
        if isinstance(error, BaseExceptionGroup):
            told += f"({error.message}: "
            told += f"{', '.join(self._error(member, depth - 1) for member in error.exceptions)})"
        elif message := str(error):
            told += f"({self.plain(message)})"
        if depth <= 0:  # less, of what is in a group; a history may come back to its beginning
            return told
        cause, context = error.__cause__, error.__context__
        if cause is not None:
            told += f" ⟨from {self._error(cause, depth - 1)}⟩"
        if context is not None and context is not cause:
            word = "after" if error.__suppress_context__ else "during"
            told += f" ⟨{word} {self._error(context, depth - 1)}⟩"
        return told

    def plain(self, text: str) -> str:
        """A message without what must differ: names of packages and addresses, numbers of tasks."""
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

    # the course of a run

    def begin(self, loop: Any) -> None:
        self.loop = loop
        loop.set_exception_handler(self.report)
        first = loop.create_task(_nothing())
        self._first_name = int(first.get_name().removeprefix("Task-"))
        self._tasks.clear()
        self._numbers.clear()

    def name_futures(self) -> None:
        """Number those that the program begins with in the order in which they are made."""
        create = self.loop.create_future

        def create_future() -> Any:
            future = create()
            self._future(future)
            return future

        self.loop.create_future = create_future

    def until_quiet(self) -> None:
        """Run until nothing can happen any more, whatever comes out of the loop."""
        self.quiet = self._cut
        while not self.quiet:
            try:
                self.loop.run_forever()
            except (Exception, SystemExit, KeyboardInterrupt) as error:
                self.step(f"out of the loop: {self.tell(error)}")

    def end(self) -> None:
        """Tell what is left over; cancel that; end the generators; close what will not end."""
        self._tell_of(self._tasks)
        for _ in range(2):
            left = [task for task in self._tasks if not task.done()]
            for task in left:
                task.cancel("the end")
            self.until_quiet()
            self._tell_of(left)
        self.loop.create_task(self.loop.shutdown_asyncgens())
        self.until_quiet()
        for task in self._tasks:
            if not task.done() and (coro := task.get_coro()) is not None:
                self._close(coro)

    def _close(self, coro: Any) -> None:
        try:
            coro.close()
        except BaseException as error:
            self.step(f"closed by force: {self.tell(error)}")

    def _tell_of(self, tasks: list[Any]) -> None:
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
            return self.plain(text)  # to ask for it would be to have retrieved it
        return f"result={self.tell(task.result())}"

    def forget(self) -> None:
        """Let everything go, and tell what is said then, in the order of the alphabet."""
        self._last = []
        self.loop.set_exception_handler(self.report)
        self.loop.close()
        self._tasks.clear()
        self._numbers.clear()
        gc.collect()
        self.loop = None
        self.rows += sorted(f"in the end {row}" for row in self._last)

    def give_up(self) -> None:
        """Record that it recurs without end; tell nothing of what is let go."""
        self.rows.append(ENDLESS)
        self._last = []
        self.loop.close()
        self._tasks.clear()
        self._numbers.clear()
        self.loop = None


async def _nothing() -> None:
    """The first task, which tells how far the names of tasks have come."""


# -- running --------------------------------------------------------------------------------------

Main = Callable[..., None]


PROGRAM: Final = "<program>"
"""The name of the file that every program seems to come from."""


def load(source: str) -> Main:
    """The function `program` of some source."""
    namespace: dict[str, Any] = {"__name__": "program"}
    exec(compile(source, PROGRAM, "exec"), namespace)
    main: Main = namespace["program"]
    return main


def run(main: Main, of: Implementation) -> Trace:
    """What the program does on an implementation."""
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
            except RecursionError:  # of the implementation, or of what tells of its objects
                recorder.give_up()
            if recorder.rows[-1:] == [ENDLESS]:
                gc.collect()  # what the error's frames have held shall not be the next program's
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
        recorder.step(f"raised at the start: {recorder.tell(error)}")
    del recorder.loop.create_future
    recorder.until_quiet()
    recorder.end()
    recorder.forget()
