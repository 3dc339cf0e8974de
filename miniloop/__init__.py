"""miniloop: asyncio, written again from nothing in Python, to be read.

Read the files in the order below, which is also the order of their imports: a file imports only files
that stand before it. `import miniloop as asyncio` runs programs that were written for asyncio.
"""

from __future__ import annotations

from typing import Final

from .exceptions import *
from .coroutines import *
from .events import *
from .futures import *
from .tasks import *
from .base_events import *
from .selector_events import *
from .locks import *
from .queues import *
from .combinators import *
from .timeouts import *
from .taskgroups import *
from .threads import *
from .runners import *
from .protocols import *
from .transports import *
from .connections import *
from .streams import *
from .unix_events import *

#: Ring by ring, file by file.
READING_ORDER: Final = {
    # How `await` becomes a loop.
    "core": (
        "exceptions",
        "coroutines",
        "format_helpers",
        "events",
        "futures",
        "tasks",
        "base_events",
        "selector_events",
    ),
    # How tasks wait for one another.
    "sync": ("locks", "queues"),
    # How programs are held together.
    "structure": ("combinators", "timeouts", "taskgroups", "asyncgens", "threads", "runners"),
    # How bytes travel.
    "streams": ("protocols", "transports", "sockets", "connections", "streams"),
    # How the loop meets the operating system.
    "system": ("unix_events",),
}
