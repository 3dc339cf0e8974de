"""The names of asyncio's pure-Python classes and functions, and its modules for Windows.

Purpose: asyncio has two Tasks, one in C, and `_PyTask` in Python. The suite tests both by these
names, and skips or excepts Windows by modules that an implementation for POSIX does not have.
Rules: a name refers to the implementation's own object; the modules for Windows are empty, except
for a class that the suite uses with `isinstance`. Nothing else is added to a plain shadow.
"""

from __future__ import annotations

import importlib
import sys
from importlib.util import find_spec
from types import ModuleType
from typing import Final

PACKAGE: Final = __package__.rpartition(".")[0]

#: The names that asyncio gives its pure-Python classes and functions, beside the accelerated ones.
TWINS: Final = {
    "events": {
        "_py__get_running_loop": "_get_running_loop",
        "_py__set_running_loop": "_set_running_loop",
        "_py_get_running_loop": "get_running_loop",
        "_py_get_event_loop": "get_event_loop",
    },
    "futures": {
        "_PyFuture": "Future",
        "_py_future_add_to_awaited_by": "future_add_to_awaited_by",
        "_py_future_discard_from_awaited_by": "future_discard_from_awaited_by",
    },
    "tasks": {
        "_PyTask": "Task",
        "_py_all_tasks": "all_tasks",
        "_py_current_task": "current_task",
        "_py_register_task": "_register_task",
        "_py_register_eager_task": "_register_eager_task",
        "_py_unregister_task": "_unregister_task",
        "_py_unregister_eager_task": "_unregister_eager_task",
        "_py_enter_task": "_enter_task",
        "_py_leave_task": "_leave_task",
        "_py_swap_current_task": "_swap_current_task",
    },
}

#: The modules for Windows, and their classes with which the suite tests whether a loop is one.
WINDOWS: Final[dict[str, tuple[str, ...]]] = {
    "proactor_events": ("BaseProactorEventLoop",),
    "windows_events": (),
    "windows_utils": (),
}


def is_file(name: str) -> bool:
    """Return whether the package has a file of that name, not only a module made at run time."""
    spec = find_spec(f"{PACKAGE}.{name}")
    return spec is not None and spec.origin is not None


def module_of(name: str) -> ModuleType:
    """Import the file of that name; if there is none, create an empty module."""
    full_name = f"{PACKAGE}.{name}"
    if full_name in sys.modules or is_file(name):
        return importlib.import_module(full_name)
    module = ModuleType(full_name, "Replaces a module of asyncio that is not a file here.")
    sys.modules[full_name] = module
    setattr(sys.modules[PACKAGE], name, module)
    return module


def give_twins() -> None:
    for place, twins in TWINS.items():
        names = vars(module_of(place))
        for twin, name in twins.items():
            if name in names:
                names.setdefault(twin, names[name])


def give_windows() -> None:
    for place, classes in WINDOWS.items():
        if not is_file(place):
            vars(module_of(place)).update({name: type(name, (), {}) for name in classes})
