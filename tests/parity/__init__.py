"""Parity: one scenario, two implementations, the same assertion. Read `harness.py` first."""
