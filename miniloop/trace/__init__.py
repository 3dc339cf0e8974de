"""Running and watching programs that were written for asyncio.

Purpose: start such a program on miniloop, give it all of asyncio's names, and show what it does. A
reader of the event loop may skip this folder: no file of the library depends on it.

    watchers.py   child watchers, which Python 3.14 removed
    places.py     asyncio's modules and names, for what is defined in other files here
    programs.py   runs a program unchanged: its `import asyncio` finds miniloop
    stand_in/     the package `asyncio` that it finds
    repl.py       a prompt that understands `await`
    graph.py      call graphs: which task waits for which
"""
