"""What holds for every test: no deadline, and a leak is charged to the module it came from."""

from __future__ import annotations

import gc
import os
import signal
from collections.abc import Iterator

import pytest
from hypothesis import settings

# In CI the same examples each time: a change is not to fail for what another one has broken.
settings.register_profile("house", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("house")

# A shell that starts something in the background lets it ignore Ctrl-C, and all that it starts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True, scope="module")
def leaks_are_reported_in_their_own_module() -> Iterator[None]:
    """Collect garbage when a module's tests are over.

    A socket or coroutine caught in a reference cycle warns only when the collector comes by.
    Left to chance, that is in some other module's test, which then fails for no fault of its own.
    """
    yield
    gc.collect()
