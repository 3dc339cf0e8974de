"""Settings for every test: no Hypothesis deadline, and leaks are reported in the right module."""

from __future__ import annotations

import gc
import os
import signal
from collections.abc import Iterator

import pytest
from hypothesis import settings

# In CI, the examples are the same in each run: a change must not fail because of an older bug.
settings.register_profile("house", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("house")

# A process that a shell starts in the background ignores Ctrl-C, and so do its children.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True, scope="module")
def leaks_are_reported_in_their_own_module() -> Iterator[None]:
    """Collect garbage when a module's tests are over.

    A socket or coroutine in a reference cycle warns only when the garbage collector runs.
    Without this fixture that could happen in another module's test, which would then fail.
    """
    yield
    gc.collect()
