"""A prompt with top-level `await`.

Purpose: what `python -m asyncio` is for asyncio. Names keep their values, and tasks go on running
while the user types.
Theory of operation: the standard library's InteractiveConsole asks for lines and compiles them, on
the main thread. It gets a line from `raw_input`, and passes each statement to `runcode`. Both run
the loop until they have what they wait for: a thread that reads the line, or the statement's task.
Invariants: at most one thread reads. All statements share a context, so one sees the contextvars
that another has set.
Known limits: Ctrl-C discards the lines of an unfinished statement, but not what is typed on the
current line, because `input()` runs on another thread. For the same reason, an `exit` in a task
that runs in the background takes effect after the next line. asyncio has since 3.13 the line editor
`_pyrepl`, a private part of Python, which this file does not use.
This file does not depend on what is typed. It is not imported with the package.
"""

from __future__ import annotations

import ast
import os
import sys
from code import InteractiveConsole
from contextvars import copy_context
from types import CodeType

from .combinators import wait
from .events import Loop
from .futures import Future
from .runners import Runner


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
        return self._loop.run_until_complete(self._line)  # type: ignore[no-any-return]

    def runcode(self, code: CodeType) -> None:
        """Run the loop until a statement has ended. Raises SystemExit and KeyboardInterrupt."""
        self._interrupted = False  # whether Ctrl-C has cancelled this statement
        statement = self._loop.create_task(self._execute(code), context=self._context)
        try:
            error = self._loop.run_until_complete(statement)
        except KeyboardInterrupt:
            self._interrupted = True
            statement.cancel()
            self._loop.run_until_complete(wait([statement]))  # for its `finally` clauses
            raise
        if error is not None:
            raise error

    async def _execute(self, code: CodeType) -> BaseException | None:
        try:
            if (awaitable := eval(code, self.locals)) is not None:
                await awaitable
        except (SystemExit, KeyboardInterrupt) as error:
            return error  # if a task raises it, the loop stops, and reports it as an error as well
        except BaseException:
            if not self._interrupted:
                self.showtraceback()  # without the frame of this function
        return None


def main() -> None:
    """Run the prompt until its input ends, or until `exit`. Call it on the main thread."""
    package = sys.modules[__package__]
    if sys.stdin.isatty() and hasattr(sys, "__interactivehook__"):
        sys.__interactivehook__()  # the history, and the Tab key
    try:
        with Runner() as runner:
            names = {"asyncio": package, "miniloop": package, "__name__": "__main__"}
            console = Console(runner.get_loop(), names)
            console.greet()
            console.interact(banner="", exitmsg="")
    finally:
        print("exiting miniloop REPL...", file=sys.stderr)
