"""miniloop: asyncio, written again from nothing in Python, to be read."""
from .exceptions import *
from .coroutines import *
from .events import *
from .futures import *
from .tasks import *
from .base_events import *
from .selector_events import *
from . import events
class SelectorEventLoop(BaseSelectorEventLoop): pass
events._loop_factory = SelectorEventLoop
