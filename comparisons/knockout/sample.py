"""One sample: a new process in which one rung, or one complete loop, runs one workload.

The question is read as JSON from standard input. The answer is a line of JSON: {"error": "..."}, or
the lowest of several values in nanoseconds per unit, because noise only makes a run slower.
"""

import json
import sys
from collections.abc import Callable
from contextlib import ExitStack
from importlib import import_module
from typing import Any, Final, NamedTuple


class Runner(NamedTuple):
    rung: Any
    sleep: Any
    """The `sleep` of the module that the loop belongs to."""


def runner(workload: str, name: str, stack: ExitStack) -> Runner:
    """Create what runs the programs: a rung of the workload's ladder, or a complete loop."""
    if name in LOOPS:
        asyncio, loop = LOOPS[name]()
        from comparisons.knockout import timer_rungs, wakeup_rungs  # after the loop is created

        class Whole(wakeup_rungs.OnALoop, timer_rungs.OnALoop):
            """All the methods that the programs call."""

        return Runner(Whole(loop, stack), asyncio.sleep)
    import miniloop
    from comparisons.knockout.ladder import WORKLOADS

    rungs = {rung.name: rung for rung in WORKLOADS[workload].rungs}
    return Runner(rungs[name].make(stack), miniloop.sleep)


def _asyncio() -> tuple[Any, Any]:
    asyncio = import_module("asyncio")
    return asyncio, asyncio.new_event_loop()


def _pure_asyncio() -> tuple[Any, Any]:
    sys.modules["_asyncio"] = None  # type: ignore[assignment] # importing it fails from now on
    return _asyncio()


def _uvloop() -> tuple[Any, Any]:
    return import_module("asyncio"), import_module("uvloop").new_event_loop()


LOOPS: Final[dict[str, Callable[[], tuple[Any, Any]]]] = {
    "asyncio": _asyncio,
    "asyncio, pure Python": _pure_asyncio,
    "uvloop": _uvloop,
}


def take(workload: str, name: str, values: int) -> dict[str, Any]:
    """Take the sample; return {"nanoseconds": ...} or {"error": ...}."""
    with ExitStack() as stack:
        try:
            rung, sleep = runner(workload, name, stack)
            from comparisons.knockout.ladder import WORKLOADS
            from comparisons.knockout.programs import measured

            nanoseconds = list(measured(WORKLOADS[workload], rung, sleep, values))
        except Exception as error:
            return {"error": f"{type(error).__name__}: {error}" if str(error) else repr(error)}
    return {"nanoseconds": min(nanoseconds)}


if __name__ == "__main__":
    print(json.dumps(take(**json.load(sys.stdin))))
