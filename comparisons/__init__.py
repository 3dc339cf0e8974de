"""The same work under every model of execution, timed, checked and shown.

Run from the repository's root: `python -m comparisons --help`.
"""
