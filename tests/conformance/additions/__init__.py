"""What a shadow adds to an implementation, so that the suite finds what it reads.

Purpose: names, places and adapters; `shadow.py` copies this folder into the shadow's package, whose
`__init__` imports it last.
Rules: nothing here behaves in the implementation's place: every name leads to its own objects. An
implementation that is laid out as asyncio is gets nothing but the names of the pure-Python twins.
"""

from __future__ import annotations

from . import base_loop, places, watchers

if not places.laid_out_as_asyncio():
    places.give_places()
    places.give_attributes()
    base_loop.give_base_loop()
    watchers.give_watchers()
places.give_twins()
