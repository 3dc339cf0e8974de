"""The process rows: the time of an import, and the memory of a task."""

import gc
import os
import sys
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from comparisons.loops.columns import PURE, load
from comparisons.loops.micro import FAR
from comparisons.loops.workload import WALL, Figures, Measured
from comparisons.memory import memory_now

ROOT: Final = Path(__file__).parents[2]
GROUP: Final = "process"
MEMORY: Final = "memory"
IMPORTS: Final = {"miniloop": "import miniloop", "uvloop": "import asyncio, uvloop"}
IMPORT_SECONDS: Final = 60.0
"""The timeout of an import in seconds."""
PROGRAM: Final = """\
import sys
sys.path.insert(0, sys.argv[1])
{before}
from time import perf_counter
begun = perf_counter()
{statement}
print(perf_counter() - begun)
"""


def import_time(column: str, _size: int) -> Figures:
    """Measure the import statement in a new process, in seconds."""
    import subprocess  # late, because every sample imports this file

    program = PROGRAM.format(
        before='sys.modules["_asyncio"] = None' if column == PURE else "",
        statement=IMPORTS.get(column, "import asyncio"),
    )
    # -I ignores environment variables, including PYTHONPYCACHEPREFIX, so pass the prefix here.
    cache = ["-X", f"pycache_prefix={sys.pycache_prefix}"] if sys.pycache_prefix else []
    done = subprocess.run(
        [sys.executable, "-I", *cache, "-c", program, str(ROOT)],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=IMPORT_SECONDS,
    )
    return {WALL: float(done.stdout)}


def memory_per_task(column: str, tasks: int) -> Figures:
    """Measure the resident memory of a sleeping task, in bytes."""
    loop = load(column)
    with loop.runner() as runner:
        return {MEMORY: runner.run(_memory_per_task(loop.aio, tasks))}


async def _memory_per_task(aio: ModuleType, tasks: int) -> float:
    gc.collect()
    before = _resident()
    sleeping: list[Any] = [aio.create_task(aio.sleep(FAR)) for _ in range(tasks)]
    await aio.sleep(0)  # now every task is sleeping
    taken = (_resident() - before) / tasks
    for task in sleeping:
        task.cancel()
    await aio.wait(sleeping)
    return taken


def _resident() -> int:
    """Return the resident memory of this process, in bytes."""
    return memory_now([os.getpid()])


PROCESS: Final = (
    Measured(
        name="import",
        group=GROUP,
        about="the import statement in a new process, with cached bytecode",
        size=1,
        quick=1,
        values=10,
        sample=import_time,
    ),
    Measured(
        name="memory per task",
        group=GROUP,
        about="resident, with {size} sleeping tasks",
        size=100_000,
        quick=20_000,
        warmup=0,  # memory of a warm-up is not returned to the system and would be reused
        figure=MEMORY,
        unit="byte",
        sample=memory_per_task,
    ),
)
