"""What `import asyncio` finds in a program that runs on miniloop: miniloop, by the name asyncio.

Purpose: programs.py puts the folder `stand_in` on PYTHONPATH. Python looks there before it looks in
the standard library, so it finds this file, in child processes too. This file turns itself into the
package three folders above. Submodules come from there: `asyncio.locks` is `miniloop/locks.py`.
Since that code runs with the name asyncio, log records and messages say "asyncio" as well.
Invariants: asyncio and miniloop are the same modules afterwards, even if a copy of miniloop was
imported before, because a loop of one copy would be unknown to the other. `import _asyncio` raises
ImportError. A Python older than 3.11, which a program may start as a child process, gets the
asyncio of its own standard library.
This file does not depend on any other, and older Pythons must be able to read it.
"""

import os
import sys
from importlib.machinery import SourceFileLoader
from os.path import abspath, dirname, join

if __name__ == "asyncio":  # and not if something imports it as miniloop.trace.stand_in.asyncio
    _package = dirname(dirname(dirname(dirname(abspath(__file__)))))
    _name = os.path.basename(_package)
    _copy = sys.modules.get(_name, sys.modules[__name__])  # or this package: there is no copy
    _folder = _package if sys.version_info >= (3, 11) else join(dirname(os.__file__), "asyncio")

    # Not by a new module object in sys.modules: the import system knows this one, and makes other
    # threads wait until its code has run.
    __spec__.submodule_search_locations = __path__ = [_folder]
    __spec__.origin = __file__ = join(_folder, "__init__.py")
    __spec__.loader = __loader__ = SourceFileLoader(__name__, __file__)
    sys.modules["_asyncio"] = None  # type: ignore[assignment] # the import system allows None
    __loader__.exec_module(sys.modules[__name__])

    for _key in [key for key in sys.modules if key.split(".")[0] == __name__]:
        sys.modules[_name + _key[len(__name__) :]] = sys.modules[_key]
    vars(_copy).update(globals())
