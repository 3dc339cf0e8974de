"""asyncio's module names for objects that an implementation defines in other files.

Purpose: the suite finds and patches objects by asyncio's modules (`asyncio.base_events.logger`). An
implementation may define them elsewhere. Here each of asyncio's modules gets the names of the files
that do its work.
Rules: a name is added only where it is missing, and refers to the implementation's own object.
Setting it, as `mock.patch` does, sets it in every file that has that object, and that is not itself
a module of asyncio.
"""

from __future__ import annotations

import builtins
import socket
import sys
from collections.abc import Iterable
from operator import attrgetter
from types import ModuleType
from typing import Any, Final

from .twins import PACKAGE, is_file, module_of

#: asyncio's module to the files of miniloop in which the suite finds or patches what it does,
#: besides the file of the same name.
WORK_OF: Final[dict[str, tuple[str, ...]]] = {
    "base_events": (
        "kernel", "reports", "debug", "threads", "connections", "datagrams", "sendfile",
    ),
    "constants": ("sendfile",),
    "coroutines": ("debug",),
    "events": ("threads",),
    "futures": ("threads",),
    "selector_events": ("descriptors", "connections", "datagrams"),
    "staggered": ("connections",),
    "tasks": ("combinators", "timeouts", "threads"),
    "unix_events": ("subprocess", "descriptors", "connections", "sendfile", "signals"),
}  # fmt: skip

#: Objects with another name in miniloop: asyncio's module, asyncio's name, our file, our name.
NAMES: Final = (("selector_events", "_SelectorTransport", "descriptors", "_DescriptorTransport"),)

#: Attributes with another name in miniloop: our file, class, asyncio's name, our name.
ATTRIBUTES: Final = (
    ("descriptors", "_WriteHalf", "_write_send", "_write_ready"),
    ("descriptors", "_WriteHalf", "_write_sendmsg", "_write_ready"),
    ("descriptors", "_DescriptorTransport", "_pipe", "_file"),
    ("descriptors", "_DescriptorTransport", "_sock", "_file"),
    ("sslproto", "SSLProtocol", "_app_protocol", "_protocol"),
    ("sslproto", "SSLProtocol", "_app_reading_paused", "_paused"),
    ("sslproto", "SSLProtocol", "_get_extra_info", "get_extra_info"),
)


class Place(ModuleType):
    """A module of asyncio whose objects are defined in several files."""

    def __setattr__(self, name: str, value: object) -> None:
        missing = object()
        before = vars(self).get(name, missing)
        others = [file for file in WORK_OF[self.__name__.rpartition(".")[2]] if file not in WORK_OF]
        for module in (self, *_files(others)):
            if module is self or vars(module).get(name, missing) is before:
                vars(module)[name] = value


def _files(names: Iterable[str]) -> list[ModuleType]:
    found = (sys.modules.get(f"{PACKAGE}.{name}") for name in names)
    return [module for module in found if module is not None]


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
    for place in places.values():
        place.__class__ = Place


def give_attributes() -> None:
    for file, owner, alias, name in ATTRIBUTES:
        found = getattr(sys.modules.get(f"{PACKAGE}.{file}"), owner, None)
        if found is not None and not hasattr(found, alias):
            setattr(found, alias, _alias_of(name))
    # asyncio has a transport above its SSLProtocol; here the two are one object.
    tls: Any = getattr(sys.modules.get(f"{PACKAGE}.sslproto"), "SSLProtocol", None)
    if tls is not None and not hasattr(tls, "_ssl_protocol"):
        tls._ssl_protocol = property(lambda self: self)


def give_awaited_by() -> None:
    """Give futures asyncio's record of who awaits them, from the graph of the implementation."""
    future: Any = getattr(module_of("futures"), "Future", None)
    graph = sys.modules.get(f"{PACKAGE}.trace.graph")
    if graph is not None and not hasattr(future, "_asyncio_awaited_by"):
        future._asyncio_awaited_by = property(lambda self: set(graph._awaited_by(self)) or None)


def _alias_of(name: str) -> property:
    return property(attrgetter(name), lambda self, value: setattr(self, name, value))


def laid_out_as_asyncio() -> bool:
    return all(map(is_file, WORK_OF))
