"""miniloop: a from-scratch reimplementation of asyncio in pure Python, written to be read.

Read the files in the order of READING_ORDER: each file imports only files listed before it. Start
with the core ring. `import miniloop as asyncio` runs programs that were written for asyncio.
"""

from __future__ import annotations

from .coroutines import *
from .abstract import *
from .exceptions import *
from .events import *
from .futures import *
from .tasks import *
from .locks import *
from .queues import *
from .combinators import *
from .timeouts import *
from .taskgroups import *
from .threads import *
from .policies import *
from .runners import *
from .protocols import *
from .transports import *
from .connections import *
from .streams import *
from .subprocess import *
from .unix_events import *
from .trace.watchers import *
from .trace.programs import install as install
from .trace.graph import *
from .trace import graph, watchers
from .trace import places as places
from . import abstract, combinators, connections, coroutines, events, exceptions, futures, locks
from . import policies, protocols, queues, runners, streams, subprocess, taskgroups, tasks, threads
from . import timeouts, transports, unix_events

__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    """Return a class of event loop policies: deprecated since Python 3.14."""
    if name not in ("AbstractEventLoopPolicy", "DefaultEventLoopPolicy"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    coroutines._deprecated(name)
    return getattr(policies, name)


#: The files, ring by ring.
READING_ORDER = {
    # Names for annotations, reprs and log lines, and abstract classes; a reader may skip it.
    "words": ("hints", "coroutines", "format_helpers", "abstract"),
    # How `await` and the event loop work together.
    "core": ("exceptions", "events", "futures", "tasks", "kernel", "selector_events"),
    # How tasks wait for one another.
    "sync": ("locks", "queues"),
    # How to structure programs.
    "structure": ("combinators", "timeouts", "taskgroups", "reports", "asyncgens", "debug",
                  "threads", "policies", "runners"),
    # How bytes travel.
    "streams": ("protocols", "transports", "descriptors", "sslproto", "sockets", "staggered",
                "connections", "datagrams", "streams", "sendfile"),
    # How the loop meets the operating system; the last file binds everything into one class.
    "system": ("subprocess", "signals", "unix_events"),
    # How programs that were written for asyncio run and are watched; a reader may skip it.
    "trace": ("trace.watchers", "trace.places", "trace.graph", "trace.programs", "trace.repl",
              "__main__"),
}  # fmt: skip

# Ring by ring: the names of each file are in its own __all__.
__all__ = (
    *coroutines.__all__, *abstract.__all__,  # words
    *exceptions.__all__, *events.__all__, *futures.__all__, *tasks.__all__,  # core
    *locks.__all__, *queues.__all__,  # sync
    *combinators.__all__, *timeouts.__all__, *taskgroups.__all__, *threads.__all__,  # structure
    *policies.__all__, *runners.__all__,
    *protocols.__all__, *transports.__all__, *connections.__all__, *streams.__all__,  # streams
    *subprocess.__all__, *unix_events.__all__,  # system
    *watchers.__all__, *graph.__all__,  # trace
)  # fmt: skip
