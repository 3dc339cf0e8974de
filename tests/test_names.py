"""miniloop has every public name of asyncio with the same signature, except for the listed ones.

The names are those of the running interpreter's asyncio. Two tables list what later versions of
asyncio added, and what miniloop leaves out on purpose. An entry that is no longer true is an error.
"""

from __future__ import annotations

import asyncio
import asyncio.events
import asyncio.futures
import asyncio.tasks
import inspect
import operator
import sys
import warnings
from collections.abc import Iterator
from typing import Any

import miniloop

#: Deliberate differences: `name`, `class.method` or `function(parameter)`.
LEFT_OUT = {
    **{
        f"{kind}ChildWatcher.{method}_child_handler": "a child watcher of miniloop watches nothing"
        for kind in ("Abstract", "Fast", "MultiLoop", "Pidfd", "Safe", "Threaded")
        for method in ("add", "remove")
    },
    "AbstractEventLoopPolicy.get_child_watcher": "a policy written for miniloop needs none",
    "AbstractEventLoopPolicy.set_child_watcher": "a policy written for miniloop needs none",
    "DefaultEventLoopPolicy.get_child_watcher(self)": "static: a process has one child watcher",
    "DefaultEventLoopPolicy.set_child_watcher(self)": "static: a process has one child watcher",
}
if sys.version_info >= (3, 14):  # which removed child watchers
    LEFT_OUT.clear()

#: Methods of a tuple; asyncio has these classes since 3.14, as dataclasses.
NAMED_TUPLES = [
    f"{kind}.{method}"
    for kind in ("FrameCallGraphEntry", "FutureCallGraph")
    for method in ("count", "index")
    if sys.version_info >= (3, 14)
]

#: Names that asyncio added, by version; miniloop has them on every interpreter.
SINCE = {
    (3, 12): [
        *("create_eager_task_factory", "eager_task_factory"),
        *("Handle.get_context", "TimerHandle.get_context", "Task.get_context"),
        *("Task(eager_start)", "run(loop_factory)", "StreamWriter.start_tls(ssl_shutdown_timeout)"),
        "SelectorEventLoop.create_connection(all_errors)",
        "SelectorEventLoop.shutdown_default_executor(timeout)",
    ],
    (3, 13): [
        *("EventLoop", "QueueShutDown"),
        *("Queue.shutdown", "PriorityQueue.shutdown", "LifoQueue.shutdown"),
        *("Server.close_clients", "Server.abort_clients"),
        *("AbstractServer.close_clients", "AbstractServer.abort_clients"),
        "SelectorEventLoop.create_server(keep_alive)",
        "SelectorEventLoop.create_unix_server(cleanup_socket)",
    ],
    (3, 14): [
        *("capture_call_graph", "format_call_graph", "print_call_graph"),
        *("FrameCallGraphEntry", "FutureCallGraph"),
        *("future_add_to_awaited_by", "future_discard_from_awaited_by"),
        *("create_task(kwargs)", "create_task(name)", "create_task(context)"),
        *(f"SelectorEventLoop.create_task({name})" for name in ("kwargs", "name", "context")),
        *(f"EventLoop.create_task({name})" for name in ("kwargs", "name", "context")),
        *(f"TaskGroup.create_task({name})" for name in ("kwargs", "name", "context")),
        *(f"eager_task_factory({name})" for name in ("kwargs", "name", "context", "eager_start")),
    ],
    (3, 15): ["TaskGroup.cancel"],
}

#: Whose signatures are not compared: a Server comes from create_server(); the methods of the two
#: base classes are those of SelectorEventLoop, and that is compared.
NOT_COMPARED = {"Server", "AbstractEventLoop", "BaseEventLoop"}


def theirs(name: str) -> Any:
    """Return asyncio's object of that name; the pure-Python version if there are two."""
    for module in (asyncio.futures, asyncio.tasks, asyncio.events):
        for in_python in (f"_Py{name}", f"_py_{name}"):
            if hasattr(module, in_python):
                return getattr(module, in_python)
    return getattr(asyncio, name)


def members(kind: type) -> set[str]:
    return {
        name for name in dir(kind) if not name.startswith("_") and callable(getattr(kind, name))
    }


def parameters(function: Any, *, method: bool) -> dict[str, tuple[object, str]]:
    """Return the parameters with which a program calls it, so without the `self` of a method."""
    try:
        found = list(inspect.signature(function).parameters.values())[method:]
    except ValueError:  # an exception that inherits from BaseException, which has no signature
        return {}
    return {parameter.name: (parameter.kind, repr(parameter.default)) for parameter in found}


def differences() -> Iterator[str]:
    for name in {*asyncio.__all__, *miniloop.__all__}:
        if not hasattr(asyncio, name) or not hasattr(miniloop, name):
            yield name
        elif callable(getattr(asyncio, name)):
            yield from differences_of(name, theirs(name), getattr(miniloop, name))


def differences_of(name: str, reference: Any, ours: Any, method: bool = False) -> Iterator[str]:
    if inspect.isclass(reference):
        yield from (f"{name}.{method}" for method in members(reference) ^ members(ours))
        for member in members(reference) & members(ours):
            if name not in NOT_COMPARED:
                static = [inspect.getattr_static(kind, member) for kind in (reference, ours)]
                is_method = all(map(inspect.isfunction, static))
                yield from differences_of(
                    f"{name}.{member}", getattr(reference, member), getattr(ours, member), is_method
                )
    if name not in NOT_COMPARED:
        here, there = (parameters(one, method=method) for one in (ours, reference))
        yield from (f"{name}({key})" for key in here | there if here.get(key) != there.get(key))
        if here.keys() == there.keys() and list(here) != list(there):
            yield f"{name}: the order of its parameters"


def test_names_and_signatures_equal_asyncios_except_for_the_listed_ones() -> None:
    newer = [name for version in SINCE if version > sys.version_info for name in SINCE[version]]
    listed = {*LEFT_OUT, *NAMED_TUPLES, *newer}
    with warnings.catch_warnings(action="ignore"):  # some names are deprecated
        assert sorted(differences()) == sorted(name for name in listed if can_differ(name))


def can_differ(name: str) -> bool:
    """Return True if a listed name exists on this interpreter; its parameters, if in both."""
    path, _, parameter = name.partition("(")
    found = [resolves(module, path) for module in (asyncio, miniloop)]
    return all(found) if parameter else any(found)


def resolves(module: Any, path: str) -> bool:
    try:
        operator.attrgetter(path)(module)
    except AttributeError:
        return False
    return True


def test_a_star_import_imports_every_public_name() -> None:
    namespace: dict[str, object] = {}
    exec("from miniloop import *", namespace)
    assert {name for name in miniloop.__all__ if name not in namespace} == set()


def test_no_name_is_exported_twice() -> None:
    assert len(miniloop.__all__) == len(set(miniloop.__all__))
