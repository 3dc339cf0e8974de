"""miniloop: asyncio, written again from nothing in Python, to be read.

Read the files in the order below, which is also the order of their imports: a file imports only
files that stand before it. `import miniloop as asyncio` runs programs that were written for
asyncio.
"""

from __future__ import annotations

from typing import Final

from .base_events import *
from .combinators import *
from .connections import *
from .coroutines import *
from .events import *
from .exceptions import *
from .futures import *
from .locks import *
from .protocols import *
from .queues import *
from .runners import *
from .selector_events import *
from .streams import *
from .taskgroups import *
from .tasks import *
from .threads import *
from .timeouts import *
from .transports import *
from .unix_events import *

#: Ring by ring, file by file.
READING_ORDER: Final = {
    # Names for things in log lines; a reader may skip it.
    "words": ("coroutines", "format_helpers"),
    # How `await` becomes a loop.
    "core": ("exceptions", "events", "futures", "tasks", "base_events", "selector_events"),
    # How tasks wait for one another.
    "sync": ("locks", "queues"),
    # How programs are held together.
    "structure": (
        "combinators", "timeouts", "taskgroups",
        "reports", "debug", "asyncgens", "threads", "runners",
    ),
    # How bytes travel.
    "streams": ("protocols", "transports", "sockets", "staggered", "connections", "streams"),
    # How the loop meets the operating system.
    "system": ("unix_events",),
}  # fmt: skip
