"""The columns: which event loops are compared, and how a new process loads one of them."""

import sys
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import Final, NamedTuple

from comparisons.loops.workload import Loop

REFERENCE: Final = "asyncio"
PURE: Final = "asyncio-python"
FLOOR: Final = "epoll"
"""Not a column of the table: a bare epoll loop, measured for the echo rows only."""


class Column(NamedTuple):
    title: str
    colour: str


COLUMNS: Final = {
    REFERENCE: Column("asyncio (C)", "#4c72b0"),
    PURE: Column("asyncio (Python)", "#a3b8d9"),
    "miniloop": Column("miniloop", "#55a868"),
    "uvloop": Column("uvloop", "#64b5cd"),
}


def title(column: str) -> str:
    return COLUMNS[column].title if column in COLUMNS else column


def installed() -> tuple[str, ...]:
    return tuple(name for name in COLUMNS if name != "uvloop" or find_spec(name))


def load(column: str) -> Loop:
    """Load the column's loop; only one column can be loaded in a process."""
    if column == "miniloop":
        return Loop(import_module("miniloop"))
    if column == PURE:
        return _without_accelerator()
    aio = import_module("asyncio")
    if column == "uvloop":
        return Loop(aio, import_module("uvloop").new_event_loop)
    return Loop(aio)


def _without_accelerator() -> Loop:
    """Import asyncio without `_asyncio`: it then uses its Task and Future in Python."""
    modules: dict[str, ModuleType | None] = vars(sys)["modules"]
    modules.setdefault("_asyncio", None)  # None: importing it raises ImportError
    aio = import_module("asyncio")
    if modules["_asyncio"] is not None or aio.Task.__module__ != "asyncio.tasks":
        raise RuntimeError("the C accelerator of asyncio is already imported")
    return Loop(aio)
