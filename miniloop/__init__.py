"""miniloop: asyncio, written again from nothing in Python, to be read.

Read the files in READING_ORDER, at the end of this file: a file imports only files that stand
before it. `import miniloop as asyncio` runs programs that were written for
asyncio.
"""

from __future__ import annotations

import sys

from .coroutines import *
from .exceptions import *
from .events import *
from .futures import *
from .tasks import *
from .base_events import *
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

#: Ring by ring, file by file.
READING_ORDER = {
    # Names for things in annotations and log lines; a reader may skip it.
    "words": ("hints", "coroutines", "format_helpers"),
    # How `await` becomes a loop.
    "core": ("exceptions", "events", "futures", "tasks", "base_events", "selector_events"),
    # How tasks wait for one another.
    "sync": ("locks", "queues"),
    # How programs are held together.
    "structure": ("combinators", "timeouts", "taskgroups", "mishaps", "threads", "policies",
                  "runners"),
    # How bytes travel.
    "streams": ("protocols", "transports", "descriptors", "sslproto", "sockets", "staggered",
                "connections", "datagrams", "streams", "sendfile"),
    # How the loop meets the operating system.
    "system": ("signals", "pipes", "subprocess", "unix_events"),
}  # fmt: skip

_files = (sys.modules[f"{__name__}.{name}"] for ring in READING_ORDER.values() for name in ring)
__all__ = tuple(name for file in _files for name in getattr(file, "__all__", ()))
