"""A prompt with top-level `await`.

Purpose: what `python -m asyncio` is for asyncio. Names keep their values, and tasks go on running
while the user types.
Theory of operation: the standard library's InteractiveConsole asks for lines and compiles them, on
the main thread. It gets a line from `raw_input`, and passes each statement to `runcode`. Both run
the loop until they have what they wait for: a thread that reads the line, or the statement's task.
Invariants: at most one thread reads. All statements share a context, so one sees the contextvars
that another has set.
Known limits: Ctrl-C discards the lines of an unfinished statement, but not what is typed on the
current line, because `input()` runs on another thread. Ctrl-C can hit the loop's own code and stop
it from waking a task; then press it once more. An `exit` in a task that runs in the background may
take effect after the next line. asyncio has since 3.13 the line editor `_pyrepl`, a private part of
Python, which this file does not use.
This file does not depend on what is typed. It is not imported with the package.
"""

from __future__ import annotations

import ast
import atexit
import os
import sys
from code import InteractiveConsole
from contextlib import suppress
from contextvars import copy_context
from types import CodeType

from ..events import Loop
from ..exceptions import CancelledError
from ..futures import Future
from ..hints import T
from ..runners import Runner


class Console(InteractiveConsole):
    """Reads statements, and runs each of them in a task of the loop."""

    def __init__(self, loop: Loop, names: dict[str, object]) -> None:
        super().__init__(names, filename="<stdin>")
        self.compile.compiler.flags |= ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
        self._loop = loop
        self._context = copy_context()
        self._line: Future[str] | None = None  # the latest one; a thread reads it

    def greet(self) -> None:
        """Write the banner, and run the user's start-up file."""
        if not sys.flags.quiet:
            self.write(f"miniloop REPL {sys.version} on {sys.platform}\n")
            self.write('Use "await" directly instead of "asyncio.run()".\n')
            self.write('Type "help", "copyright", "credits" or "license" for more information.\n')
        if file := os.environ.get("PYTHONSTARTUP"):
            source = f"__import__('pathlib').Path({file!r}).read_bytes()"
            self.runsource(f"exec(compile({source}, {file!r}, 'exec'))")
        self.write(f"{getattr(sys, 'ps1', '>>> ')}import asyncio\n")

    def raw_input(self, prompt: str = "") -> str:
        """Run the loop until a line has been read; return the line. Raises EOFError."""
        if self._line is None or self._line.done():
            self._line = self._loop.run_in_executor(None, input, prompt)
        else:  # Ctrl-C was pressed while that thread was reading, and it still is
            self.write(prompt)
        return self._complete(self._line)  # type: ignore[no-any-return]

    def runcode(self, code: CodeType) -> None:
        """Run the loop until a statement has ended. Raises SystemExit and KeyboardInterrupt."""
        self._interrupted = False  # whether Ctrl-C has cancelled this statement
        statement = self._loop.create_task(self._execute(code), context=self._context)
        with suppress(CancelledError):  # it was cancelled before its first step
            try:
                self._complete(statement)
            except (SystemExit, KeyboardInterrupt):
                self._interrupted = statement.cancel()
                self._complete(statement)  # its `finally` clauses run; or it has raised this itself
                raise

    def _complete(self, future: Future[T]) -> T:
        """Run the loop until `future` is done, and return its result.

        If Ctrl-C ends run_until_complete() just after `future` was done, the callback that stops
        the loop is still scheduled. It must not stop the next run, so let it run now.
        """
        try:
            return future.result() if future.done() else self._loop.run_until_complete(future)
        except (SystemExit, KeyboardInterrupt):
            if future.done():
                self._loop.stop()
                self._loop.run_forever()
            raise

    async def _execute(self, code: CodeType) -> None:
        try:
            if (awaitable := eval(code, self.locals)) is not None:
                await awaitable
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException:
            if not self._interrupted:
                self.showtraceback()  # without the frame of this function


def main() -> None:
    """Run the prompt until its input ends, or until `exit`. Call it on the main thread."""
    package = sys.modules[__package__.rpartition(".")[0]]
    if sys.stdin.isatty() and hasattr(sys, "__interactivehook__"):
        sys.__interactivehook__()  # the history, and the Tab key
    atexit.register(print, "exiting miniloop REPL...", file=sys.stderr)
    with Runner() as runner:
        names = {"asyncio": package, "miniloop": package, "__name__": "__main__"}
        console = Console(runner.get_loop(), names)
        console.greet()
        console.interact(banner="", exitmsg="")
