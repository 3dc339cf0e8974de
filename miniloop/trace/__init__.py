"""Watching a run: what a program on miniloop does, and which task waits for which.

Purpose: the parts that look at a program from outside. A reader of the event loop may skip them:
no file of the library depends on them. `graph` has the call graphs of asyncio.
"""
