"""Asynchronous generators that a program leaves suspended.

Purpose: run their `finally` blocks. That takes an `await`, so the garbage collector cannot do it:

    async for line in lines():    # an asynchronous generator
        break                     # lines() stays suspended at its yield

The interpreter tells the running loop about each generator that starts (the first-iteration hook)
and about each that is about to be collected (the finalizer hook).
Invariants: `loop._asyncgens` has, by weak references, the generators that have started; closing one
that is finished has no effect. The hooks are installed while the loop runs: see Kernel.run_forever.
The functions take the loop as their first argument: they are its methods (see unix_events.py). This
file does not depend on the code that iterates the generators. Read combinators.py first.
"""

from __future__ import annotations

import warnings

from .combinators import gather
from .events import Loop, _report
from .hints import Any, AsyncGenerator


def _asyncgen_firstiter_hook(loop: Loop, agen: AsyncGenerator[Any, Any]) -> None:
    if loop._asyncgens_shutdown_called:
        text = f"asynchronous generator {agen!r} was scheduled after loop.shutdown_asyncgens() call"
        warnings.warn(text, ResourceWarning, source=loop, stacklevel=2)
    loop._asyncgens.add(agen)


def _asyncgen_finalizer_hook(loop: Loop, agen: AsyncGenerator[Any, Any]) -> None:
    loop._asyncgens.discard(agen)
    if not loop.is_closed():
        # Thread-safe, because the garbage collector runs in any thread.
        loop.call_soon_threadsafe(loop.create_task, agen.aclose())


async def shutdown_asyncgens(loop: Loop) -> None:
    """Close the asynchronous generators that are suspended; `run()` calls this at its end.

    An exception that a generator raises meanwhile goes to the exception handler.
    """
    loop._asyncgens_shutdown_called = True
    closing = list(loop._asyncgens)
    loop._asyncgens.clear()
    results = await gather(*[agen.aclose() for agen in closing], return_exceptions=True)
    for agen, result in zip(closing, results, strict=True):
        if isinstance(result, Exception):
            message = f"an error occurred during closing of asynchronous generator {agen!r}"
            _report(loop, message, exception=result, asyncgen=agen)
