"""Asynchronous generators: how the loop finishes those that a program has left in the middle.

Purpose: an asynchronous generator with a `finally` can only be closed by awaiting `aclose()`, which
the garbage collector cannot do. So the interpreter tells the running loop of each generator that
begins (first-iteration hook) and of each that is about to be collected (finalizer hook), and the
loop awaits.
Rules: the hooks are set while the loop runs and put back afterwards.
This file does not know what else a loop does. Read debug.py first.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import AsyncGenerator, Callable
from selectors import BaseSelector
from typing import Any
from weakref import WeakSet

from .combinators import gather
from .debug import DebugEventLoop


class AsyncGenEventLoop(DebugEventLoop):
    """The loop's chapter on asynchronous generators."""

    def __init__(self, selector: BaseSelector | None = None) -> None:
        super().__init__(selector)
        self._asyncgens: WeakSet[AsyncGenerator[Any, Any]] = WeakSet()  # begun, not yet finished
        self._asyncgens_shutdown_called = False
        self._saved_asyncgen_hooks: tuple[Callable[..., Any] | None, ...] = ()

    def _run_forever_setup(self) -> None:
        super()._run_forever_setup()
        self._saved_asyncgen_hooks = tuple(sys.get_asyncgen_hooks())
        sys.set_asyncgen_hooks(self._asyncgen_begins, self._asyncgen_is_dropped)

    def _run_forever_cleanup(self) -> None:
        super()._run_forever_cleanup()
        sys.set_asyncgen_hooks(*self._saved_asyncgen_hooks)

    def _asyncgen_begins(self, agen: AsyncGenerator[Any, Any]) -> None:
        if self._asyncgens_shutdown_called:
            message = f"asynchronous generator {agen!r} was scheduled after"
            message += " loop.shutdown_asyncgens() call"
            warnings.warn(message, ResourceWarning, source=self, stacklevel=2)
        self._asyncgens.add(agen)

    def _asyncgen_is_dropped(self, agen: AsyncGenerator[Any, Any]) -> None:
        self._asyncgens.discard(agen)
        if not self.is_closed():
            # The garbage collector may run in any thread, hence threadsafe.
            self.call_soon_threadsafe(self.create_task, agen.aclose())

    async def shutdown_asyncgens(self) -> None:
        """Close the asynchronous generators that were begun and not finished; `run` ends so."""
        self._asyncgens_shutdown_called = True
        closing = list(self._asyncgens)
        self._asyncgens.clear()
        results = await gather(*[agen.aclose() for agen in closing], return_exceptions=True)
        for agen, result in zip(closing, results, strict=True):
            if isinstance(result, Exception):
                message = f"an error occurred during closing of asynchronous generator {agen!r}"
                context = {"message": message, "exception": result, "asyncgen": agen}
                self.call_exception_handler(context)
