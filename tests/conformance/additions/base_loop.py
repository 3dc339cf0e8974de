"""asyncio's base classes of loops, out of a loop that is a chain of chapters.

Purpose: asyncio's `BaseEventLoop` has all but the selector, and the suite's own loop derives from
it and brings selector, readers and writers itself. miniloop's class of that name is the first
chapter only, and the selector is the second.
Rules: the class here is the implementation's last one with that chapter left out of its order.
"""

from __future__ import annotations

import sys
from typing import Any

from .places import PACKAGE, module_of


class _LeavesOutSelector(type):
    """Puts a class without a selector where the chapter on selectors stands."""

    def mro(cls) -> list[type]:
        return [_stand_in if one is _selecting else one for one in super().mro()]


def _begin(self: Any, selector: None = None) -> None:
    """The chapters that follow hand a selector down."""
    _base.__init__(self)


_base: Any = vars(module_of("base_events")).get("BaseEventLoop")
_selecting: Any = vars(module_of("selector_events")).get("BaseSelectorEventLoop")
_whole: Any = getattr(sys.modules[PACKAGE], "SelectorEventLoop", None)
_stand_in = type("NoSelector", (_base,), {"__init__": _begin}) if _base else object


def give_base_loop() -> None:
    if _base and _selecting and _whole and issubclass(_whole, _selecting):
        namespace = {"__module__": _base.__module__, "__doc__": _base.__doc__}
        loop = _LeavesOutSelector("BaseEventLoop", (_whole,), namespace)
        for module in (module_of("base_events"), sys.modules[PACKAGE]):
            vars(module)["BaseEventLoop"] = loop
        vars(module_of("selector_events"))["BaseSelectorEventLoop"] = _whole
