"""asyncio's module names for objects that an implementation defines in other files.

Purpose: the suite finds and patches objects by asyncio's modules (`asyncio.base_events.logger`). An
implementation may define them elsewhere. Here each of asyncio's modules gets the names of the files
that do its work.
Rules: a name is added only where it is missing, and refers to the implementation's own object.
Setting it, as `mock.patch` does, sets it in every file that has that object.
"""

from __future__ import annotations

import builtins
import importlib
import socket
import sys
from importlib.util import find_spec
from operator import attrgetter
from types import ModuleType
from typing import Final

PACKAGE: Final = __package__.rpartition(".")[0]

#: asyncio's module to the files of miniloop that do its work, besides the file of the same name.
WORK_OF: Final[dict[str, tuple[str, ...]]] = {
    "base_events": (
        "kernel", "selector_events", "reports", "asyncgens", "debug", "threads", "staggered",
        "connections", "datagrams", "sendfile", "subprocess", "unix_events", "format_helpers",
    ),
    "base_futures": ("futures", "format_helpers"),
    "base_subprocess": ("subprocess",),
    "base_tasks": ("tasks", "format_helpers"),
    "constants": (
        "format_helpers", "transports", "descriptors", "connections", "streams", "sslproto",
        "sendfile", "threads",
    ),
    "coroutines": ("debug",),
    "events": ("policies", "format_helpers", "threads", "connections"),
    "format_helpers": ("coroutines",),
    "futures": ("events", "exceptions", "threads"),
    "log": ("format_helpers",),
    "mixins": ("locks",),
    "proactor_events": (),
    "selector_events": (
        "sockets", "descriptors", "transports", "connections", "datagrams", "sslproto",
        "sendfile", "unix_events", "format_helpers",
    ),
    "sslproto": (),
    "staggered": (),
    "streams": ("connections", "transports"),
    "subprocess": (),
    "tasks": ("combinators", "timeouts", "threads"),
    "trsock": ("transports",),
    "unix_events": (
        "descriptors", "subprocess", "connections", "sendfile", "signals", "format_helpers",
    ),
    "windows_events": (),
    "windows_utils": (),
}  # fmt: skip

#: The names that asyncio gives its pure-Python classes and functions, beside the accelerated ones.
TWINS: Final = {
    "events": {
        "_py__get_running_loop": "_get_running_loop",
        "_py__set_running_loop": "_set_running_loop",
        "_py_get_running_loop": "get_running_loop",
        "_py_get_event_loop": "get_event_loop",
    },
    "futures": {"_PyFuture": "Future"},
    "tasks": {
        "_PyTask": "Task",
        "_py_current_task": "current_task",
        "_py_register_task": "_register_task",
        "_py_unregister_task": "_unregister_task",
        "_py_enter_task": "_enter_task",
        "_py_leave_task": "_leave_task",
        "_py_swap_current_task": "_swap_current_task",
    },
}

#: Objects with another name in miniloop: asyncio's module, asyncio's name, our file, our name.
NAMES: Final = (("selector_events", "_SelectorTransport", "descriptors", "_DescriptorTransport"),)

#: Attributes with another name in miniloop: our file, class, asyncio's name, our name.
ATTRIBUTES: Final = (
    ("descriptors", "_WriteHalf", "_write_send", "_write_ready"),
    ("descriptors", "_WriteHalf", "_write_sendmsg", "_write_ready"),
    ("descriptors", "_DescriptorTransport", "_pipe", "_file"),
    ("descriptors", "_DescriptorTransport", "_sock", "_file"),
    ("sslproto", "SSLProtocol", "_app_protocol", "_protocol"),
    ("sslproto", "SSLProtocol", "_get_extra_info", "get_extra_info"),
)

#: Classes of the Windows modules: the suite tests with `isinstance` whether a loop is one.
WINDOWS: Final = {"proactor_events": ("BaseProactorEventLoop",)}


class Place(ModuleType):
    """A module of asyncio whose objects are defined in several files."""

    def __setattr__(self, name: str, value: object) -> None:
        missing = object()
        before = vars(self).get(name, missing)
        for module in (self, *_files(WORK_OF[self.__name__.rpartition(".")[2]])):
            if module is self or vars(module).get(name, missing) is before:
                vars(module)[name] = value


def _files(names: tuple[str, ...]) -> list[ModuleType]:
    found = (sys.modules.get(f"{PACKAGE}.{name}") for name in names)
    return [module for module in found if module is not None]


def _is_file(name: str) -> bool:
    return find_spec(f"{PACKAGE}.{name}") is not None


def module_of(name: str) -> ModuleType:
    """Import the file of that name; if there is none, create an empty module."""
    full_name = f"{PACKAGE}.{name}"
    if full_name in sys.modules or _is_file(name):
        return importlib.import_module(full_name)
    module = ModuleType(full_name, "Replaces a module of asyncio that is not a file here.")
    sys.modules[full_name] = module
    setattr(sys.modules[PACKAGE], name, module)
    return module


def _give_names(module: ModuleType, sources: list[ModuleType]) -> None:
    for source in sources:
        for name, value in vars(source).items():
            if not name.startswith("__") and not hasattr(builtins, name):
                vars(module).setdefault(name, value)


def give_places() -> None:
    places = {name: module_of(name) for name in WORK_OF}
    for name, sources in WORK_OF.items():
        _give_names(places[name], _files(sources))
    for module, alias, file, name in NAMES:
        if name in (own := vars(module_of(file))):
            vars(places[module]).setdefault(alias, own[name])
    vars(places["selector_events"]).setdefault("_HAS_SENDMSG", hasattr(socket.socket, "sendmsg"))
    for module, classes in WINDOWS.items():
        for name in classes:
            vars(places[module]).setdefault(name, type(name, (), {}))
    for place in places.values():
        place.__class__ = Place


def give_attributes() -> None:
    for file, owner, alias, name in ATTRIBUTES:
        found = getattr(sys.modules.get(f"{PACKAGE}.{file}"), owner, None)
        if found is not None and not hasattr(found, alias):
            setattr(found, alias, _alias_of(name))


def _alias_of(name: str) -> property:
    return property(attrgetter(name), lambda self, value: setattr(self, name, value))


def give_twins() -> None:
    for place, twins in TWINS.items():
        names = vars(module_of(place))
        for twin, name in twins.items():
            if name in names:
                names.setdefault(twin, names[name])
    vars(module_of("events")).setdefault("_event_loop_policy", None)
    vars(module_of("coroutines")).setdefault("_is_coroutine", object())


def laid_out_as_asyncio() -> bool:
    return all(map(_is_file, WORK_OF))
