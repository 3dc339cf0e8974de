"""Running and watching programs.

Purpose: start a program on miniloop, and show what it does. A reader of the event loop may skip
this folder: no file of the library depends on it.

    programs.py   runs a program unchanged: its `import asyncio` finds miniloop
    stand_in/     the package `asyncio` that it finds
    repl.py       a prompt that understands `await`
    graph.py      call graphs: which task waits for which
"""
