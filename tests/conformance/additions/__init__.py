"""Names that a shadow adds to an implementation, because the suite reads them.

Purpose: names, modules and adapters. `shadow.py` copies this folder into the shadow's package,
whose `__init__` calls `add()` last.
Rules: nothing here replaces behaviour: every name refers to an object of the implementation. A
plain shadow, and an implementation with asyncio's module layout, get only the names of the
pure-Python classes and empty modules for Windows.
"""

from __future__ import annotations

from . import places, twins, watchers


def add(plain: bool) -> None:
    if not plain and not places.laid_out_as_asyncio():
        places.give_places()
        places.give_attributes()
        places.give_awaited_by()
        watchers.give_choice()
        watchers.give_watchers()
    twins.give_twins()
    twins.give_windows()
