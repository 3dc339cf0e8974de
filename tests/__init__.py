"""The tests of miniloop, its comparisons, and the house rules. Run `python -m pytest`."""
