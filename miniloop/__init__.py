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
from .watchers import *
from . import coroutines, policies, watchers
from . import places as places
from .trace.programs import install as install
from .trace.graph import *

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
    # Child watchers, which Python 3.14 removed; asyncio's modules that are not files here. A reader
    # may skip them.
    "names": ("watchers", "places"),
    # How programs are run and watched; a reader may skip it.
    "trace": ("trace.graph", "trace.programs", "trace.repl", "__main__"),
}  # fmt: skip

__all__ = (
    # words: what a coroutine is, and what a loop and a server offer
    "iscoroutine", "iscoroutinefunction", "AbstractEventLoop", "AbstractServer",
    # core: exceptions; scheduled callbacks and the current loop; Future; Task
    "BrokenBarrierError", "CancelledError", "IncompleteReadError", "InvalidStateError",
    "LimitOverrunError", "SendfileNotAvailableError", "TimeoutError",
    "Handle", "TimerHandle", "get_event_loop", "get_running_loop", "new_event_loop",
    "set_event_loop", "_get_running_loop", "_set_running_loop",
    "Future", "isfuture",
    "Task", "create_task", "ensure_future", "current_task", "all_tasks", "sleep",
    "create_eager_task_factory", "eager_task_factory",
    "_register_task",
    # sync: what tasks wait for, and hand to one another
    "Lock", "Event", "Condition", "Semaphore", "BoundedSemaphore", "Barrier",
    "Queue", "PriorityQueue", "LifoQueue", "QueueFull", "QueueEmpty", "QueueShutDown",
    # structure: several awaitables at once, deadlines, groups, threads, the program's frame
    "ALL_COMPLETED", "FIRST_COMPLETED", "FIRST_EXCEPTION", "as_completed", "gather", "shield",
    "wait", "Timeout", "timeout", "timeout_at", "wait_for", "TaskGroup",
    "_unregister_task", "_enter_task", "_leave_task",
    "run_coroutine_threadsafe", "to_thread", "wrap_future", "Runner", "run",
    "get_event_loop_policy", "set_event_loop_policy",
    # streams: protocols, transports, servers, and the streams on top of them
    "BaseProtocol", "Protocol", "BufferedProtocol", "DatagramProtocol", "SubprocessProtocol",
    "BaseTransport", "ReadTransport", "WriteTransport", "Transport", "DatagramTransport",
    "SubprocessTransport", "Server", "StreamReader", "StreamReaderProtocol", "StreamWriter",
    "open_connection", "open_unix_connection", "start_server", "start_unix_server",
    # system: child processes, and the loop itself
    "create_subprocess_exec", "create_subprocess_shell",
    "BaseEventLoop", "EventLoop", "SelectorEventLoop",
    # names: child watchers, before Python 3.14
    *watchers.__all__,
    # trace: which task waits for which
    "FrameCallGraphEntry", "FutureCallGraph", "capture_call_graph", "format_call_graph",
    "print_call_graph", "future_add_to_awaited_by", "future_discard_from_awaited_by",
)  # fmt: skip
