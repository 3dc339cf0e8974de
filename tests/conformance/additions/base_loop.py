"""asyncio's base classes of loops, out of a loop that is a chain of chapters.

Purpose: asyncio's `BaseEventLoop` has all but the selector, and the suite's own loop derives from
it and brings selector, readers and writers itself. miniloop's class of that name is the first
chapter only, and the selector is the second. Likewise asyncio's `BaseSelectorEventLoop` has all but
what is Unix's own, which is miniloop's last chapter.
Rules: that one is the class before the implementation's last; the other is the same class with the
second chapter left out of its order.
"""

from __future__ import annotations

import sys
from typing import Any

from .places import PACKAGE, module_of


def give_base_loop() -> None:
    base = vars(module_of("base_events")).get("BaseEventLoop")
    selecting = vars(module_of("selector_events")).get("BaseSelectorEventLoop")
    whole = getattr(sys.modules[PACKAGE], "SelectorEventLoop", None)
    if base and selecting and whole and issubclass(whole, selecting):
        before_unix = whole.__base__
        loop = _without_selector(before_unix, selecting, base)
        for module in (module_of("base_events"), sys.modules[PACKAGE]):
            vars(module)["BaseEventLoop"] = loop
        vars(module_of("selector_events"))["BaseSelectorEventLoop"] = before_unix


def _without_selector(last: type, selecting: type, base: Any) -> type:
    """The class `last` with a stand-in for the chapter `selecting`."""

    def begin(self: Any, selector: None = None) -> None:
        base.__init__(self)  # the chapters that follow hand a selector down, and it ends here

    stand_in = type("NoSelector", (base,), {"__init__": begin})

    class LeavesOutSelector(type):
        def mro(cls) -> list[type]:
            return [stand_in if one is selecting else one for one in super().mro()]

    namespace = {"__module__": base.__module__, "__doc__": base.__doc__}
    return LeavesOutSelector("BaseEventLoop", (last,), namespace)
