"""The same workloads on every execution model, timed and checked.

Run it from the root of the repository: `python -m comparisons --help`.
"""
