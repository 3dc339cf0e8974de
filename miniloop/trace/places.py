"""asyncio's module names, for names that are defined in other files of this package.

Purpose: programs import `asyncio.log` or `asyncio.trsock`, and read `asyncio.tasks.gather` or
`asyncio.base_events.Server`. They must find these names when miniloop runs in place of asyncio. So
this file makes a small module for each module of asyncio that is not a file here. Modules that are
files here get the names that were moved so that imports go one way.
Invariants: nothing is defined here; each name is the object that the package itself uses. Assigning
to a name in one of these modules, as `mock.patch` does, has no effect on the file that uses it.
This file contains no behaviour, and no other file depends on it. A reader may skip it.
"""

from __future__ import annotations

import sys
from types import ModuleType

# Unsorted: ruff would put each of these files on a line of its own.
# isort: off
from .. import abstract, combinators, connections, descriptors, format_helpers, futures, kernel
from .. import locks, policies, sendfile, subprocess, tasks, threads, timeouts
from .. import transports, unix_events

# isort: on
from ..hints import Any

_PACKAGE = sys.modules[str(__package__).rpartition(".")[0]]


def _provide(place: str, *things: Any, **names: Any) -> None:
    """Add `names`, and `things` by their own names, to the module `place`; make it if missing."""
    full_name = f"{_PACKAGE.__name__}.{place}"
    if (module := sys.modules.get(full_name)) is None:
        module = sys.modules[full_name] = ModuleType(full_name, "Made by places.py.")
        # Without a spec, importlib.util.find_spec() raises ValueError for the module.
        module.__spec__ = type(__spec__)(full_name, None)
        setattr(_PACKAGE, place, module)
    vars(module).update({thing.__name__: thing for thing in things}, **names)


# -- modules of asyncio that are not files here ---------------------------------------------------

_provide("log", logger=format_helpers.logger)
_provide("trsock", transports.TransportSocket)
_provide("mixins", locks._LoopBoundMixin)
_provide("base_subprocess", subprocess.BaseSubprocessTransport)
_provide("base_futures", futures.isfuture, format_helpers._future_repr_info)
_provide("base_tasks", format_helpers._task_repr_info,
         _task_get_stack=format_helpers._task_stack,
         _task_print_stack=format_helpers._print_task_stack)  # fmt: skip
_provide("constants",
         LOG_THRESHOLD_FOR_CONNLOST_WRITES=descriptors.LOG_THRESHOLD_FOR_CONNLOST_WRITES,
         ACCEPT_RETRY_DELAY=connections.ACCEPT_RETRY_DELAY,
         DEBUG_STACK_DEPTH=format_helpers.DEBUG_STACK_DEPTH,
         SENDFILE_FALLBACK_READBUFFER_SIZE=sendfile.SENDFILE_FALLBACK_READBUFFER_SIZE,
         SSL_HANDSHAKE_TIMEOUT=60.0, SSL_SHUTDOWN_TIMEOUT=30.0)  # fmt: skip

# -- names that have moved ------------------------------------------------------------------------

_provide("base_events", unix_events.BaseEventLoop, connections.Server,
         kernel._run_until_complete_cb)  # fmt: skip
_provide("selector_events", unix_events.BaseSelectorEventLoop)
_provide("events", abstract.AbstractEventLoop, abstract.AbstractServer,
         abstract.AbstractEventLoopPolicy, policies.get_event_loop_policy, policies.new_event_loop,
         policies.set_event_loop_policy, policies.set_event_loop, policies._get_event_loop_policy,
         policies._set_event_loop_policy, threads._ThreadSafeHandle,
         _AbstractEventLoopPolicy=abstract.AbstractEventLoopPolicy,
         _BaseDefaultEventLoopPolicy=policies.DefaultEventLoopPolicy)  # fmt: skip
_provide("unix_events", policies.DefaultEventLoopPolicy,
         _DefaultEventLoopPolicy=policies.DefaultEventLoopPolicy)  # fmt: skip
_provide("futures", threads.wrap_future, _PyFuture=futures.Future)
_provide("tasks", combinators.gather, combinators.wait, combinators.as_completed,
         combinators.shield, timeouts.wait_for, threads.run_coroutine_threadsafe,
         combinators._unregister_task, combinators._enter_task, combinators._leave_task,
         FIRST_COMPLETED=combinators.FIRST_COMPLETED, ALL_COMPLETED=combinators.ALL_COMPLETED,
         FIRST_EXCEPTION=combinators.FIRST_EXCEPTION, _PyTask=tasks.Task)  # fmt: skip
