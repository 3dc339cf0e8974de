"""Names that a shadow adds to an implementation, because the suite reads them.

Purpose: names, modules and adapters. `shadow.py` copies this folder into the shadow's package,
whose `__init__` imports it last.
Rules: nothing here replaces behaviour: every name refers to an object of the implementation. An
implementation with asyncio's module layout gets only the names of the pure-Python classes.
"""

from __future__ import annotations

from . import places, watchers

if not places.laid_out_as_asyncio():
    places.give_places()
    places.give_attributes()
    watchers.give_watchers()
places.give_twins()
