"""The folder that programs.py puts on PYTHONPATH: it holds nothing but the package `asyncio`."""
